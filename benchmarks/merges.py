"""Two beating heads that meet at 30 degrees and show as one while nearer than 3 um: 50 pairs, 50 fps.

``python -m benchmarks.merges [NORFAIR_PYTHON TRACKERS_PYTHON]`` (see ``benchmarks.rivals``, whose settings for 640@50
the libraries use). The pairs of a row lie far apart in one scene. Who follows whom is looked up over the first half
second and over the last: both identities kept, any swapped, or neither (a track ended, as ambiguous or otherwise).
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np

from benchmarks.rivals import RANGES, chosen, fused, ours, theirs
from benchmarks.tracking import Rows

FPS, PAIRS, ANGLE_DEG, APART_UM = 50, 50, 30.0, 400.0
NEAR_UM = 3.0
SEEDS = {"60 um/s": 31, "30 um/s": 32, "each its own speed": 33, "a tenth unseen, 0.25 um off": 34}


def paths(rng: np.random.Generator, speeds_um_s: tuple[float, float]) -> np.ndarray:
    """``(2, T, 2)`` um: two heads whose mean paths meet after a second, at the origin."""
    times_s, both = np.arange(2 * FPS) / FPS, []
    for direction, speed_um_s in zip((0.0, np.radians(ANGLE_DEG)), speeds_um_s, strict=True):
        along = speed_um_s * (times_s - 1.0)
        across = 1.2 * np.sin(2 * np.pi * rng.uniform(8, 14) * times_s + rng.uniform(0, 2 * np.pi))
        c, s = np.cos(direction), np.sin(direction)
        both.append(np.column_stack([along * c - across * s, along * s + across * c]))
    return np.array(both)


def scene(kind: str) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Heads ``(2 * PAIRS, T, 2)``, what is seen of them in each frame, and the size of it all."""
    rng = np.random.default_rng(SEEDS[kind])
    missed, off_um = (0.1, 0.25) if "unseen" in kind else (0.0, 0.15)
    heads = []
    for number in range(PAIRS):
        speed = 30.0 if kind == "30 um/s" else 60.0
        speeds = tuple(rng.uniform(25, 80, 2)) if "own" in kind else (speed, speed)
        place = APART_UM * (0.5 + np.array([number % 8, number // 8]))
        heads += list(paths(rng, speeds) + place)
    seen = []
    for frame in range(2 * FPS):
        points = fused(np.array(heads)[:, frame])
        points = points[rng.random(len(points)) >= missed]
        seen.append(points + rng.normal(0, off_um, points.shape))
    return np.array(heads), seen, np.full(2, 8 * APART_UM)


def owner(head_um: np.ndarray, tracks: Rows, frames: range) -> int:
    """The track that is nearest to a head in most of the frames, -1 where none is within reach."""
    found = Counter()
    for frame in frames:
        rows = tracks.frame == frame
        far = np.hypot(*(tracks.xy_um[rows] - head_um[frame]).T)
        found[int(tracks.ident[rows][far.argmin()]) if len(far) and far.min() < NEAR_UM else -1] += 1
    return found.most_common(1)[0][0]


def outcome(pair: np.ndarray, tracks: Rows) -> str:
    """What became of both identities."""
    first, last = range(FPS // 2), range(3 * FPS // 2, 2 * FPS)
    before, after = ([owner(head, tracks, frames) for head in pair] for frames in (first, last))
    if -1 in before or -1 in after:
        return "ended"
    if before == after:
        return "kept"
    return "swapped" if before[0] == after[1] or before[1] == after[0] else "ended"


def main() -> None:
    """Print the table."""
    pythons = dict(zip(RANGES, sys.argv[1:], strict=len(sys.argv) > 1))
    sys.stdout.write("| pairs | tracker | kept | swapped | ended |\n|---|---|---|---|---|\n")
    for kind in SEEDS:
        heads, seen, view_um = scene(kind)
        found = {"ours": ours(seen, FPS, view_um)}
        for library, python in pythons.items():
            found[library] = theirs(library, python, chosen()[library]["640@50"], FPS, [seen])[0]
        for name, tracks in found.items():
            count = Counter(outcome(heads[row : row + 2], tracks) for row in range(0, 2 * PAIRS, 2))
            sys.stdout.write(f"| {kind} | {name} | {count['kept']} | {count['swapped']} | {count['ended']} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
