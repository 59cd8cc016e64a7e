"""Assessing a movie against the time it took to film: 1392 x 976 at 15 fps with 30 cells, two cores, f32.

``python -m benchmarks.speed``. First the detector by itself on one core: resampling, normalisation, network and reading
of the maps for a field of 464 x 325 um. Then an H.264 movie; reading, every stage, the session and the report count. 32
cells are in view on average.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from spermscope.assessment import assess
from spermscope.detect import open_detector
from spermscope.settings import Settings
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Frame, Scale, SourceProfile

SCENE = "width_px=1392,height_px=976,um_per_px=0.3333,fps=15,duration_s=20,cells=30,seed=73"


def write_h264(path: Path) -> float:
    """The scene as H.264; its length in seconds."""
    settings = SceneSettings.parse(SCENE)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=int(settings.fps), options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = settings.width_px, settings.height_px, "yuv420p"
        for _, _, image, _ in Scene(settings).frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="gray")))
        container.mux(stream.encode())
    return settings.duration_s


def detector() -> None:
    """Milliseconds a frame, one thread: five rounds of 40 frames."""
    settings = SceneSettings.parse(SCENE)
    frame = Frame(Scene(settings).render(0.0), 0, 0.0)
    scale = Scale(settings.um_per_px, "given")
    profile = SourceProfile(settings.width_px, settings.height_px, settings.fps, scale, 0, 120.0, 3.0)
    opened = open_detector(profile, Settings(threads=1))
    opened.detect(frame)
    medians = []
    for _ in range(5):
        laps_s = []
        for _ in range(40):
            begun = time.perf_counter()
            opened.detect(frame)
            laps_s.append(time.perf_counter() - begun)
        medians.append(1e3 * float(np.median(laps_s)))
    rounds = ", ".join(f"{median:.1f}" for median in medians)
    sys.stdout.write(f"detector, one thread, medians of five rounds: {rounds} ms a frame\n\n")


def main() -> None:
    """Print the detector's times, then the assessment's and the ratio, three runs."""
    detector()
    with tempfile.TemporaryDirectory() as folder:
        movie = Path(folder) / "field.mp4"
        filmed_s = write_h264(movie)
        sys.stdout.write("| run | filmed s | assessed in s | times faster than filmed |\n|---|---|---|---|\n")
        for run in range(1, 4):
            begun = time.perf_counter()
            assess(movie, Path(folder) / f"session{run}", um_per_px=0.3333)
            taken_s = time.perf_counter() - begun
            sys.stdout.write(f"| {run} | {filmed_s:.1f} | {taken_s:.1f} | {filmed_s / taken_s:.2f} |\n")


if __name__ == "__main__":
    main()
