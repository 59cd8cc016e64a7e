"""Ten minutes of video through the whole assessment; memory must stay flat.

``python -m benchmarks.soak [MINUTES]``. The clip is simulated once and looped with running times, so that rendering
does not take longer than the pipeline. Prints the resident memory minute by minute and exits 1 when the last minute
needs over 5 % more than the second.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import psutil

from spermscope.assessment import assess
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.video.recorder import Recorder

SCENE = "width_px=640,height_px=480,um_per_px=0.4,fps=15,duration_s=20,cells=20,seed=71"


def write_movie(path: Path, minutes: float) -> None:
    """A movie of that length: a simulated clip played forwards and backwards without a break."""
    settings = SceneSettings.parse(SCENE)
    images = [image for _, _, image, _ in Scene(settings).frames()]
    round_trip = images + images[-2:0:-1]
    with Recorder(path, settings.width_px, settings.height_px, settings.fps) as recorder:
        for index in range(int(minutes * 60 * settings.fps)):
            recorder.write(round_trip[index % len(round_trip)], index / settings.fps)


def main() -> int:
    """Run it; 0 when memory stayed flat."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    process = psutil.Process()
    used_mb: list[float] = []

    def watch(done: int, _: int | None) -> None:
        if done % 900 == 0:
            used_mb.append(process.memory_info().rss / 1e6)
            sys.stdout.write(f"minute {done // 900:3d}: {used_mb[-1]:.0f} MB\n")
            sys.stdout.flush()

    with tempfile.TemporaryDirectory() as folder:
        movie = Path(folder) / "long.mkv"
        write_movie(movie, minutes)
        assess(movie, Path(folder) / "session", um_per_px=0.4, progress=watch)
    growth = used_mb[-1] / used_mb[min(1, len(used_mb) - 1)] - 1.0
    sys.stdout.write(f"growth from minute 2 to the end: {100 * growth:.1f} %\n")
    return int(growth > 0.05)


if __name__ == "__main__":
    sys.exit(main())
