"""A tiny clip with known answers through every stage; the stage that disagrees is named."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from spermscope.assessment import assess
from spermscope.detect import open_detector
from spermscope.kinematics import compute_kinematics
from spermscope.model_file import shipped
from spermscope.pipeline import Pipeline
from spermscope.runtime import load_model
from spermscope.settings import KinematicsSettings, Settings
from spermscope.simulate.scene import Scene, SceneSettings, Truth
from spermscope.stage import StageFollower
from spermscope.types import Cell, Frame, SourceProfile, Step
from spermscope.video import open_source
from spermscope.video.recorder import Recorder

SCENE = "width_px=480,height_px=360,um_per_px=0.4,fps=50,duration_s=2,cells=8,debris=0.3,seed=20,optics=phase"
NEAR_UM = 2.5
"""A detection belongs to a head within this distance: about half a head."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one stage gave: ``found`` in words, ``ok`` when it agrees with what was expected."""

    stage: str
    ok: bool
    found: str

    def as_json(self) -> dict[str, object]:
        """The outcome as plain values."""
        return asdict(self)


@dataclass(slots=True)
class _Run:
    """What the stages hand to one another."""

    folder: Path
    scene: Scene
    truths: list[Truth] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    profile: SourceProfile | None = None
    steps: list[Step] = field(default_factory=list)
    cells: tuple[Cell, ...] = ()

    @property
    def movie(self) -> Path:
        return self.folder / "tiny.mkv"

    @property
    def known_profile(self) -> SourceProfile:
        if self.profile is None:
            raise ValueError("expected the video stage's profile, found none")
        return self.profile


def check_stages() -> list[Outcome]:
    """Run every stage in order; a stage that raises or disagrees is not ok, and the later ones still run."""
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="spermscope-selftest-") as folder:
        run = _Run(Path(folder), Scene(SceneSettings.parse(SCENE)))
        for name, check in _STAGES.items():
            try:
                outcomes.append(Outcome(name, *check(run)))
            except Exception as error:
                outcomes.append(Outcome(name, False, f"{type(error).__name__}: {error}"))
    return outcomes


def _simulate(run: _Run) -> tuple[bool, str]:
    settings = run.scene.settings
    with Recorder(run.movie, settings.width_px, settings.height_px, settings.fps) as recorder:
        for index, time_s, image, truth in run.scene.frames():
            recorder.write(image, time_s)
            run.frames.append(Frame(image, index, time_s))
            run.truths.append(truth)
    return len(run.frames) == 100, f"{len(run.frames)} of 100 frames rendered"


def _video(run: _Run) -> tuple[bool, str]:
    with open_source(run.movie, um_per_px=run.scene.settings.um_per_px) as source:
        run.profile = source.profile
        read = list(source)
    same = len(read) == len(run.frames) and all(
        np.array_equal(a.image, b.image) and abs(a.time_s - b.time_s) < 0.002
        for a, b in zip(read, run.frames, strict=True)
    )
    return same, f"{len(read)} frames read back, grey levels and times {'equal' if same else 'differ'}"


def _models(_: _Run) -> tuple[bool, str]:
    cards = [load_model(shipped(kind)).card for kind in ("detector", "grader", "scale")]
    return True, ", ".join(f"{card.name} {card.version} agrees with its golden output" for card in cards)


def _stage(run: _Run) -> tuple[bool, str]:
    follower = StageFollower(run.scene.settings.um_per_px, Settings().stage)
    place = [follower.step(frame) for frame in run.frames][-1]
    moved_um = float(np.hypot(place.x_um, place.y_um))
    return place.field == 0 and moved_um < 1.0, f"a still stage: field {place.field}, moved {moved_um:.2f} um"


def _heads_um(run: _Run, truth: Truth) -> NDArray[np.float64]:
    height_um, width_um = np.array(run.frames[0].image.shape) * run.scene.settings.um_per_px
    inside = (
        (truth.x_um > NEAR_UM)
        & (truth.x_um < width_um - NEAR_UM)
        & (truth.y_um > NEAR_UM)
        & (truth.y_um < height_um - NEAR_UM)
    )
    heads: NDArray[np.float64] = np.column_stack([truth.x_um, truth.y_um])[inside]
    return heads


def _detect(run: _Run) -> tuple[bool, str]:
    detector = open_detector(run.known_profile, Settings())
    found = heads = 0
    for frame, truth in zip(run.frames[::10], run.truths[::10], strict=True):
        seen = detector.detect(frame)
        seen_um = seen.xy_px[seen.sperm] * run.scene.settings.um_per_px
        true_um = _heads_um(run, truth)
        heads += len(true_um)
        found += int((cdist(true_um, seen_um).min(axis=1, initial=np.inf) < NEAR_UM).sum())
    return found >= 0.9 * heads > 0, f"{found} of {heads} heads found"


def _track(run: _Run) -> tuple[bool, str]:
    pipeline = Pipeline(run.known_profile)
    run.steps = [pipeline.step(frame) for frame in run.frames]
    run.cells = tuple(cell for step in run.steps for cell in step.finished) + pipeline.finish()
    long = [cell for cell in run.cells if cell.last_time_s - cell.first_time_s > 1.0]
    expected = len(_heads_um(run, run.truths[50]))
    return abs(len(long) - expected) <= max(1, 0.3 * expected), f"{len(long)} cells followed, about {expected} expected"


def _kinematics(_: _Run) -> tuple[bool, str]:
    time_s = np.arange(101) / 50.0
    line_um = np.column_stack([50.0 * time_s, np.zeros_like(time_s)])
    motion = compute_kinematics(time_s, line_um, np.ones(101, bool), KinematicsSettings())
    right = abs(motion.vsl_um_s - 50) < 0.25 and abs(motion.vcl_um_s - 50) < 0.25 and motion.who_motility == "rapid"
    return right, f"a line at 50 um/s: VSL {motion.vsl_um_s:.1f}, VCL {motion.vcl_um_s:.1f}, {motion.who_motility}"


def _clips(run: _Run) -> tuple[bool, str]:
    clips = [cell.clip for cell in run.cells if cell.clip is not None and len(cell.clip.frames) == 16]
    right = bool(clips) and all(clip.frames.shape == (16, 150, 150) for clip in clips)
    return right, f"{len(clips)} clips of 16 crops, 150 x 150 px"


def _grade(run: _Run) -> tuple[bool, str]:
    rows = [cell.grade for cell in run.cells if len(cell.grade)]
    sums = [float(row.probabilities.sum()) for row in rows]
    return bool(rows) and np.allclose(sums, 1.0), f"{len(rows)} predicted distributions, each adding up to 1"


def _session(run: _Run) -> tuple[bool, str]:
    result = assess(run.movie, run.folder / "session", um_per_px=run.scene.settings.um_per_px)
    summary = json.loads((result.folder / "session.json").read_text(encoding="utf-8"))
    with (result.folder / "sperm.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    report = (result.folder / "report.html").read_text(encoding="utf-8")
    right = summary["complete"] and len(rows) == len(run.cells) and "</html>" in report
    return right, f"a session of {len(rows)} cells and its report of {len(report) // 1000} kB"


_STAGES: dict[str, Callable[[_Run], tuple[bool, str]]] = {
    "simulate": _simulate,
    "video": _video,
    "models": _models,
    "stage": _stage,
    "detect": _detect,
    "track": _track,
    "kinematics": _kinematics,
    "clips": _clips,
    "grade": _grade,
    "session": _session,
}
