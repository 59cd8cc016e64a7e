"""Cells for a scene of no particular donor: plausible shapes and speeds, modes in the given shares.

Heads 4.1 (3.7-4.7) x 2.8 (2.5-3.2) um and tails of about 45 um after the WHO manual (6th edition, quoted figures);
progressive speed 25-80 um/s, lateral head displacement 2-6 um and beat 4-16 Hz after Mortimer (2000). Hyperactivated
cells swing wider and turn more; a third of all cells carries a shape defect.
"""

from __future__ import annotations

import numpy as np

from spermscope.simulate.cells import MODES, Cells
from spermscope.simulate.parameters import SceneSettings


def typical_cells(mix: SceneSettings, count: int, rng: np.random.Generator) -> Cells:
    """``count`` cells in the shares of ``mix``.

    Raises
    ------
    ValueError
        When every share is zero.
    """
    shares = np.array([mix.progressive, mix.hyperactivated, mix.circling, mix.nonprogressive, mix.immotile])
    if shares.sum() <= 0:
        raise ValueError("sim: expected a share above 0 for some way of swimming, found none")
    mode = rng.choice(len(MODES), count, p=shares / shares.sum())
    drawn = np.exp(rng.normal(np.log(48), 0.28, count))
    speed = np.where(mix.speed_um_s > 0, mix.speed_um_s, drawn)
    speed = np.select(
        [mode == 0, mode == 1, mode == 2, mode == 3],
        [speed, 0.8 * drawn, 0.8 * drawn, rng.uniform(0.5, 2.5, count)],
        0.0,
    )
    odd = rng.random((8, count)) < 0.08
    return Cells(
        head_length_um=np.clip(rng.normal(4.4, 0.35, count), 3.0, 7.5),
        head_width_um=np.clip(rng.normal(2.9, 0.25, count), 1.6, 4.5) * np.where(odd[0], 0.72, 1.0),
        head_taper=rng.normal(0.1, 0.12, count) + np.where(odd[1], 0.55, 0.0),
        head_roughness=np.abs(rng.normal(0.0, 0.1, count)) + np.where(odd[2], 0.5, 0.0),
        vacuole=np.where(odd[3], rng.uniform(0.08, 0.3, count), 0.0),
        midpiece_bend_deg=np.abs(rng.normal(0, 6, count)) + np.where(odd[4], rng.uniform(30, 80, count), 0.0),
        midpiece_um=rng.uniform(0.6, 0.9, count),
        droplet_um=np.where(odd[5], rng.uniform(1.2, 2.6, count), 0.0),
        tail_length_um=np.clip(rng.normal(46, 3.5, count), 35, 58) * np.where(odd[6], 0.4, 1.0),
        tail_coil=np.where(odd[7], rng.uniform(0.5, 1.0, count), 0.0),
        mode=mode.astype(np.int64),
        speed_um_s=speed,
        beat_hz=np.where(mode == 1, rng.uniform(5, 10, count), rng.uniform(8, 16, count)),
        beat_um=np.select(
            [mode == 1, mode == 3],
            [rng.uniform(3, 5, count), rng.uniform(0.9, 2.0, count)],
            rng.uniform(0.8, 2.2, count),
        ),
        tail_um=np.where(mode == 1, rng.uniform(7, 10, count), rng.uniform(3, 6, count)),
        turn_deg_s=np.where(
            mode == 2, rng.choice((-1, 1), count) * rng.uniform(60, 160, count), rng.normal(0, 6, count)
        ),
        wander_deg=np.select([mode == 1, mode == 3], [60.0, 90.0], rng.uniform(4, 14, count)),
        z_um=rng.normal(0.0, 1.0, count) * mix.defocus_um,
        thickness=np.clip(rng.normal(1.0, 0.12, count), 0.6, 1.4),
    )
