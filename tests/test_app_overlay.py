"""The overlay: on its own frame, on no head, told by more than colour, gone when it must be."""

import numpy as np
import pytest
from app_frames import cell, crowd, shown_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("PySide6")

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from spermscope.app.marks import MARKS
from spermscope.app.overlay import Fit, Look, Overlay

pytestmark = pytest.mark.usefixtures("qapp")


def painted(shown, scale=1.0, look=None, overlay=None):
    """``(H, W, 3)`` of a black picture with the overlay."""
    height, width = shown.step.frame.image.shape
    image = QImage(round(width * scale), round(height * scale), QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    painter = QPainter(image)
    where = QRectF(0, 0, image.width(), image.height())
    (overlay or Overlay()).paint(painter, shown, Fit(scale, 0, 0), where, look or Look(16.0))
    painter.end()
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 2::-1].copy()


def near(picture, colour):
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    return (np.abs(picture.astype(int) - wanted).max(axis=2) < 12).sum()


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40), st.integers(0, 1000), st.sampled_from([0.6, 1.0, 1.37, 2.0]))
def test_nothing_is_painted_on_any_head(count, seed, scale):
    shown = crowd(count, (640, 480), seed=seed)
    picture = painted(shown, scale)
    assert picture.any()
    for each in shown.cells:
        x, y = ((np.array(each.xy_px) + 0.5) * scale).tolist()
        half_w, half_h = (np.array(each.wh_px) * scale / 2).tolist()
        head = picture[max(0, int(y - half_h)) : int(y + half_h) + 1, max(0, int(x - half_w)) : int(x + half_w) + 1]
        assert not head.any()


@pytest.mark.parametrize("grade", range(5))
def test_a_grade_is_painted_in_its_colour(grade):
    picture = painted(shown_of([cell(7, (300, 200), grade)]))
    assert near(picture, MARKS[grade].colour) > 60
    for other in set(range(5)) - {grade}:
        assert near(picture, MARKS[other].colour) < 15


@pytest.mark.parametrize(
    "hidden",
    [
        {"cell": cell(7, (300, 200), 1, unlike=True)},
        {"cell": cell(7, (300, 200), 1), "look": Look(16.0, hides=lambda track_id: track_id == 7)},
    ],
)
def test_what_must_not_be_shown_as_a_grade_looks_like_a_cell_without_one(hidden):
    without = painted(shown_of([cell(7, (300, 200))]))
    assert np.array_equal(painted(shown_of([hidden["cell"]]), look=hidden.get("look")), without)


def test_doubt_is_seen_in_the_corners_and_below_the_letter():
    sure, doubtful = (painted(shown_of([cell(7, (300, 200), 1, uncertainty=u)])) for u in (0.05, 0.9))
    colour = MARKS[1].colour
    assert near(sure[180:220, 280:320], colour) > 1.3 * near(doubtful[180:220, 280:320], colour)
    white = (sure.min(axis=2) > 200).sum(), (doubtful.min(axis=2) > 200).sum()
    assert white[1] > white[0]


def test_tracks_that_are_too_young_are_not_marked():
    assert not painted(shown_of([cell(7, (300, 200), 1, confirmed=False)])).any()


def test_a_predicted_place_is_fainter_and_the_followed_cell_has_more_marks():
    seen = painted(shown_of([cell(7, (300, 200), 1)]))
    predicted = painted(shown_of([cell(7, (300, 200), 1, observed=False)]))
    followed = painted(shown_of([cell(7, (300, 200), 1)]), look=Look(16.0, followed=7))
    assert predicted[180:220, 280:320].sum() < seen[180:220, 280:320].sum()
    assert (followed > 0).sum() > (seen > 0).sum()


def test_opacity_weakens_every_mark():
    full, half = (painted(crowd(10, (640, 480)), look=Look(16.0, opacity=o)) for o in (1.0, 0.5))
    assert half.sum() == pytest.approx(0.5 * full.sum(), rel=0.1)
    assert not painted(crowd(10, (640, 480)), look=Look(16.0, opacity=0.0)).any()


def test_labels_do_not_jump_while_cells_move_a_little():
    overlay, before = Overlay(), {}
    for index in range(5):
        painted(crowd(20, seed=3, index=index), overlay=overlay)
        places = dict(overlay._places)
        if index:
            assert sum(places[k] == before[k] for k in places) >= len(places) - 1
        before = places


def test_a_point_of_the_view_is_that_point_of_the_picture():
    fit = Fit(1.7, 13.0, 40.0)
    ((x, y),) = fit.of(np.array([[123.0, 45.0]])).tolist()
    assert fit.back(x, y) == pytest.approx((123.0, 45.0))
