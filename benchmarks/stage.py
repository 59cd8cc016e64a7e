"""The stage: drift, jumps, cuts, ground that is seen again; and whether strange fields are ever taken for one.

``python -m benchmarks.stage [drift] [strange]``. Views of 288 x 216 um (320 x 240 px, the size that the follower
shrinks every picture to) on one simulated ground, 15 frames a second: a drift of 5 um/s for 3 s, a jump that leaves
about a third of the view in sight, a cut to other ground, and back to the first field, up to 15 um off. Strange fields:
every pair of views of different scenes; the first one's landmarks are those that lie still, as the follower has them.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product

import numpy as np

from spermscope.settings import StageSettings
from spermscope.simulate.scene import Scene, SceneSettings, View
from spermscope.stage import StageFollower
from spermscope.stage.follower import LEAST_STILL
from spermscope.stage.landmarks import Landmarks, find_landmarks, keep_still, overlay, shared_part
from spermscope.stage.registration import shrink
from spermscope.types import Frame

FIRST_SEED = 81000
OPTICS = ("phase", "brightfield", "hoffman")
MODES = {
    "immotile": "progressive=0,hyperactivated=0,circling=0,nonprogressive=0,immotile=1",
    "moving": "progressive=0.8,hyperactivated=0.1,circling=0.1,nonprogressive=0,immotile=0",
    "mixed": "",
}
SIZE, UM, RATE = (320, 240), 0.9, 15
DRIFTING, PART = 45, 5
"""Frames of the first field, and of each later one."""
NAMES = ("optics", "cells", "of them", "debris")


def ground(optics: str, cells: float, mode: str, debris: float, seed: int) -> Scene:
    """A scene four views large."""
    size = f"width_px={2 * SIZE[0]},height_px={2 * SIZE[1]},um_per_px={UM},fps={RATE},duration_s=8"
    return Scene(
        SceneSettings.parse(f"{size},cells={4 * cells},optics={optics},debris={debris},seed={seed},{MODES[mode]}")
    )


def way(rng: np.random.Generator) -> np.ndarray:
    """``(60, 2)`` true places, um."""
    turn = rng.uniform(0, 2 * np.pi)
    first = np.arange(DRIFTING)[:, None] * 5.0 / RATE * np.array([np.cos(turn), np.sin(turn)])
    beside = first[-1] + rng.choice([-1, 1], 2) * (110.0, 80.0)
    other = np.array([363.0, 291.0]) + rng.uniform(-20, 20, 2)
    again = rng.uniform(-15, 15, 2)
    return np.concatenate([first, *(np.tile(place, (PART, 1)) for place in (beside, other, again))])


def drift() -> None:
    """A row for each kind of scene."""
    sys.stdout.write(
        f"| {' | '.join(NAMES)} | drift error um, median | 95 % | followed | jump | its error um | cut | again | "
        f"its error um | false |\n|{'---|' * 13}\n"
    )
    for number, (optics, cells, mode, debris) in enumerate(
        product(OPTICS, (3, 30, 150), ("immotile", "moving"), (0.2, 1, 4))
    ):
        scene, true = ground(optics, cells, mode, debris, FIRST_SEED + number), way(np.random.default_rng(number))
        follower = StageFollower(UM)
        found = [
            follower.step(Frame(scene.render(index / RATE, View(x, y, *SIZE, UM)), index, index / RATE))
            for index, (x, y) in enumerate(true)
        ]
        words = " | ".join(str(word) for word in (optics, cells, mode, debris))
        sys.stdout.write(f"| {words} | {' | '.join(judge(found, true))} |\n")
        sys.stdout.flush()


def judge(found: list, true: np.ndarray) -> list[str]:
    """Errors and hits of one way; drift counts from one second on."""
    places = np.array([(place.x_um, place.y_um) for place in found])
    error = np.hypot(*(places - true)[RATE:DRIFTING].T)
    followed = np.mean([place.state == "drift" for place in found[RATE:DRIFTING]])
    beside, other, again = (DRIFTING + part * PART for part in range(3))
    jumped = found[beside].state == "jump"
    step = np.hypot(*((places[beside] - places[beside - 1]) - (true[beside] - true[beside - 1])))
    cut = found[other].state == "cut" and found[other].map != found[0].map
    back = (found[again].map, found[again].field) == (0, 0)
    away = np.hypot(*(places[again] - true[again]))
    marks = {index for index, place in enumerate(found) if place.state in ("jump", "cut")}
    return [
        f"{np.median(error):.2f}",
        f"{np.percentile(error, 95):.2f}",
        f"{100 * followed:.0f} %",
        "yes" if jumped else found[beside].state,
        f"{step:.2f}" if jumped else "",
        "yes" if cut else found[other].state,
        "yes" if back else "no",
        f"{away:.2f}" if back else "",
        str(len(marks - {beside, other, again})),
    ]


def strange(count: int = 12) -> None:
    """A row for each kind of scene: what strange pairs come to, and views of one ground that share a part."""
    sys.stdout.write(
        "| optics | cells | of them | debris | strange pairs | taken for one | least expected by chance | "
        f"views that share 30-50 % | recognised | 50-100 % | recognised | farthest off um |\n|{'---|' * 12}\n"
    )
    kinds = ((3, "immotile", 1), (3, "moving", 1), (30, "mixed", 1), (30, "mixed", 4), (150, "mixed", 1))
    kinds = (*kinds, (150, "immotile", 1), (150, "moving", 0.2))
    pairs, taken = 0, 0
    for number, (optics, (cells, mode, debris)) in enumerate(product(OPTICS, kinds)):
        rng = np.random.default_rng(number)
        known, seen, shifts = [], [], []
        for row in range(count):
            scene = ground(optics, cells, mode, debris, FIRST_SEED + 1000 + 100 * number + row)
            shift = draw_shift(rng)
            known.append(still_landmarks(scene))
            other_focus = replace(scene.optics, focus_um=float(rng.choice([-1, 1])))
            seen.append(landmarks(Scene(scene.settings, optics=other_focus), 5.0, shift))
            shifts.append(shift)
        overs = [overlay(known[a], seen[b]) for a in range(count) for b in range(count) if a != b]
        overs = [over for over in overs if over is not None]
        pairs, taken = pairs + len(overs), taken + sum(over.sure for over in overs)
        told = related(known, seen, np.array(shifts))
        least = min(over.expected for over in overs)
        words = " | ".join(str(word) for word in (optics, cells, mode, debris))
        sys.stdout.write(
            f"| {words} | {len(overs)} | {sum(over.sure for over in overs)} | {least:.1g} | {' | '.join(told)} |\n"
        )
        sys.stdout.flush()
    sys.stdout.write(f"\n{taken} of {pairs} strange pairs taken for one ground.\n")


def draw_shift(rng: np.random.Generator) -> np.ndarray:
    """A shift (um) that leaves at least 30 % of the view in sight."""
    while True:
        shift = rng.uniform(-0.7, 0.7, 2) * SIZE * UM
        if shared_part(shift / UM, SIZE) >= 0.3:
            return shift


def landmarks(scene: Scene, time_s: float, place_um: np.ndarray) -> Landmarks:
    """The points of one view."""
    image = scene.render(time_s, View(*place_um, *SIZE, UM))
    return find_landmarks(shrink(image, StageSettings().width_px)[0])


def still_landmarks(scene: Scene) -> Landmarks:
    """The first view's points that are there 0.6 s later, 2 um on; all of them where hardly any stays."""
    first, later = landmarks(scene, 0.0, np.zeros(2)), landmarks(scene, 0.6, np.array([1.6, -1.2]))
    still = keep_still(first, later, np.array([1.6, -1.2]) / UM)
    return still if len(still.xy_px) >= LEAST_STILL else first


def related(known: list, seen: list, shifts: np.ndarray) -> list[str]:
    """How many views of one ground are recognised, by the part that they share, and the farthest off."""
    overs = [overlay(a, b) for a, b in zip(known, seen, strict=True)]
    sure = np.array([over is not None and over.sure for over in overs])
    off = [np.hypot(*(over.shift_px * UM - shift)) for over, shift, ok in zip(overs, shifts, sure, strict=True) if ok]
    part = shared_part(shifts / UM, SIZE)
    less, more = part < 0.5, part >= 0.5
    words = [str(word) for group in (less, more) for word in (group.sum(), (sure & group).sum())]
    return [*words, f"{max(off):.2f}" if off else ""]


def main() -> None:
    """Print the tables."""
    wanted = sys.argv[1:] or ["drift", "strange"]
    if "drift" in wanted:
        drift()
    if "strange" in wanted:
        strange()


if __name__ == "__main__":
    main()
