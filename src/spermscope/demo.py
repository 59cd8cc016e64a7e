"""The demonstration: a simulated scene, recorded, assessed and reported like any other source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spermscope.assessment import Assessed, assess
from spermscope.conclusion import Conditions
from spermscope.demo_folder import demo_folder
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.simulate.truth_tables import write_truth
from spermscope.video.recorder import Recorder

SCENE = "width_px=640,height_px=480,um_per_px=0.4,fps=50,duration_s=6,cells=18,seed=12,optics=phase"


def run_demo(
    out: Path, *, replace: bool = False, progress: Callable[[int, int | None], None] = lambda done, total: None
) -> Assessed:
    """Write ``movie.mkv``, its truth and a session into ``out``.

    Raises
    ------
    ValueError
        When ``out`` exists and is not an earlier demonstration that ``replace`` allows to remove.
    """
    demo_folder(out, replace=replace)
    settings = SceneSettings.parse(SCENE)
    scene = Scene(settings)
    movie = out / "movie.mkv"
    with Recorder(movie, settings.width_px, settings.height_px, settings.fps) as recorder:
        for index, time_s, image, _ in scene.frames():
            recorder.write(image, time_s)
            progress(index + 1, scene.frame_count)
    write_truth(scene, out / "truth.csv")
    return assess(
        movie,
        out / "session",
        um_per_px=settings.um_per_px,
        conditions=Conditions(sample="DEMO", ejaculate=True, temperature_c=37.0, depth_um=20.0),
        overlay=True,
        progress=progress,
    )
