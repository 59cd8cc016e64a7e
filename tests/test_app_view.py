"""The live picture: the frame as it is, as large as fits, with the demonstration's band that nothing switches off."""

import numpy as np
import pytest
from app_frames import cell, crowd, shown_of

pytest.importorskip("PySide6")

from PySide6.QtCore import QPoint, QPointF, Qt

from spermscope.app.marks import MARKS
from spermscope.app.theme import NOTICE
from spermscope.app.view import LiveView
from spermscope.app.words import speak, word


@pytest.fixture
def view(qtbot):
    view = LiveView()
    qtbot.addWidget(view)
    view.resize(640, 560)
    view.show()
    return view


@pytest.fixture(autouse=True)
def english(qapp):
    yield
    speak("en")


def grabbed(view):
    image = view.grab().toImage().convertToFormat(view.grab().toImage().Format.Format_RGB32)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 2::-1].copy()


def has(picture, colour):
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    return int((np.abs(picture.astype(int) - wanted).max(axis=2) < 12).sum())


def test_the_frame_is_shown_as_it_is_where_it_fits_pixel_by_pixel(view):
    view.resize(640, 480)
    shown = shown_of([], demonstration=False)
    view.set_shown(shown)
    picture = grabbed(view)
    assert np.array_equal(picture, np.repeat(shown.step.frame.image[:, :, None], 3, axis=2))


def test_the_whole_frame_is_seen_in_any_window(view):
    image = np.full((300, 400), 100, np.uint8)
    image[:20, :20] = image[-20:, -20:] = 250
    view.set_shown(shown_of([], demonstration=False, image=image))
    for size in ((320, 240), (900, 320), (360, 800)):
        view.resize(*size)
        picture = grabbed(view)[..., 0]
        scale = min(size[0] / 400, size[1] / 300)
        assert (picture > 240).sum() == pytest.approx(2 * (20 * scale) ** 2, rel=0.1)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_band_is_there_whatever_is_hidden(view, language):
    speak(language)
    view.set_shown(crowd(5, (640, 480)))
    for change in (
        lambda: view.set_overlay(False),
        lambda: view.set_opacity(0.0),
        lambda: view.set_hides(lambda track_id: True),
        lambda: setattr(view, "withheld", "not graded: the self-test is running"),
    ):
        change()
        view.update()
        picture = grabbed(view)
        assert has(picture[:20], NOTICE) > 0.5 * 20 * 640
        assert (picture[:24].min(axis=2) > 150).sum() > 200  # its letters
    view.set_shown(crowd(5, (640, 480), seed=1).__class__(**fields_of(crowd(5, (640, 480)), demonstration=False)))
    assert has(grabbed(view)[:20], NOTICE) == 0


def fields_of(shown, **other):
    return {name: getattr(shown, name) for name in shown.__slots__} | other


def test_hiding_the_overlay_leaves_the_frame_alone(view):
    view.set_shown(shown_of([cell(3, (300, 200), 1)], demonstration=False))
    with_marks = grabbed(view)
    view.set_overlay(False)
    bare = grabbed(view)
    assert has(with_marks, MARKS[1].colour) > 50
    assert has(bare, MARKS[1].colour) == 0
    view.set_overlay(True)
    assert np.array_equal(grabbed(view), with_marks)


def test_withheld_predictions_cannot_be_read_anywhere(view):
    view.set_shown(shown_of([cell(3, (300, 200), 1)], demonstration=False))
    view.withheld = "not graded: the self-test differs in grade"
    view.update()
    assert has(grabbed(view), MARKS[1].colour) == 0
    assert has(as_array(view.picture(view.shown)), MARKS[1].colour) == 0
    assert "the self-test differs in grade" in told_over(view, 300, 200)


def as_array(image):
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 2::-1].copy()


def told_over(view, x, y):
    fit = view._fit(view.shown)[0]
    return view.told_at(QPointF(*fit.of(np.array([[x, y]]))[0].tolist()))


def test_a_click_is_a_point_of_the_source_s_picture(view, qtbot):
    view.set_shown(crowd(5, (640, 480)))
    x, y = view._fit(view.shown)[0].of(np.array([[123.0, 45.0]]))[0].tolist()
    with qtbot.waitSignal(view.clicked) as clicked:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))
    assert clicked.args == pytest.approx([123.0, 45.0], abs=1.0)


def test_over_a_cell_its_number_and_why_it_has_no_grade_is_said(view):
    cells = [cell(3, (300, 200), 1, unlike=True), cell(4, (100, 100), ambiguous=True), cell(5, (500, 400), 2)]
    view.set_shown(shown_of(cells))
    assert "Cell 3" in told_over(view, 300, 200)
    assert "unlike training" in told_over(view, 302, 205)
    assert word("cell_ambiguous") in told_over(view, 100, 100)
    assert told_over(view, 200, 300) == ""
    view.set_hides(lambda track_id: track_id == 5)
    assert word("grade_hidden") in told_over(view, 500, 400)
    speak("ja")
    assert "学習に用いた細胞" in told_over(view, 300, 200)


def test_the_nearest_cell_is_meant_within_reach(view):
    view.set_shown(shown_of([cell(3, (300, 200)), cell(4, (340, 200)), cell(5, (320, 200), confirmed=False)]))
    assert view.cell_at(318, 205).track_id == 3
    assert view.cell_at(324, 205).track_id == 4
    assert view.cell_at(100, 100) is None


def test_a_snapshot_has_the_source_s_size_below_its_band(view):
    shown = crowd(8, (640, 480))
    bare, marked = view.picture(shown, overlay=False), view.picture(shown)
    assert (bare.width(), bare.height()) == (640, 480)
    assert np.array_equal(as_array(bare)[..., 0], shown.step.frame.image)
    assert marked.width() == 640
    band = marked.height() - 480
    assert has(as_array(marked)[:band], NOTICE) > 0.5 * band * 640
    for each in shown.cells:
        x, y = (round(value) for value in each.xy_px)
        assert as_array(marked)[y + band, x, 0] == shown.step.frame.image[y, x]


def test_a_frame_is_told_as_painted_once(view, qtbot):
    view.set_shown(crowd(5, (640, 480)))
    with qtbot.waitSignal(view.painted) as painted:
        view.repaint()
    assert 0.03 < painted.args[0] < 5
    with qtbot.assertNotEmitted(view.painted):
        view.repaint()
