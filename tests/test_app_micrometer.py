"""The micrometer's dialog: lines or two points, looked at, kept by name."""

import cv2
import pytest
from test_micrometer import micrometer

pytest.importorskip("PySide6")

from PySide6.QtCore import QPoint, Qt

from spermscope.app.micrometer import MicrometerDialog
from spermscope.app.words import speak, word
from spermscope.calibration import find_calibration, known_optics


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SPERMSCOPE_CONFIG", str(tmp_path / "config"))
    yield
    speak("en")


@pytest.fixture
def dialog_of(qtbot):
    def made(live=None):
        dialog = MicrometerDialog(live)
        qtbot.addWidget(dialog)
        dialog.resize(900, 700)
        dialog.show()
        return dialog

    return made


def test_lines_of_the_live_picture_are_measured_shown_and_kept(dialog_of, qtbot):
    dialog = dialog_of(micrometer(25.0, 4.0))
    dialog._measure.click()
    assert dialog.measured.lines >= 20
    assert "0.4" in dialog._outcome.text()
    assert not dialog.picture._image.isGrayscale()  # the lines that were counted
    assert not dialog._keep.isEnabled()
    dialog.name.setText("40x 位相差")
    with qtbot.waitSignal(dialog.kept) as kept:
        dialog._keep.click()
    assert kept.args == ["40x 位相差"]
    assert known_optics() == ["40x 位相差"]
    assert find_calibration("40x 位相差").um_per_px == pytest.approx(0.4, rel=0.003)


def test_two_clicked_points_measure_by_their_length(dialog_of, qtbot):
    picture = micrometer(25.0, 4.0)
    dialog = dialog_of(picture)
    where = dialog.picture._where()
    scale = where.width() / picture.shape[1]
    for x in (100, 400):
        at = QPoint(round(where.left() + (x + 0.5) * scale), round(where.center().y()))
        qtbot.mouseClick(dialog.picture, Qt.MouseButton.LeftButton, pos=at)
    dialog.length.setText("120")
    dialog._measure.click()
    assert dialog.measured.lines == 0
    assert dialog.measured.calibration.um_per_px == pytest.approx(0.4, rel=0.02)


def test_a_picture_file_is_measured_and_what_is_none_is_told(dialog_of, tmp_path):
    dialog = dialog_of()
    dialog._measure.click()
    assert dialog._outcome.text() == word("refused_no_picture")
    path = tmp_path / "目盛.png"
    path.write_bytes(cv2.imencode(".png", micrometer(25.0, 4.0))[1].tobytes())
    dialog.open_picture(path)
    dialog._measure.click()
    assert dialog.measured is not None
    dialog.open_picture(tmp_path / "nothing.png")
    assert dialog.measured is None
    assert "nothing there" in dialog._outcome.text()


def test_no_lines_and_no_length_are_told(dialog_of):
    dialog = dialog_of(micrometer(25.0, 4.0)[:60, :60] * 0 + 120)
    dialog._measure.click()
    assert dialog._outcome.text()
    assert dialog.measured is None
    dialog.length.setText("ten")
    dialog._measure.click()
    assert word("setup_micrometer_length") in dialog._outcome.text()
