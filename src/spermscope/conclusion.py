"""What a source's totals say, in the words of ``session.json``: shares, reasons, models, versions."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from spermscope.calibration import Calibration
from spermscope.concentration import concentration, distinct_views, searched_volume_ul
from spermscope.motility import MotilityShares, hyperactivated_shares, motility_shares
from spermscope.runtime import Model
from spermscope.settings import Settings
from spermscope.summary import DEMONSTRATION, Amount, ModelUse, Share, Summary
from spermscope.tally import Tally
from spermscope.types import GRADES, Kinematics, Scale, SourceProfile
from spermscope.video import Source
from spermscope.video.scale import scale_network

WHO_WITHIN_C = 0.5
"""How far from 37 C a stage may be declared: our choice, the manual names 37 C alone."""
LIVE_KINDS = ("sim", "camera", "basler", "micromanager")
"""What addresses that are no file begin with."""
REPORTED_VERSIONS = ("spermscope", "numpy", "scipy", "opencv-python-headless", "openvino", "av")


class Conditions(BaseModel):
    """What the person at the microscope knows; codes only, never names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample: str = Field(default="", max_length=80)
    donor: str = Field(default="", max_length=80)
    ejaculate: bool = False
    preparation: str = Field(default="", max_length=200)
    temperature_c: float | None = Field(default=None, ge=-20, le=80)
    depth_um: float | None = Field(default=None, gt=0, le=10000)

    def who_reason(self, scale: Scale) -> str:
        """Why WHO grades are withheld; '' for ejaculate at 37 C, in a known chamber, on a scale that was measured."""
        asked = {
            "ejaculate (--ejaculate)": self.ejaculate,
            "37 C (--temperature-c)": self.temperature_c is not None and abs(self.temperature_c - 37.0) <= WHO_WITHIN_C,
            "a chamber's depth (--depth-um)": self.depth_um is not None,
            "a measured scale": scale.source != "estimated",
        }
        missing = [name for name, declared in asked.items() if not declared]
        return f"WHO grades need {', '.join(missing)}" if missing else ""


def conclude(
    source: Source,
    models: Sequence[Model],
    settings: Settings,
    conditions: Conditions,
    tally: Tally,
    *,
    calibration: Calibration | None = None,
    reason: str,
    mark: str,
    because: str,
    stills: bool,
) -> Summary:
    """The summary; ``because`` says why the session is only a part, ``reason`` why um are withheld."""
    seconds = tally.cell_seconds()
    shares = motility_shares(seconds.who, seconds.seconds, np.random.default_rng(0))
    called = hyperactivated_shares(seconds.hyperactivated, seconds.seconds, np.random.default_rng(0))
    who_reason = conditions.who_reason(source.profile.scale)
    no_amount = _no_amount(source.profile, conditions, tally, stills)
    sample = tally.sample_distribution()
    found_scale = (scale_network(),) if source.profile.scale.source == "estimated" else ()
    uses = [_use(model) for model in (*models, *found_scale)]
    return Summary(
        session_id=str(uuid.uuid4()),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        complete=not because,
        incomplete_because=because,
        source_kind=_kind(source.address, stills),
        source_sha256=source.sha256,
        profile=_profile(source, calibration),
        frames=tally.frames,
        duration_s=_finite(tally.duration_s),
        rate_hz=_finite(source.profile.rate_hz),
        dropped=tally.dropped,
        fields=tally.fields,
        cells=tally.cells,
        mean_in_view=_finite(tally.mean_in_view()),
        concentration=None if no_amount else _amount(source.profile, conditions.depth_um or 0.0, tally),
        motility=_shown(shares),
        no_who_grades=who_reason,
        graded_cell_s=shares.graded_s,
        ungraded_cell_s=shares.ungraded_s,
        hyperactivated=(_shown(called) or {}).get("yes"),
        called_cell_s=called.graded_s,
        graded=tally.graded,
        not_graded=dict(tally.not_graded),
        sample_distribution=dict(zip(GRADES, sample.tolist(), strict=True)) if tally.graded else None,
        conditions=conditions.model_dump(),
        settings=settings.model_dump(),
        versions={name: version(name) for name in REPORTED_VERSIONS} | {"python": platform.python_version()},
        models=uses,
        demonstration=any(use.demonstration for use in uses),
        demonstration_text=DEMONSTRATION if any(use.demonstration for use in uses) else "",
        timings_ms=tally.timings_ms(),
        warnings=list(source.warnings),
        not_computed=_not_computed(tally, shares, called, reason, who_reason, stills)
        | ({"concentration": no_amount} if no_amount else {}),
        note=mark,
    )


def _shown(shares: MotilityShares) -> dict[str, Share] | None:
    if not shares.graded_s > 0:
        return None
    return {
        name: Share(share=share, low=_finite(shares.low[name]), high=_finite(shares.high[name]))
        for name, share in shares.share.items()
    }


def _no_amount(profile: SourceProfile, conditions: Conditions, tally: Tally, stills: bool) -> str:
    """Why there is no concentration, '' where there is one."""
    if stills:
        return "not computed: stills may overlap"
    if conditions.depth_um is None:
        return "not computed: no chamber depth was given"
    if profile.scale.source == "estimated":
        return "not computed: the scale is estimated, and its error would count twice; calibrate"
    if not tally.frames:
        return "not computed: no frame"
    if len(tally.shapes) > 1:
        return "not computed: the pictures have several sizes"
    return "" if len(tally.watched().in_view) else "not computed: no field was watched long enough for a cell to count"


def _amount(profile: SourceProfile, depth_um: float, tally: Tally) -> Amount:
    """Every field counts alike, however long or often it was looked at, and shared ground once."""
    scale, watched = profile.scale.um_per_px, tally.watched()
    views = distinct_views(watched.maps, watched.place_um, profile.width_px * scale, profile.height_px * scale)
    volume_ul = searched_volume_ul(profile.width_px, profile.height_px, scale, depth_um, views)
    return concentration(views * float(watched.in_view.mean()), volume_ul)


def _not_computed(
    tally: Tally, shares: MotilityShares, called: MotilityShares, reason: str, who_reason: str, stills: bool
) -> dict[str, str]:
    absent: dict[str, str] = {}
    if stills:
        return {"motility": "not computed: stills have no time", "grades": "not graded: stills have no time"}
    if tally.cells == 0:
        absent["cells"] = f"no cell seen in {tally.frames} frames"
    if not shares.graded_s > 0:
        absent["motility"] = f"not computed: {reason or who_reason or 'no cell was followed for a second'}"
    elif shares.no_interval:
        absent["motility intervals"] = shares.no_interval
    if not called.graded_s > 0:
        why = f"not computed: {reason or 'no cell was followed for long enough'}"
        absent["hyperactivated"] = why if reason else tally.not_computed.get("hyperactivated", why)
    elif called.no_interval:
        absent["hyperactivated interval"] = called.no_interval
    if reason:
        absent["micrometres"] = f"not computed: {reason}"
    listed = (field.name for field in fields(Kinematics))
    beat = {name: tally.not_computed[name] for name in listed if " below " in tally.not_computed.get(name, "")}
    return absent | {name: why for name, why in beat.items() if name not in absent}


def _use(model: Model) -> ModelUse:
    card = model.card
    return ModelUse(
        kind=card.kind,
        name=card.name,
        version=card.version,
        sha256=model.sha256,
        trained_on=card.trained_on,
        demonstration=card.demonstration,
        precision=model.precision,
        card=card.model_dump(mode="json"),
    )


def _kind(address: str, stills: bool) -> str:
    prefix = address.split(":", 1)[0]
    return "stills" if stills else prefix if prefix in LIVE_KINDS and ":" in address else "file"


def _profile(source: Source, calibration: Calibration | None) -> dict[str, object]:
    """The profile; ``scales`` are those of stills without a given one, by the longer and the shorter side."""
    values = asdict(source.profile)
    scale = values.pop("scale")
    flat = values | {
        "um_per_px": scale["um_per_px"],
        "scale_source": scale["source"],
        "scale_error": scale["relative_error"],
        "optics": calibration.name if calibration else "",
        "calibrated": calibration.made if calibration else "",
        "scales": [
            {"longer_px": sides[0], "shorter_px": sides[1], "um_per_px": scale.um_per_px, "error": scale.relative_error}
            for sides, scale in (source.stills.by_size.items() if source.stills else ())
        ],
    }
    return {name: _finite(value) if isinstance(value, float) else value for name, value in flat.items()}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
