"""The pipeline as a whole: fields, counts, times, and the real clip."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spermscope.assessment import assess
from spermscope.pipeline import Pipeline, scale_reason
from spermscope.settings import Settings
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.simulate.typical import typical_cells
from spermscope.types import Frame, Scale, SourceProfile
from spermscope.video import open_source

CLIP = Path(__file__).resolve().parents[2] / "shared" / "data" / "visem52" / "visem52_dev.mp4"


def run(address, settings=None):
    with open_source(address) as source:
        pipeline = Pipeline(source.profile, settings)
        steps = list(pipeline.run(source))
    return steps, [cell for step in steps for cell in step.finished] + list(pipeline.finish())


def test_every_track_ends_where_the_stage_jumps():
    steps, cells = run("sim:width_px=400,height_px=300,um_per_px=0.4,fps=15,duration_s=4,cells=12,jump_at_s=2,seed=71")
    change = next(step.frame.index for step in steps if step.stage.field == 1)
    assert change == 30
    assert {cell.field for cell in cells} == {0, 1}
    for cell in cells:
        assert (cell.last_frame < change) == (cell.field == 0)
        assert cell.first_frame >= change or cell.last_frame < change
    assert any(cell.why in ("jump", "cut") for cell in cells)


def test_a_step_tells_where_its_time_went_and_counts_nobody_twice():
    steps, cells = run("sim:width_px=320,height_px=240,um_per_px=0.4,fps=15,duration_s=2,cells=8,seed=72")
    assert set(steps[-1].timings_ms) == {"stage", "detect", "track", "clips", "tails", "grade", "measure"}
    assert len({cell.track_id for cell in cells}) == len(cells)
    for step in steps:
        confirmed = step.tracks.track_id[step.tracks.confirmed]
        assert len(set(confirmed.tolist())) == len(confirmed)


@pytest.mark.parametrize(("mode", "grade"), [("immotile", "immotile"), ("nonprogressive", "non-progressive")])
@pytest.mark.slow
def test_a_drifting_field_of_cells_that_go_nowhere_keeps_its_who_grades(mode, grade):
    # With the drift left in they would all go 6 um in a second, and be slow progressive.
    only = {
        name: int(name == mode) for name in ("immotile", "nonprogressive", "progressive", "hyperactivated", "circling")
    }
    mix = ",".join(f"{name}={share}" for name, share in only.items())
    _steps, cells = run(
        f"sim:width_px=480,height_px=360,um_per_px=0.4,fps=15,duration_s=4,cells=15,drift_um_s=6,{mix},seed=73"
    )
    long = [cell.kinematics for cell in cells if cell.last_time_s - cell.first_time_s > 2]
    assert len(long) >= 8
    assert np.median([motion.vsl_um_s for motion in long]) < 1.5
    assert sum(motion.who_motility == grade for motion in long) >= len(long) - 1


@pytest.mark.parametrize(("mode", "drift_um_s"), [("immotile", 0), ("nonprogressive", 0), ("nonprogressive", 5)])
@pytest.mark.slow
def test_cells_whose_tails_alone_move_are_told_from_immotile_ones(mode, drift_um_s):
    shares = dict.fromkeys(("immotile", "nonprogressive", "progressive", "hyperactivated", "circling"), 0) | {mode: 1}
    scene_settings = SceneSettings(
        width_px=400,
        height_px=300,
        um_per_px=0.4,
        fps=15,
        duration_s=3,
        cells=10,
        drift_um_s=drift_um_s,
        seed=76,
        **shares,
    )
    cells = typical_cells(scene_settings, 60, np.random.default_rng(76))
    scene = Scene(scene_settings, replace(cells, beat_um=np.full(60, 0.1), speed_um_s=np.zeros(60)))
    profile = SourceProfile(400, 300, 15.0, Scale(0.4, "given"), 0, 120.0, 3.0)
    pipeline = Pipeline(profile)
    for index, time_s, image, _ in scene.frames():
        pipeline.step(Frame(image, index, time_s))
    found = [cell.kinematics for cell in pipeline.finish() if np.isfinite(cell.kinematics.tail_movement)]
    assert len(found) >= 6
    assert max(motion.twitch_um for motion in found) < 0.32
    moving = sum(motion.who_motility == "non-progressive" for motion in found)
    assert moving <= 1 if mode == "immotile" else moving >= 0.5 * len(found)


def test_no_track_starts_on_a_head_below_the_threshold_that_was_asked_for():
    steps, _cells = run(
        "sim:width_px=320,height_px=240,um_per_px=0.4,fps=15,duration_s=1,cells=25,seed=75",
        Settings(detect={"threshold": 0.7}),
    )
    begun, fainter = set(), 0
    for step in steps:
        fainter += int((step.detections.score < 0.7).sum())
        for row, track_id in enumerate(step.tracks.track_id.tolist()):
            if track_id not in begun:
                assert step.detections.score[step.tracks.detection[row]] >= 0.7
            begun.add(track_id)
    assert begun
    assert fainter


def test_time_that_goes_back_is_refused():
    with open_source("sim:width_px=160,height_px=120,cells=2,fps=15,duration_s=1,seed=74") as source:
        pipeline = Pipeline(source.profile)
        first = next(iter(source))
        pipeline.step(first)
        with pytest.raises(ValueError, match="expected a time after"):
            pipeline.step(Frame(first.image.copy(), 1, first.time_s))


def test_only_an_estimated_scale_that_nobody_accepted_withholds_um():
    estimated = Scale(0.45, "estimated", 0.35)
    assert scale_reason(estimated, False) == "scale estimated, 0.45 um/px ± 35 %; calibrate"
    assert scale_reason(estimated, True) == ""
    assert scale_reason(Scale(0.45, "given"), False) == ""


@pytest.mark.real
@pytest.mark.skipif(not CLIP.is_file(), reason="the recording does not lie beside the checkout")
def test_the_real_clip_is_assessed_and_no_track_crosses_its_cut(tmp_path):
    found = assess(CLIP, tmp_path / "s")
    tracks: dict[str, set[bool]] = {}
    with (found.folder / "tracks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["x_um"] == row["y_um"] == ""
            tracks.setdefault(row["track_id"], set()).add(int(row["frame"]) >= 428)
    assert len(tracks) > 10
    assert all(len(sides) == 1 for sides in tracks.values())
    assert found.summary.fields == 2
    assert found.summary.motility is None
    assert "calibrate" in found.summary.not_computed["micrometres"]
    assert found.complete


def test_seeing_ahead_in_a_thread_changes_nothing():
    address = "sim:width_px=320,height_px=240,um_per_px=0.4,fps=15,duration_s=2,cells=8,seed=75"
    ahead, cells = run(address)
    with open_source(address) as source:
        pipeline = Pipeline(source.profile)
        one_by_one = [pipeline.step(frame) for frame in source]
    assert len(ahead) == len(one_by_one) == 30
    for first, second in zip(ahead, one_by_one, strict=True):
        np.testing.assert_array_equal(first.tracks.xy_px, second.tracks.xy_px)
        np.testing.assert_array_equal(first.tracks.track_id, second.tracks.track_id)
        np.testing.assert_allclose(first.grades.probabilities, second.grades.probabilities, atol=1e-6)
    assert {cell.track_id for cell in cells} >= {cell.track_id for step in one_by_one for cell in step.finished}
