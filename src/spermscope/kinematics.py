"""One track to VCL VSL VAP LIN STR WOB ALH BCF MAD, twitch, hyperactivation and WHO grade; NaN with a reason else.

Names and definitions are the WHO manual's (6th edition, as quoted by the field); where it leaves a choice, ours is in
``docs/KINEMATICS.md``. Everything comes from time stamps; frame counts divided by a nominal rate appear nowhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.average_path import average_path
from spermscope.settings import KinematicsSettings
from spermscope.types import Kinematics
from spermscope.who_motility import LEAST_POINTS, twitch_um, who_motility

Floats = NDArray[np.float64]
BEAT_FIELDS = ("vcl_um_s", "lin", "wob", "alh_um", "bcf_hz", "mad_deg", "hyperactivated")
"""What aliases when the head's beat (4-16 Hz) is sampled too slowly."""
UM_FIELDS = (
    *("vcl_um_s", "vsl_um_s", "vap_um_s", "alh_um", "twitch_um"),
    *("tail_movement", "hyperactivated", "who_motility"),
)
SECOND_FIELDS = ("twitch_um", "tail_movement", "who_motility")
"""What needs a second of track."""
NO_TAIL = (float("nan"), "not computed: no pictures of the tail")
WORDS = ("hyperactivated", "who_motility")
"""Fields that hold a word, empty where the others are NaN."""


def compute_kinematics(
    time_s: Floats,
    xy_um: Floats,
    observed: NDArray[np.bool_],
    settings: KinematicsSettings | None = None,
    *,
    repeated: NDArray[np.bool_] | None = None,
    tail: tuple[float, str] = NO_TAIL,
    um_reason: str = "",
    who_reason: str = "",
) -> Kinematics:
    """How one track moved.

    Parameters
    ----------
    time_s, xy_um, observed
        ``(n,)`` rising, ``(n, 2)`` drift-free head centres, ``(n,)``; predicted rows only bridge gaps.
    repeated
        ``(n,)`` rows whose picture was the one before it once more: they add no rate. They are left out where the
        others come fast enough for the beat; elsewhere they say that the cell was still seen.
    tail
        How the tail moves (``tails``), NaN and why where that is not known.
    um_reason
        Why micrometres are withheld (scale estimated); every um value and the WHO grade is then absent.
    who_reason
        Why the WHO grade alone is withheld (its conditions were not declared).

    Returns
    -------
    Kinematics
        VSL <= VAP <= VCL always holds before gating (the average path's window shrinks symmetrically at both ends,
        so its ends are the track's ends and no step counts more than once).

    Raises
    ------
    ValueError
        When the arrays disagree or time does not rise.
    """
    rules = settings or KinematicsSettings()
    _check(time_s, xy_um, observed)
    if len(time_s) < 3:
        return _absent(time_s, f"not computed: {len(time_s)} positions, 3 are needed")
    time_s, xy_um = np.asarray(time_s, float), np.asarray(xy_um, float)
    kept, too_slow = _kept(time_s, repeated, rules)
    window_s = rules.slow_window_s if too_slow else rules.window_s
    values, why = _numbers(time_s[kept], xy_um[kept], rules, window_s, tail)
    if too_slow:
        _withhold(values, why, BEAT_FIELDS, too_slow)
    duration_s = float(time_s[-1] - time_s[0])
    if duration_s < rules.who_s - 1e-6:
        short = f"not computed: {duration_s:.2f} s of track, {rules.who_s:g} s are needed"
        _withhold(values, why, SECOND_FIELDS, short)
    if who_reason:
        _withhold(values, why, ("who_motility",), f"not computed: {who_reason}")
    if um_reason:
        _withhold(values, why, UM_FIELDS, f"not computed: {um_reason}")
    return Kinematics(**values, duration_s=duration_s, n_frames=int(observed.sum()), why=why)


def _kept(
    time_s: Floats, repeated: NDArray[np.bool_] | None, rules: KinematicsSettings
) -> tuple[NDArray[np.bool_], str]:
    """Which rows count, and why the beat is not computed; '' where different pictures come fast enough for it."""
    new = np.ones(len(time_s), bool) if repeated is None else ~repeated
    new[0] = True
    # A mean rate: containers round single times to milliseconds.
    rate_hz = float((new.sum() - 1) / (time_s[-1] - time_s[0]))
    if rate_hz >= rules.beat_rate_hz - 0.5 and new.sum() >= 3:
        return new, ""
    slow = f"not computed: {rate_hz:.3g} fps is below {rules.beat_rate_hz:g}"
    few = f"not computed: {rate_hz:.3g} different pictures a second are below {rules.beat_rate_hz:g}"
    return np.ones_like(new), slow if new.all() else few


def _check(time_s: Floats, xy_um: Floats, observed: NDArray[np.bool_]) -> None:
    if not (len(time_s) == len(xy_um) == len(observed)):
        raise ValueError(f"kinematics: expected equal lengths, found {len(time_s)}, {len(xy_um)}, {len(observed)}")
    if np.any(np.diff(time_s) <= 0):
        raise ValueError("kinematics: expected rising times, found equal or falling ones")


def _withhold(values: dict[str, Any], why: dict[str, str], names: tuple[str, ...], reason: str) -> None:
    for name in names:
        values[name], why[name] = "" if name in WORDS else np.nan, reason


def _numbers(
    time_s: Floats, xy_um: Floats, rules: KinematicsSettings, window_s: float, tail: tuple[float, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Every value that the points give, whatever they support, and why some are absent."""
    duration_s = float(time_s[-1] - time_s[0])
    path = average_path(time_s, xy_um, window_s)
    vcl = _length(xy_um) / duration_s
    vap = min(_length(path) / duration_s, vcl)
    vsl = min(float(np.hypot(*(xy_um[-1] - xy_um[0]))) / duration_s, vap)
    values: dict[str, Any] = {"vcl_um_s": vcl, "vsl_um_s": vsl, "vap_um_s": vap}
    why: dict[str, str] = {}
    for name, part, whole in (("lin", vsl, vcl), ("str_", vsl, vap), ("wob", vap, vcl)):
        values[name] = part / whole if whole > 0 else np.nan
        if not whole > 0:
            why[name] = "not computed: the cell did not move"
    values["alh_um"], widest_um, values["bcf_hz"] = _beat(time_s, xy_um, path, window_s, rules)
    for name in ("alh_um", "bcf_hz"):
        if np.isnan(values[name]):
            why[name] = "not computed: fewer than three crossings of the average path"
    values["mad_deg"] = _turning(xy_um)
    if np.isnan(values["mad_deg"]):
        why["mad_deg"] = "not computed: the cell did not move"
    values["hyperactivated"] = _hyperactivated(vcl, values["lin"], widest_um, rules)
    if not values["hyperactivated"]:
        why["hyperactivated"] = why["alh_um"]
    values["twitch_um"] = twitch_um(time_s, xy_um, rules.who_s)
    values["tail_movement"], no_tail = tail
    values["who_motility"] = who_motility(time_s, xy_um, rules, values["tail_movement"])
    if no_tail:
        why["tail_movement"] = no_tail
    if np.isnan(values["twitch_um"]):
        why["twitch_um"] = f"not computed: fewer than {LEAST_POINTS} positions in {rules.who_s:g} s"
    if not values["who_motility"]:
        why["who_motility"] = why["twitch_um"]
    return values, why


def _hyperactivated(vcl: float, lin: float, widest_um: float, rules: KinematicsSettings) -> str:
    """``yes`` where VCL >= 150 um/s, LIN <= 0.5 and the greatest ALH >= 7 um.

    Limits for 60 Hz, commonly attributed to Mortimer, Swan & Mortimer 1998; not checked against the paper itself.
    '' where the first two hold and the track has no whole beat to tell the third from.
    """
    if not (vcl >= rules.hyper_vcl_um_s and lin <= rules.hyper_lin):
        return "no"
    return "" if np.isnan(widest_um) else "yes" if widest_um >= rules.hyper_alh_um else "no"


def _length(points: Floats) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _turning(xy_um: Floats) -> float:
    """Mean absolute turning angle between successive steps, degrees (WHO: MAD)."""
    steps = np.diff(xy_um, axis=0)
    steps = steps[np.hypot(*steps.T) > 0]
    if len(steps) < 2:
        return float("nan")
    course = np.arctan2(steps[:, 1], steps[:, 0])
    turn = (np.diff(course) + np.pi) % (2 * np.pi) - np.pi
    return float(np.degrees(np.abs(turn).mean()))


def _beat(
    time_s: Floats, xy_um: Floats, path: Floats, window_s: float, rules: KinematicsSettings
) -> tuple[float, float, float]:
    """ALH, the greatest ALH and BCF from the risers, the signed distances of the track from its average path.

    A side is taken when a riser exceeds twice the localisation noise, so a still cell has no beat. BCF counts changes
    of side in both directions over the time between the first and the last of them. ALH is twice the mean of the
    half-beats' largest risers, the greatest ALH twice the largest of them. A moving average of width W leaves
    sinc(W f) of a beat f in the average path; the risers are divided by what it takes away (1 - sinc).
    """
    riser, full = _risers(time_s, xy_um, path, window_s)
    time_s, riser = time_s[full], riser[full]
    crossings, peaks = _half_beats(time_s, riser, 2.0 * rules.noise_um)
    if len(crossings) < 3:
        return float("nan"), float("nan"), float("nan")
    bcf = (len(crossings) - 1) / float(crossings[-1] - crossings[0])
    left = float(np.sinc(0.5 * bcf * window_s))
    if left >= 0.7:
        return float("nan"), float("nan"), bcf
    return 2.0 * float(np.mean(peaks)) / (1.0 - left), 2.0 * max(peaks) / (1.0 - left), bcf


def _risers(time_s: Floats, xy_um: Floats, path: Floats, window_s: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Signed distance of each point from the average path along its normal, and where the window was whole."""
    tangent = np.gradient(path, axis=0)
    size = np.hypot(*tangent.T)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]]) / np.maximum(size, 1e-12)[:, None]
    riser: Floats = ((xy_um - path) * normal).sum(axis=1)
    full = (time_s - time_s[0] >= 0.5 * window_s - 1e-9) & (time_s[-1] - time_s >= 0.5 * window_s - 1e-9)
    return riser, full & (size > 1e-9)


def _half_beats(time_s: Floats, riser: Floats, band_um: float) -> tuple[Floats, list[float]]:
    """Times at which the side changes, and the largest riser of each whole half-beat between two changes."""
    sure = np.flatnonzero(np.abs(riser) > band_um)
    change = np.flatnonzero(np.diff(np.sign(riser[sure])) != 0)
    crossings, peaks = [], []
    last = -1
    for number in change.tolist():
        before, after = int(sure[number]), int(sure[number + 1])
        at = before + int(np.argmax(np.sign(riser[before : after + 1]) != np.sign(riser[before])))
        low, high = riser[at - 1], riser[at]
        crossings.append(time_s[at - 1] + (time_s[at] - time_s[at - 1]) * low / (low - high))
        if last >= 0:
            peaks.append(_peak(np.abs(riser[last:at])))
        last = at
    return np.array(crossings), peaks


def _peak(values: Floats) -> float:
    """The largest value, between samples by a parabola through three."""
    top = int(np.argmax(values))
    if top in (0, len(values) - 1):
        return float(values[top])
    low, middle, high = values[top - 1 : top + 2]
    curve = low - 2 * middle + high
    return float(middle - (low - high) ** 2 / (8 * curve)) if curve < 0 else float(middle)


def _absent(time_s: Floats, reason: str) -> Kinematics:
    names = (
        *("vcl_um_s", "vsl_um_s", "vap_um_s", "lin", "str_", "wob"),
        *("alh_um", "bcf_hz", "mad_deg", "twitch_um", "tail_movement"),
    )
    duration_s = float(time_s[-1] - time_s[0]) if len(time_s) else 0.0
    values = dict.fromkeys(names, float("nan"))
    why = dict.fromkeys((*names, *WORDS), reason)
    return Kinematics(
        **values, hyperactivated="", who_motility="", duration_s=duration_s, n_frames=len(time_s), why=why
    )
