"""No stage may become slower: this code beside the last release's, by turns, on the same movie.

``python -m benchmarks.budget [--rounds N]``. The release is the commit named in ``benchmarks/baseline.txt``; its
sources and weights are taken out of the repository's history and run by the same Python. Each round takes a movie of
1392 x 976 with 30 cells through either, frame by frame on one core in both precisions, in a process of its own. Exits 1
and names the stage that is over 15 % above the release's in the median round, and again when measured anew; 0 where the
history does not hold the release.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from io import BytesIO
from pathlib import Path

import numpy as np

from spermscope.bench.apart import ONE_THREAD
from spermscope.bench.scenes import BenchScene, draw_scenes

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "benchmarks" / "baseline.txt"
ALLOWED = 1.15
LEAST_MS = 0.4
"""Stages below this are told together: alone, a clock's tick would decide."""
ROUNDS = 5
CHILD = """
import json, sys
import cv2, numpy as np
from spermscope.pipeline import Pipeline
from spermscope.settings import Settings
from spermscope.video import open_source
cv2.setNumThreads(1)
found = {}
for precision in ("f32", "int8"):
    laps = {}
    with open_source(sys.argv[1], um_per_px=float(sys.argv[2])) as source:
        pipeline = Pipeline(source.profile, Settings(threads=1, precision=precision))
        for frame in source:
            for name, ms in pipeline.step(frame).timings_ms.items():
                if frame.index >= 20:
                    laps.setdefault(name, []).append(ms)
    for name, ms in laps.items():
        found[f"{name}, {precision}"] = float(np.mean(ms) if name in sys.argv[3:] else np.median(ms))
print(json.dumps(found))
"""
BY_MEAN = ("clips", "tails", "grade", "measure")
"""Stages with much work in some frames and none in others."""


def released() -> str:
    """The commit that is compared with.

    Raises
    ------
    ValueError
        When this copy of the repository does not hold it.
    """
    commit = BASELINE.read_text(encoding="utf-8").split()[0]
    known = subprocess.run(
        ["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=ROOT, capture_output=True, check=False
    )
    if known.returncode:
        raise ValueError(f"{BASELINE.name}: expected a commit of this repository's history, found {commit}")
    return commit


def sources_of(commit: str, folder: Path) -> Path:
    """Its ``src``, taken out."""
    packed = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


def times_ms(sources: Path, movie: Path, um_per_px: float) -> dict[str, float]:
    """By stage and precision, of one run of the code in ``sources``."""
    environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(sources)}
    command = [sys.executable, "-c", CHILD, str(movie), str(um_per_px), *BY_MEAN]
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def compared(movie: Path, um_per_px: float, folder: Path, rounds: int) -> dict[str, list[float]]:
    """By stage the ratio of each round, now over then; 1 and less is no slower."""
    old = sources_of(released(), folder)
    ratios: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        sides = [ROOT / "src", old]
        found = [times_ms(side, movie, um_per_px) for side in (sides if number % 2 else sides[::-1])]
        now, then = found if number % 2 else found[::-1]
        for name, value in together(now, then).items():
            ratios[name].append(value)
    return dict(ratios)


def together(now: dict[str, float], then: dict[str, float]) -> dict[str, float]:
    """Ratios of stages that are in both; the small ones as one, ``rest``."""
    small = [name for name in now if name in then and then[name] < LEAST_MS]
    ratios = {name: ms / then[name] for name, ms in now.items() if name in then and name not in small}
    rest = sum(then[name] for name in small)
    return ratios | ({"rest": sum(now[name] for name in small) / rest} if rest >= LEAST_MS else {})


def slower(ratios: dict[str, list[float]]) -> dict[str, str]:
    """The stages that break the budget, and a line about each."""
    return {
        name: f"{name}: {np.median(rounds):.2f} times the last release's time, allowed {ALLOWED}"
        for name, rounds in ratios.items()
        if np.median(rounds) > ALLOWED
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds, scene = parser.parse_args().rounds, BenchScene("1392x976", 30)
    try:
        released()
    except ValueError as error:
        sys.stdout.write(f"not compared: {error}\n")
        return 0
    with tempfile.TemporaryDirectory() as place:
        draw_scenes([scene], Path(place), 1, lambda done, total: None)
        movie = scene.movie(Path(place), "ffv1")
        over = _told(compared(movie, scene.um_per_px, Path(place), rounds))
        if over:
            again = _told(compared(movie, scene.um_per_px, Path(place), rounds))
            over = {name: line for name, line in again.items() if name in over}
    sys.stdout.write("".join(f"over budget: {line}\n" for line in over.values()))
    return int(bool(over))


def _told(ratios: dict[str, list[float]]) -> dict[str, str]:
    """Print the rounds; what is over budget."""
    sys.stdout.write("| stage | now over then, median | least | most |\n|---|---|---|---|\n")
    for name, rounds in ratios.items():
        sys.stdout.write(f"| {name} | {np.median(rounds):.2f} | {min(rounds):.2f} | {max(rounds):.2f} |\n")
    sys.stdout.flush()
    return slower(ratios)


if __name__ == "__main__":
    sys.exit(main())
