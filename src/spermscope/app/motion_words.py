"""How a cell moved, in words: numbers that were computed, and for the others the reason."""

from __future__ import annotations

import math
from collections import defaultdict

from spermscope import locale
from spermscope.app.words import language, told, word
from spermscope.types import Kinematics

SHORT = (("VSL", "vsl_um_s"), ("VAP", "vap_um_s"), ("VCL", "vcl_um_s"))
NUMBERS = (
    *((name, column, "{:.0f} µm/s") for name, column in SHORT),
    *(("LIN", "lin", "{:.2f}"), ("STR", "str_", "{:.2f}"), ("WOB", "wob", "{:.2f}")),
    *(("ALH", "alh_um", "{:.1f} µm"), ("BCF", "bcf_hz", "{:.1f} Hz"), ("MAD", "mad_deg", "{:.0f}°")),
)


def in_short(motion: Kinematics | None) -> str:
    """One line: the WHO grade and the speeds there are, or why there is none."""
    if motion is None:
        return word("measured_later")
    parts = [word(f"who_{motion.who_motility}")] if motion.who_motility else []
    known = [(name, getattr(motion, column)) for name, column in SHORT]
    speeds = [f"{name} {value:.0f}" for name, value in known if not math.isnan(value)]
    if speeds:
        return "  ".join([*parts, *speeds[:-1], f"{speeds[-1]} µm/s"])
    return "  ".join(parts) or told(motion.why.get("vsl_um_s", "")) or word("measured_later")


def in_full(motion: Kinematics | None) -> list[str]:
    """Up to five lines: what was computed, then what was not, names of one reason together."""
    if motion is None:
        return [word("measured_later")]
    parts = [word(f"who_{motion.who_motility}")] if motion.who_motility else []
    if motion.hyperactivated == "yes":
        parts.append(word("hyper_yes"))
    values = [(name, getattr(motion, column), form) for name, column, form in NUMBERS]
    computed = [f"{name} {form.format(value)}" for name, value, form in values if not math.isnan(value)]
    if not math.isnan(motion.twitch_um):
        computed.append(f"{word('twitch')} {motion.twitch_um:.1f} µm")
    speeds, others = parts + computed[:3], computed[3:]
    return ["   ".join(line) for line in (speeds, others) if line] + _absent(motion)


def _absent(motion: Kinematics) -> list[str]:
    names: dict[str, list[str]] = defaultdict(list)
    for name, column, _ in NUMBERS:
        if math.isnan(getattr(motion, column)) and column in motion.why:
            names[motion.why[column]].append(name)
    if not motion.who_motility and "who_motility" in motion.why:
        names[motion.why["who_motility"]].append(word("absent_who"))
    return [word("same_reason", names=locale.listed(alike, language()), why=told(why)) for why, alike in names.items()]
