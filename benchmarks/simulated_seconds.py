"""Two seconds on end of simulated cells, at a given scale and frame rate, with what the simulated panel makes of each.

How far apart its two distributions are is what the cell itself changed: its shape stays, its movement does not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spermscope.settings import ClipSettings
from spermscope.simulate.donors import draw_cells, draw_donor
from spermscope.simulate.experts import Panel, appearance
from spermscope.simulate.microscopes import draw_wet_phase
from spermscope.study.panel_clips import JITTER_UM, PANEL_SEED, film
from spermscope.types import Clip

CELLS_A_DONOR = 4
FIRST_DONOR = 2_000_000
"""Numbers that no recipe uses."""
Seconds = tuple[list[Clip], list[Clip], np.ndarray, np.ndarray, np.ndarray]


def draw_seconds(donors: int, um_per_px: float, fps: float) -> Seconds:
    """Clips of both seconds of N cells in wet preparations, the panel's ``(N, 5)`` on both, and donors ``(N,)``."""
    parts = [_of_donor(FIRST_DONOR + number, um_per_px, fps) for number in range(donors)]
    first, last = ([clip for part in parts for clip in part[half]] for half in (0, 1))
    return first, last, *(np.concatenate([part[place] for part in parts]) for place in (2, 3, 4))


def _of_donor(number: int, um_per_px: float, fps: float) -> Seconds:
    rng, rules = np.random.default_rng([number, 22]), ClipSettings()
    donor = replace(draw_donor(rng, number), um_per_px=um_per_px, optics=draw_wet_phase(rng))
    cells = draw_cells(donor, CELLS_A_DONOR, rng)
    times_s = np.round(np.arange(2 * rules.length) / rules.rate_hz * fps) / fps
    films = [film(donor, cells, row, times_s, 0, rng, rules) for row in range(len(cells))]
    pictures, heads_um = np.stack([one.frames for one in films]), np.stack([one.head_um for one in films])
    found_um = heads_um + rng.normal(0.0, JITTER_UM, heads_um.shape)
    seen, panel = np.ones(rules.length, bool), Panel(np.random.default_rng(PANEL_SEED))
    clips, truths = [], []
    for half in (slice(0, rules.length), slice(rules.length, None)):
        taken = zip(pictures[:, half], found_um[:, half], strict=True)
        clips.append([Clip(row, p, times_s[half], um, seen, rules.um_per_px) for row, (p, um) in enumerate(taken)])
        shown = appearance(cells, donor.optics, um_per_px, times_s[half], heads_um[:, half])
        truths.append(panel.probabilities(shown).mean(axis=1))
    return clips[0], clips[1], truths[0], truths[1], np.full(len(cells), number)
