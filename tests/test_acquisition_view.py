"""What is shown of a step: the pipeline's own places, grades and paths, in the pixels of its very frame."""

import numpy as np
import pytest

from spermscope.acquisition.view import View
from spermscope.acquisition.withheld import without_grades
from spermscope.pipeline import Pipeline
from spermscope.video import open_source

SCENE = "sim:width_px=320,height_px=240,um_per_px=0.4,fps=15,duration_s=3,cells=8,seed=31"


@pytest.fixture(scope="module")
def shown():
    """Every frame as it is shown, and the pipeline at its end."""
    with open_source(SCENE) as source:
        pipeline = Pipeline(source.profile)
        view, steps = View(pipeline), []
        rows = []
        for frame in source:
            placed = pipeline.place(pipeline.look(frame))
            rows.append(view.show(placed.step, 1.0))
            step = pipeline.grade(pipeline.cut(placed))
            view.measure(step)
            view.learn(step)
            steps.append(step)
    return rows, pipeline, steps


def test_every_live_track_is_shown_where_it_is(shown):
    rows, _, _ = shown
    assert any(row.cells for row in rows)
    for row in rows:
        tracks = row.step.tracks
        assert [cell.track_id for cell in row.cells] == tracks.track_id.tolist()
        np.testing.assert_array_equal([cell.xy_px for cell in row.cells] or np.empty((0, 2)), tracks.xy_px)
        assert [cell.observed for cell in row.cells] == tracks.observed.tolist()
        assert row.demonstration


def test_a_trail_ends_where_the_cell_is_and_covers_a_second(shown):
    rows, _, _ = shown
    for row in rows:
        for cell in row.cells:
            np.testing.assert_allclose(cell.trail_px[-1], cell.xy_px, atol=1e-6)
            assert len(cell.trail_px) <= 16
    longest = max(rows[-1].cells, key=lambda cell: cell.followed_s)
    assert len(longest.trail_px) == 16
    then = next(cell for cell in rows[-16].cells if cell.track_id == longest.track_id)
    np.testing.assert_allclose(longest.trail_px[0], then.xy_px, atol=1.0)


def test_a_cell_keeps_its_newest_grade_until_the_next_and_says_why_it_has_none(shown):
    rows, _, steps = shown
    latest = {}
    for row, step in zip(rows, steps, strict=True):
        assert len(row.step.grades) == 0
        for cell in row.cells:
            if cell.track_id in latest:
                np.testing.assert_array_equal(cell.grade.probabilities[0], latest[cell.track_id])
                assert bool(cell.not_graded) == bool(cell.grade.unlike[0])
            else:
                assert len(cell.grade) == 0
                assert cell.not_graded.startswith("not graded: fewer than")
        for number, track_id in enumerate(step.grades.track_id.tolist()):
            latest[track_id] = step.grades.probabilities[number]
    assert latest


def test_numbers_come_after_a_second_and_are_those_of_the_track_so_far(shown):
    rows, pipeline, _ = shown
    for row in rows:
        assert all(cell.kinematics is None for cell in row.cells if cell.followed_s < 1.0)
    measured = [cell for cell in rows[-1].cells if cell.kinematics]
    assert measured
    for cell in measured:
        assert 0.9 < cell.kinematics.duration_s <= cell.followed_s + 1e-9
        assert "vcl_um_s" in cell.kinematics.why
        now = pipeline.kinematics_so_far(cell.track_id)
        assert now.vsl_um_s == pytest.approx(cell.kinematics.vsl_um_s, rel=0.7, abs=5)


def test_the_crops_so_far_are_those_that_are_graded(shown):
    rows, pipeline, _ = shown
    for cell in rows[-1].cells:
        clip = pipeline.clip_so_far(cell.track_id)
        if clip is None:
            assert not cell.confirmed
            continue
        assert clip.track_id == cell.track_id
        assert 1 <= len(clip.frames) <= 16
        assert clip.time_s[-1] <= rows[-1].step.frame.time_s
    assert pipeline.clip_so_far(10**6) is None


@pytest.mark.slow
def test_pictures_of_another_size_and_scale_begin_a_new_field_and_ids_go_on():
    with open_source(SCENE) as source, open_source(SCENE.replace("320", "400").replace("0.4", "0.5")) as other:
        pipeline = Pipeline(source.profile)
        before = [pipeline.step(frame) for frame in source]
        cells = pipeline.renew(other.profile)
        last_s = before[-1].frame.time_s
        after = [pipeline.step(type(f)(f.image, f.index, f.time_s + last_s + 0.1)) for f in other]
    alive = before[-1].tracks
    assert sorted(cell.track_id for cell in cells) == alive.track_id[alive.confirmed].tolist()
    assert {cell.why for cell in cells} == {"cut"}
    assert after[0].stage.state == "cut"
    assert {step.stage.field for step in after}.isdisjoint({step.stage.field for step in before})
    assert {step.stage.map for step in after}.isdisjoint({step.stage.map for step in before})
    first_ids = np.concatenate([step.tracks.track_id for step in before])
    later_ids = np.concatenate([step.tracks.track_id for step in after])
    assert len(later_ids)
    assert later_ids.min() > first_ids.max()


def test_a_step_whose_grades_are_withheld_keeps_everything_else(shown):
    rows, pipeline, steps = shown
    graded = next(step for step in steps if len(step.grades))
    hidden = without_grades(graded, "not graded: the self-test failed")
    assert len(hidden.grades) == 0
    assert hidden.tracks is graded.tracks
    assert without_grades(graded, "") is graded
    view = View(pipeline)
    view.learn(graded)
    cells = view.show(rows[-1].step, 1.0, "not graded: the self-test failed").cells
    assert {cell.not_graded for cell in cells} == {"not graded: the self-test failed"}
    assert not any(len(cell.grade) for cell in cells)


def test_a_grade_that_comes_late_is_not_shown_while_grades_are_withheld():
    with open_source(SCENE) as source:
        pipeline = Pipeline(source.profile)
        view, placed = View(pipeline), None
        for frame in source:
            placed = pipeline.place(pipeline.look(frame))
            view.learn(pipeline.grade(pipeline.cut(placed)))
        assert any(len(cell.grade) for cell in view.show(placed.step, 1.0).cells)
        late = dict(view._grades)
        assert not any(len(cell.grade) for cell in view.show(placed.step, 1.0, "not graded: why").cells)
        view._grades.update(late)
        assert {cell.not_graded for cell in view.show(placed.step, 1.0, "not graded: why").cells} == {"not graded: why"}
        assert not any(len(cell.grade) for cell in view.show(placed.step, 1.0).cells)
