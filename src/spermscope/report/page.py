"""``report.html``: one page that stands alone, for a person to read and print."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from spermscope.locale import listed, text, told
from spermscope.motility import WHO_GRADES
from spermscope.report import gallery, plots
from spermscope.report.paths import read_paths
from spermscope.session import Session, read_session
from spermscope.whole_files import put_text

FEW_SPEEDS = 1


def write_report(folder: Path, language: str = "en") -> Path:
    """Write ``report.html`` into a finished session folder and give its path.

    Raises
    ------
    ValueError
        When ``folder`` holds no session.
    """
    page = render(read_session(folder), language)
    path = folder / "report.html"
    put_text(path, page)
    return path


def render(session: Session, language: str) -> str:
    """The page of one session."""
    say = partial(text, language=language)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        files("spermscope.report").joinpath("report.html.j2").read_text(encoding="utf-8")
    )
    summary = session.summary
    return template.render(
        say=say,
        told=partial(told, language=language),
        language=language,
        s=summary,
        corrected=session.corrected,
        grades=WHO_GRADES,
        colours=plots.COLOURS,
        scales=_scales(summary.profile, language),
        heads=_heads(session) if summary.source_kind == "stills" else 0,
        absent=_absent(summary.not_computed, language),
        settings=json.dumps(summary.settings, indent=1),
        **_cells(session, language),
    )


def _heads(session: Session) -> int:
    """How many heads were found, of all pictures."""
    return sum(row["label"] == "sperm" for row in session.table("detections"))


def _scales(profile: dict[str, Any], language: str) -> list[str]:
    """The scale, or that of each size of picture."""
    if len(sizes := profile.get("scales", [])) > 1:
        return [_scale_of_size(one, language) for one in sizes]
    um, name = f"{profile['um_per_px']:.3f}", profile.get("optics", "")
    percent = _percent(profile.get("scale_error"))
    return [text(f"scale_{profile['scale_source']}", language, um=um, percent=percent, name=name)]


def _scale_of_size(one: dict[str, Any], language: str) -> str:
    um, percent = f"{one['um_per_px']:.3f}", _percent(one["error"])
    return f"{one['longer_px']} x {one['shorter_px']}: {text('scale_estimated', language, um=um, percent=percent)}"


def _percent(error: float | None) -> str:
    """Two digits at most: 0.31, 5.2, 35, 100."""
    return "?" if error is None else f"{float(f'{100 * error:.2g}'):g}"


def _absent(reasons: dict[str, str], language: str) -> list[tuple[str, str]]:
    """What is absent for the same reason, in one row."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, why in reasons.items():
        names[why].append(text(f"absent_{name.replace(' ', '_')}", language))
    return [(listed(alike, language), why) for why, alike in names.items()]


def _cells(session: Session, language: str) -> dict[str, Any]:
    """Galleries and plots, without what a person says is no sperm; each empty where there is nothing to draw."""
    gone = set(session.corrected["not_sperm"]) if session.corrected else set()
    rows = [row for row in session.table("sperm") if int(row["track_id"]) not in gone]
    by_id = {int(row["track_id"]): row for row in rows}
    best, disputed = gallery.pick(rows)
    paths = read_paths(session.folder, {*best, *disputed})
    who = {track_id: row["who_motility"] for track_id, row in by_id.items()}
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["vsl_um_s"]:
            found[row["who_motility"]].append(float(row["vsl_um_s"]))
    size = (int(session.summary.profile["width_px"]), int(session.summary.profile["height_px"]))
    return {
        "best": _cards(session, best, by_id, paths),
        "disputed": _cards(session, disputed, by_id, paths),
        "speeds": plots.speeds(found, language) if found else "",
        "trajectories": plots.trajectories(paths, who, size, language) if paths else "",
    }


def _cards(session: Session, ids: list[int], rows: dict[int, dict[str, str]], paths: Any) -> list[gallery.Card]:
    cards = (gallery.make_card(session, rows[track_id], paths.get(track_id)) for track_id in ids)
    return [card for card in cards if card is not None]
