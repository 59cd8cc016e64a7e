"""What each number does to one and the same swimmer from 15 to 200 frames a second.

``python -m benchmarks.kinematics``. A sine of 12 Hz and 2 um about a line at 60 um/s, and a hyperactivated one of 9 Hz
and 5 um, four seconds of each, without noise. In brackets what the gate at 50 frames a second withholds.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.integrate import quad

from spermscope.kinematics import BEAT_FIELDS, compute_kinematics
from spermscope.settings import KinematicsSettings

RATES_HZ = (15, 25, 30, 50, 60, 100, 200)
UNGATED = KinematicsSettings(beat_rate_hz=1.0)
SWIMMERS = {"ordinary": (60.0, 2.0, 12.0), "hyperactivated": (60.0, 5.0, 9.0)}
"""Speed of the path, amplitude, beat."""
NAMES = {
    "vcl_um_s": "VCL, um/s",
    "vsl_um_s": "VSL, um/s",
    "vap_um_s": "VAP, um/s",
    "lin": "LIN",
    "wob": "WOB",
    "alh_um": "ALH, um",
    "bcf_hz": "BCF, Hz",
    "mad_deg": "MAD, deg",
    "twitch_um": "twitch, um",
    "hyperactivated": "hyperactivated",
    "who_motility": "WHO grade",
}


def truth(speed: float, amplitude: float, beat_hz: float) -> dict[str, float | str]:
    """What a camera without end would give."""
    omega = 2 * np.pi * beat_hz
    arc, _ = quad(lambda t: np.hypot(speed, amplitude * omega * np.cos(omega * t)), 0, 1 / beat_hz, limit=200)
    vcl = arc * beat_hz
    known = {"vcl_um_s": vcl, "vsl_um_s": speed, "vap_um_s": speed, "lin": speed / vcl, "wob": speed / vcl}
    return known | {"alh_um": 2 * amplitude, "bcf_hz": 2 * beat_hz}


def main() -> None:
    """Print a table for each swimmer."""
    for swimmer, (speed, amplitude, beat_hz) in SWIMMERS.items():
        known, found = truth(speed, amplitude, beat_hz), {}
        for rate_hz in RATES_HZ:
            time_s = np.arange(4 * rate_hz + 1) / rate_hz
            xy = np.column_stack([speed * time_s, amplitude * np.sin(2 * np.pi * beat_hz * time_s + 0.3)])
            seen = np.ones(len(time_s), bool)
            found[rate_hz] = [compute_kinematics(time_s, xy, seen, rules) for rules in (KinematicsSettings(), UNGATED)]
        head = "".join(f" {rate_hz} |" for rate_hz in RATES_HZ)
        sys.stdout.write(f"\n| {swimmer} | truth |{head}\n|---|---|{'---|' * len(RATES_HZ)}\n")
        for name, label in NAMES.items():
            gated = [name in BEAT_FIELDS and rate_hz < KinematicsSettings().beat_rate_hz for rate_hz in RATES_HZ]
            values = [shown(getattr(found[rate_hz][out], name)) for rate_hz, out in zip(RATES_HZ, gated, strict=True)]
            cells = [f"({value})" if out else value for value, out in zip(values, gated, strict=True)]
            sys.stdout.write(f"| {label} | {shown(known.get(name, '-'))} | {' | '.join(cells)} |\n")


def shown(value: float | str) -> str:
    """A word, or a number to three figures."""
    return value if isinstance(value, str) else f"{value:.3g}"


if __name__ == "__main__":
    main()
