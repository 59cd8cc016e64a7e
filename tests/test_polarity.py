"""One recording, one polarity: who votes, when the vote counts, and what becomes of dissenters."""

import numpy as np
import pytest

from spermscope.polarity import DISSENT, PolarityVote, signs
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Detections, Frame

UM = 0.4


def field(bright, dark, sign=1):
    """A grey picture with bright and dark discs of a head's size, and their detections."""
    image = np.full((200, 300), 120.0)
    y, x = np.mgrid[:200, :300]
    places = [(20 + 28 * k, 40) for k in range(bright)] + [(20 + 28 * k, 140) for k in range(dark)]
    for number, (column, row) in enumerate(places):
        image[np.hypot(x - column, y - row) < 4] += sign * (40 if number < bright else -40)
    count = len(places)
    xy = np.array(places, np.float32).reshape(-1, 2)
    seen = Detections(xy, np.full((count, 2), 9, np.float32), np.full(count, 0.8, np.float32), np.ones(count, bool))
    return image.astype(np.uint8), seen


def voted(sign, bright, dark, frames=10):
    vote, (image, seen) = PolarityVote(UM), field(bright, dark, sign)
    for index in range(frames):
        after = vote.step(Frame(image, index, index / 15), seen)
    return vote, after


@pytest.mark.parametrize("sign", [1, -1])
def test_what_stands_out_the_other_way_counts_less(sign):
    vote, after = voted(sign, 8, 2)
    assert vote.polarity == sign
    np.testing.assert_allclose(after.score, [0.8] * 8 + [0.8 * DISSENT] * 2, rtol=1e-6)


def test_a_field_without_a_majority_changes_nothing():
    vote, after = voted(1, 5, 5)
    assert vote.polarity == 0
    assert (after.score == np.float32(0.8)).all()


def test_a_few_detections_settle_nothing():
    vote, after = voted(1, 3, 1, frames=2)
    assert vote.polarity == 0
    assert (after.score == np.float32(0.8)).all()


def test_what_is_not_sure_and_what_is_no_sperm_does_not_vote():
    vote, (image, seen) = PolarityVote(UM), field(2, 8)
    sure = Detections(seen.xy_px, seen.wh_px, np.array([0.9, 0.9] + [0.45] * 4 + [0.9] * 4, np.float32),
                      np.array([True] * 6 + [False] * 4))  # fmt: skip
    for index in range(20):
        after = vote.step(Frame(image, index, index / 15), sure)
    assert vote.polarity == 1
    np.testing.assert_allclose(after.score[2:6], 0.45 * DISSENT, rtol=1e-6)
    assert (after.score[6:] == np.float32(0.9)).all()


def test_heads_that_are_bright_and_dark_at_once_settle_nothing():
    vote, (image, seen) = PolarityVote(UM), field(8, 2)
    y, x = np.mgrid[:200, :300]
    for column, row in seen.xy_px[:8]:
        image[(np.hypot(x - column, y - row) < 4) & (x < column)] = 90
    for index in range(20):
        after = vote.step(Frame(image, index, index / 15), seen)
    assert vote.polarity == 0
    assert (after.score == seen.score).all()


@pytest.mark.parametrize(("kind", "polarity"), [("phase", 1), ("brightfield", -1), ("hoffman", 0)])
def test_each_optics_is_told(kind, polarity):
    scene = Scene(SceneSettings.parse(f"width_px=480,height_px=360,um_per_px=0.4,cells=25,seed=81,optics={kind}"))
    vote = PolarityVote(0.4)
    for index in range(4):
        time_s, truth = 0.4 * index, scene.truth(0.4 * index)
        xy = np.column_stack([truth.x_px, truth.y_px])[truth.in_view].astype(np.float32)
        count = len(xy)
        seen = Detections(xy, np.full((count, 2), 9, np.float32), np.full(count, 0.8, np.float32), np.ones(count, bool))
        vote.step(Frame(scene.render(time_s), index, time_s), seen)
    assert vote.polarity == polarity


def test_signs_at_the_border_and_of_nothing():
    image, _ = field(0, 0)
    image[:3, :3] = 200
    assert signs(image, np.array([[0, 0], [299, 199]], np.float32), UM).tolist() == [1, 0]
    assert signs(image, np.empty((0, 2), np.float32), UM).shape == (0,)
    assert len(PolarityVote(UM).step(Frame(image, 0, 0.0), Detections.empty())) == 0
