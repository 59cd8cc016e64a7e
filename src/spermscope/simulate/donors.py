"""Donors: men (or draws of one) whose cells share traits, a microscope and a clinic.

Motility. On average 48 % of a donor's cells progress, 19 % move on the spot and 33 % do not. The lower limits of men
who became fathers within a year are 32 % progressive and 40 % moving (fifth centiles, Cooper et al. 2010); a fifth of
these donors lies below the first and a ninth below the second, as patients more often do. Progressive speeds (23-88
um/s in nine of ten cells) and heads that swing by 2-6 um and beat at 4-18 Hz follow Mortimer (2000).

Shape. Heads of 4.1-4.5 x 2.8-3.0 um, tails of 45-50 um (WHO manual, 6th edition, as quoted). Kinds of defect follow
the WHO's list: narrow, tapered, amorphous, vacuolated or large head, bent neck, droplet, short, missing or coiled tail.
How many cells carry them and that each donor is prone to some are our choice, as are all spreads between and within.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spermscope.simulate.cells import Cells, Floats
from spermscope.simulate.microscopes import draw_optics, draw_wet_phase
from spermscope.simulate.optics import Optics

DEFECTS = ("narrow", "tapered", "amorphous", "vacuole", "bent", "droplet", "short tail", "coiled tail", "large head")
FEWEST, MOST = 8, 30
"""Cells that come from one donor."""
WET_PHASE = 0.2
"""Share of donors who are seen in strong phase contrast, where heads shine; the rest by any microscope."""


@dataclass(frozen=True, slots=True)
class Donor:
    """One donor's trait means and the microscope and clinic his sample was seen at.

    ``modes (5,)`` shares by ``cells.MODES``; ``defects (9,)`` chance of each of ``DEFECTS`` in a cell.
    """

    code: str
    clinic: str
    optics: Optics
    um_per_px: float
    head_length_um: float
    head_width_um: float
    tail_length_um: float
    speed_um_s: float
    beat_hz: float
    modes: Floats
    defects: Floats
    defocus_um: float


def draw_donor(rng: np.random.Generator, number: int) -> Donor:
    """A random donor; ``number`` makes his code."""
    motile = rng.beta(3.2, 1.6)
    progressive = motile * rng.beta(5, 2)
    rest = motile - progressive
    modes = np.array([0.86 * progressive, 0.06 * progressive, 0.08 * progressive, rest, 1.0 - motile])
    burden = rng.gamma(2.0, 0.55)
    prone = rng.dirichlet(np.full(len(DEFECTS), 0.8))
    return Donor(
        code=f"D{number:05d}",
        clinic=f"C{int(rng.integers(1, 9))}",
        optics=draw_wet_phase(rng) if rng.random() < WET_PHASE else draw_optics(rng),
        um_per_px=float(rng.uniform(0.22, 0.55)),
        head_length_um=float(rng.normal(4.4, 0.18)),
        head_width_um=float(rng.normal(2.9, 0.13)),
        tail_length_um=float(rng.normal(47, 2)),
        speed_um_s=float(np.exp(rng.normal(np.log(45), 0.22))),
        beat_hz=float(rng.uniform(8, 14)),
        modes=modes,
        defects=np.clip(burden * prone, 0.0, 0.9),
        defocus_um=float(rng.choice((0.4, 0.8, 1.5), p=(0.4, 0.4, 0.2))),
    )


def draw_cells(donor: Donor, count: int, rng: np.random.Generator) -> Cells:
    """``count`` cells of that donor."""
    mode = rng.choice(5, count, p=donor.modes / donor.modes.sum())
    has = dict(zip(DEFECTS, rng.random((len(DEFECTS), count)) < donor.defects[:, None], strict=True))
    moving, twitching, hyper = np.isin(mode, (0, 1, 2)), mode == 3, mode == 1
    speed = donor.speed_um_s * np.exp(rng.normal(0, 0.35, count))
    large = np.where(has["large head"], rng.uniform(1.3, 1.6, count), 1.0)
    length = np.clip(rng.normal(donor.head_length_um, 0.3, count), 3.2, 6.0) * large
    width = np.clip(rng.normal(donor.head_width_um, 0.2, count), 2.0, 4.2) * large
    return Cells(
        head_length_um=length,
        head_width_um=width * np.where(has["narrow"], rng.uniform(0.55, 0.72, count), 1.0),
        head_taper=rng.normal(0.1, 0.1, count) + np.where(has["tapered"], rng.uniform(0.5, 0.9, count), 0.0),
        head_roughness=np.abs(rng.normal(0, 0.07, count))
        + np.where(has["amorphous"], rng.uniform(0.6, 1.1, count), 0.0),
        vacuole=np.where(has["vacuole"], rng.uniform(0.12, 0.35, count), 0.0),
        midpiece_bend_deg=np.abs(rng.normal(0, 6, count)) + np.where(has["bent"], rng.uniform(45, 110, count), 0.0),
        midpiece_um=rng.uniform(0.6, 0.9, count),
        droplet_um=np.where(has["droplet"], rng.uniform(1.6, 2.8, count), 0.0),
        tail_length_um=np.clip(rng.normal(donor.tail_length_um, 2.5, count), 36, 58)
        * np.where(has["short tail"], rng.uniform(0.0, 0.45, count), 1.0),
        tail_coil=np.where(has["coiled tail"], rng.uniform(0.6, 1.0, count), 0.0),
        mode=mode.astype(np.int64),
        speed_um_s=np.where(moving, speed, np.where(twitching, rng.uniform(0.5, 3.0, count), 0.0)),
        beat_hz=np.clip(donor.beat_hz + rng.normal(0, 1.5, count), 4, 18),
        beat_um=np.select(
            [hyper, twitching], [rng.uniform(3, 5, count), rng.uniform(0.8, 2, count)], rng.uniform(0.8, 2.2, count)
        ),
        tail_um=np.where(hyper, rng.uniform(7, 10, count), rng.uniform(3, 6, count)),
        turn_deg_s=np.where(
            mode == 2, rng.choice((-1.0, 1.0), count) * rng.uniform(60, 160, count), rng.normal(0, 8, count)
        ),
        wander_deg=np.select([hyper, twitching], [60.0, 90.0], rng.uniform(4, 25, count)),
        z_um=rng.normal(0, donor.defocus_um, count) + donor.optics.focus_um,
        thickness=np.clip(rng.normal(1.0, 0.1, count), 0.7, 1.3),
    )
