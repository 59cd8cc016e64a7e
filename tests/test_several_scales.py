"""One look for each scale that a picture may have: what is shown, and which scale the looks prefer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spermscope.detect import BoxDetector, match_heads, open_detector
from spermscope.model_file import shipped
from spermscope.runtime import load_model
from spermscope.settings import DetectSettings, Settings
from spermscope.several_scales import (
    MIRRORS,
    UNSURE,
    SeveralScales,
    mean_of,
    mirrored,
    open_still_detector,
    sureness,
    sureness_at,
)
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Detections, Frame, Scale, SourceProfile

TRUE_UM_PER_PX = 0.35


@pytest.fixture(scope="module")
def model():
    return load_model(shipped("detector"))


@pytest.fixture(scope="module")
def scene():
    settings = SceneSettings(width_px=640, height_px=480, um_per_px=TRUE_UM_PER_PX, cells=20, seed=5, debris=0.5)
    return Scene(settings)


def profile(scale):
    return SourceProfile(640, 480, 15.0, scale, 0, 120.0, 3.0)


def look(*rows):
    """Rows of x, score, whether sperm."""
    x, score, sperm = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.empty(0),) * 3
    xy = np.column_stack([x, np.zeros(len(x))]).astype(np.float32)
    return Detections(xy, np.full((len(x), 2), 8, np.float32), score.astype(np.float32), sperm.astype(np.bool_))


def test_mirror_images_show_the_same_boxes_at_the_same_places(scene):
    boxes = BoxDetector(profile(Scale(TRUE_UM_PER_PX, "given")), Settings())
    # Sides that are whole numbers at the working scale leave nothing to how a picture is resampled.
    frame = Frame(np.ascontiguousarray(scene.render(0.0)[:400, :560]), 0, 0.0)
    first, *others = (look.xy_px for look in mirrored(boxes, frame))
    within = first[np.all((first > 12) & (first < (548, 388)), axis=1)]
    assert len(within) > 10
    assert len(others) == len(MIRRORS) - 1
    for other in others:
        assert len(match_heads(within, other, 1.5)) >= 0.95 * len(within)


def test_what_all_looks_show_has_its_mean_score_and_what_one_shows_a_part_of_it():
    seen = mean_of([look((0.0, 0.9, True)), look((1.0, 0.5, True), (50.0, 0.8, True))], np.array([0.75, 0.25]), 3.0)
    order = np.argsort(seen.xy_px[:, 0])
    assert seen.score[order] == pytest.approx([0.75 * 0.9 + 0.25 * 0.5, 0.25 * 0.8])
    assert seen.xy_px[order, 0].tolist() == [0.0, 50.0]


def test_two_heads_of_one_look_near_each_other_count_once_in_the_mean_of_one_place():
    seen = mean_of([look((0.0, 0.9, True), (1.0, 0.6, True))], np.array([1.0]), 3.0)
    assert seen.score.tolist() == pytest.approx([0.9])


def test_a_head_and_another_thing_at_one_place_stay_apart():
    seen = mean_of([look((0.0, 0.9, True)), look((0.0, 0.8, False))], np.array([0.5, 0.5]), 3.0)
    assert sorted(seen.sperm.tolist()) == [False, True]


def test_nothing_seen_is_nothing():
    assert len(mean_of([look(), look()], np.array([0.5, 0.5]), 3.0)) == 0


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 5), st.floats(0.05, 1.0), st.booleans()), max_size=6), min_size=1),
    st.integers(0, 9),
)
def test_a_mean_lies_between_nothing_and_the_best_look(looks, seed):
    weight = np.random.default_rng(seed).dirichlet(np.ones(len(looks)))
    rows = [look(*((40.0 * place, score, sperm) for place, score, sperm in each)) for each in looks]
    seen = mean_of(rows, weight, 3.0)
    every = {(40.0 * place, sperm) for each in looks for place, _, sperm in each}
    assert {(float(x), bool(sperm)) for x, sperm in zip(seen.xy_px[:, 0], seen.sperm, strict=True)} == every
    assert len(seen) == len(every)
    for x, score, sperm in zip(seen.xy_px[:, 0].tolist(), seen.score.tolist(), seen.sperm.tolist(), strict=True):
        best = [
            max((s for place, s, kind in each if 40.0 * place == x and kind == sperm), default=0.0) for each in looks
        ]
        assert score == pytest.approx(float(weight @ best), rel=1e-4)


def test_sureness_is_the_score_weighted_mean_and_half_way_where_nothing_is_seen():
    assert sureness(look()) == pytest.approx(UNSURE)
    assert sureness(look(*[(float(x), 0.9, True) for x in range(0, 400, 4)])) == pytest.approx(0.9, abs=0.01)
    assert sureness(look((0.0, 0.9, False))) == pytest.approx(UNSURE)


def test_the_detector_is_surest_near_the_true_scale(scene, model):
    factors = np.array([0.3, 0.5, 1.0, 2.0, 3.0])
    sure = sureness_at([scene.render(0.0), scene.render(1.0)], TRUE_UM_PER_PX * factors, model)
    assert sure.shape == (5,)
    assert factors[sure.argmax()] == 1.0


def test_of_a_picture_that_is_too_large_at_a_scale_the_middle_is_looked_at(scene, model):
    image = scene.render(0.0)
    wide = np.tile(image, (3, 3))
    middle = np.ascontiguousarray(wide[480:960, 640:1280])
    assert np.array_equal(middle, image)
    assert sureness_at([wide], np.array([2.0]), model) == pytest.approx(
        sureness_at([image], np.array([2.0]), model), abs=0.1
    )


@pytest.mark.slow
def test_a_scale_that_is_off_costs_fewer_heads_than_one_look_does(scene, model):
    truth, image = scene.truth(0.0), scene.render(0.0)
    heads = np.column_stack([truth.x_px, truth.y_px])[truth.in_view].astype(np.float32)
    off = Scale(3.0 * TRUE_UM_PER_PX, "estimated", 0.95)
    one = open_detector(profile(off), Settings(), model).detect(Frame(image, 0, 0.0))
    several = SeveralScales(profile(off), Settings(), model).detect(Frame(image, 0, 0.0))
    found = [len(match_heads(heads, seen.xy_px[seen.sperm], 3.0 / TRUE_UM_PER_PX)) for seen in (one, several)]
    assert found[0] < 0.5 * len(heads)
    assert found[1] > 0.9 * len(heads)


def test_the_threshold_is_that_of_the_detector(scene, model):
    settings = Settings(detect=DetectSettings(threshold=0.6))
    known = profile(Scale(TRUE_UM_PER_PX, "given"))
    seen = SeveralScales(known, settings, model).detect(Frame(scene.render(0.0), 0, 0.0))
    assert len(seen)
    assert seen.score.min() >= 0.6
    assert seen.score.max() <= 1.0


def test_the_difference_of_boxes_looks_once():
    settings = Settings()
    boxes = settings.model_copy(update={"detect": replace_method(settings)})
    assert isinstance(open_still_detector(profile(Scale(0.4, "given")), boxes), BoxDetector)


def replace_method(settings):
    return settings.detect.model_copy(update={"method": "boxes"})
