"""Clips of simulated donors with a simulated panel's votes: what the demonstration grader learns from.

Every cell is filmed by a view that follows it, at its donor's microscope, for 16 crops at 15 Hz, and cut by the same
``clips.crop`` that serves real frames, off centre by what a tracker errs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spermscope.clips import crop
from spermscope.drawing import Progress, draw_all
from spermscope.labels import distribution
from spermscope.settings import ClipSettings
from spermscope.simulate.cells import Cells
from spermscope.simulate.donors import Donor, draw_cells, draw_donor
from spermscope.simulate.experts import RATERS, Panel, appearance
from spermscope.simulate.scene import MARGIN_UM, Scene, SceneSettings, View
from spermscope.study.traits import clip_traits
from spermscope.whole_files import put

CELLS_A_DONOR = 10
PANEL_SEED = 40
"""Of the panel whose votes the demonstration grader learns; another number is another panel."""
JITTER_UM = 0.2
USUAL = ClipSettings()
UNOBSERVED = 0.03
"""Share of crops whose position was predicted, not seen."""


@dataclass(frozen=True, slots=True)
class PanelClips:
    """N clips: ``frames (N, T, 150, 150) uint8``, times, positions, observed, ``votes (N, R)``, ``donor (N,)``.

    ``truth (N, 5)`` is the distribution that infinitely many votes of the same raters would give, ``traits (N, 14)``
    what ``clip_traits`` knows.
    """

    frames: NDArray[np.uint8]
    time_s: NDArray[np.float64]
    xy_um: NDArray[np.float64]
    observed: NDArray[np.bool_]
    votes: NDArray[np.int64]
    donor: NDArray[np.int64]
    clarity: NDArray[np.float64]
    truth: NDArray[np.float64]
    traits: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.donor)

    @property
    def distributions(self) -> NDArray[np.float64]:
        """``(N, 5)`` shares of the votes."""
        return distribution(self.votes, 5)

    def without_pictures(self) -> PanelClips:
        """All else of them, a hundredth of the memory."""
        return replace(self, frames=np.empty((len(self), 0, 0, 0), np.uint8))


def draw_panel_clips(
    donors: range,
    seed: int,
    processes: int = 2,
    progress: Progress = lambda done, total: None,
    rules: ClipSettings = USUAL,
) -> PanelClips:
    """The clips of those donors; a donor's clips depend on ``seed``, his number and ``rules`` alone."""
    return joined(draw_all(partial(donor_clips, seed, rules=rules), donors, processes, progress))


def joined(parts: list[PanelClips]) -> PanelClips:
    """The parts as one."""
    return PanelClips(*(np.concatenate([getattr(part, name) for part in parts]) for name in PanelClips.__slots__))


def save_panel_clips(path: Path, clips: PanelClips) -> None:
    """Keep clips in an uncompressed ``.npz``."""
    with put(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **{name: getattr(clips, name) for name in PanelClips.__slots__})


def load_panel_clips(path: Path) -> PanelClips:
    """Read what ``save_panel_clips`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return PanelClips(*(arrays[name] for name in PanelClips.__slots__))


def donor_of(seed: int, number: int) -> Donor:
    """The donor whose clips ``donor_clips`` draws."""
    return draw_donor(_generator(seed, number), number)


def _generator(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, number, 21])


def donor_clips(
    seed: int,
    number: int,
    count: int = CELLS_A_DONOR,
    raters: int = RATERS,
    panel: int = PANEL_SEED,
    rules: ClipSettings = USUAL,
) -> PanelClips:
    """``count`` clips of donor ``number``, graded by one and the same ``panel`` of ``raters``.

    The cells are the same at every scale of ``rules``, in a field of another size.
    """
    rng = _generator(seed, number)
    donor = draw_donor(rng, number)
    cells = draw_cells(donor, count, rng)
    times_s = np.arange(rules.length) / rules.rate_hz
    films = [film(donor, cells, row, times_s, seed, rng, rules) for row in range(len(cells))]
    positions = np.stack([one.head_um for one in films])
    seen = appearance(cells, donor.optics, donor.um_per_px, times_s, positions)
    experts = Panel(np.random.default_rng(panel), raters)
    observed = rng.random((len(cells), len(times_s))) >= UNOBSERVED
    return PanelClips(
        frames=np.stack([one.frames for one in films]),
        time_s=np.tile(times_s, (len(cells), 1)),
        xy_um=positions + rng.normal(0.0, JITTER_UM, positions.shape),
        observed=observed,
        votes=experts.votes(seen, rng),
        donor=np.full(len(cells), number),
        clarity=seen.clarity,
        truth=experts.probabilities(seen).mean(axis=1),
        traits=clip_traits(cells, seen),
    )


class Film(NamedTuple):
    """One cell: crops ``frames (T, S, S) uint8``, its true head positions ``head_um (T, 2)`` and where the head points.

    ``heading (T, 2)`` are unit vectors, x to the right, y downward.
    """

    frames: NDArray[np.uint8]
    head_um: NDArray[np.float64]
    heading: NDArray[np.float64]


def film(
    donor: Donor,
    cells: Cells,
    row: int,
    times_s: NDArray[np.float64],
    seed: int,
    rng: np.random.Generator,
    rules: ClipSettings,
) -> Film:
    """One cell among a few neighbours."""
    around = Cells.join([cells.take(np.array([row])), draw_cells(donor, int(rng.poisson(1.2)), rng)])
    side_px = int(np.ceil((rules.size_px * rules.um_per_px + 4.0) / donor.um_per_px))
    settings = SceneSettings(
        width_px=side_px,
        height_px=side_px,
        um_per_px=donor.um_per_px,
        duration_s=float(times_s[-1]) + 0.1,
        seed=int(rng.integers(0, 2**31)),
        debris=float(rng.choice((0.3, 1.0, 2.5))),
    )
    start = rng.uniform(0, 2 * MARGIN_UM + side_px * donor.um_per_px, (len(around), 2))
    scene = Scene(settings, cells=around, optics=donor.optics, start_um=start)
    frames, head_um, heading = [], [], []
    for time_s in times_s.tolist():
        pose = scene.swimmers.at(time_s)
        head = np.array([pose.x_um[0], pose.y_um[0]])
        corner = head - 0.5 * side_px * donor.um_per_px + rng.normal(0.0, JITTER_UM, 2)
        view = View(float(corner[0]), float(corner[1]), side_px, side_px, donor.um_per_px)
        image = scene.render(time_s, view)
        middle = (0.5 * side_px, 0.5 * side_px)
        frames.append(crop(image, middle, donor.um_per_px, rules))
        head_um.append(head)
        points = np.radians(pose.heading_deg[0])
        heading.append(np.array([np.cos(points), np.sin(points)]))
    return Film(np.stack(frames), np.stack(head_um), np.stack(heading))


def split(clips: PanelClips, donors: NDArray[np.int64]) -> PanelClips:
    """The clips of those donors."""
    rows = np.flatnonzero(np.isin(clips.donor, donors))
    return replace(clips, **{name: getattr(clips, name)[rows] for name in PanelClips.__slots__})
