"""The window as a person drives it: a run begun, hidden, recorded, ended and kept, by keys, in both languages."""

import json
import re
import time
from datetime import datetime

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from spermscope.app.application import open_run
from spermscope.app.checking import RUNNING, SelfTest
from spermscope.app.keys import KeysDialog
from spermscope.app.marks import MARKS
from spermscope.app.preferences import Preferences, preferences_path, read_preferences
from spermscope.app.setup import Setup, SetupDialog
from spermscope.app.window import LiveWindow
from spermscope.app.words import language, speak, word
from spermscope.conclusion import Conditions
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.video.recorder import Recorder

SCENE = "width_px=320,height_px=240,um_per_px=0.4,fps=15,duration_s=3,cells=6,seed=3,optics=phase"
AGREES = 'print(\'[{"stage": "video", "ok": true}]\')'
DIFFERS = 'print(\'[{"stage": "grade", "ok": false}]\')'


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    scene = Scene(SceneSettings.parse(SCENE))
    path = tmp_path_factory.mktemp("movie") / "cells.mkv"
    images = [image for _, _, image, _ in scene.frames()]
    with Recorder(path, 320, 240, 15) as recorder:
        for number, image in enumerate(8 * (images + images[::-1])):  # 48 s; a cell that turns round is a cell
            recorder.write(image, number / 15)
    return path


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SPERMSCOPE_CONFIG", str(tmp_path / "config"))


@pytest.fixture
def window_of(qtbot, monkeypatch):
    windows = []

    def made(selftest=AGREES, preferences=None, **other):
        window = LiveWindow(preferences or Preferences(), open_run, SelfTest(command=("-c", selftest)), **other)
        monkeypatch.setattr(window, "_sure", lambda: True)
        windows.append(window)
        window.resize(1000, 700)
        window.show()
        qtbot.waitExposed(window)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield made
    for window in windows:
        window.close()
        qtbot.waitUntil(lambda window=window: window.running.run is None, timeout=60_000)
        window.close()
        window.deleteLater()
    speak("en")


@pytest.fixture
def setup(movie, tmp_path):
    return Setup(str(movie), tmp_path / "sessions", um_per_px=0.4, conditions=Conditions(sample="S-1"), operator="E7")


def graded(window):
    shown = window.view.shown
    return shown is not None and any(len(cell.grade) for cell in shown.cells)


def colours(window):
    """How many pixels of the view have a grade's colour."""
    image = window.view.grab().toImage()
    image = image.convertToFormat(image.Format.Format_RGB32)
    picture = (
        np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 2::-1].astype(int)
    )
    wanted = [np.array([int(mark.colour[at : at + 2], 16) for at in (1, 3, 5)]) for mark in MARKS[:4]]
    return sum(int((np.abs(picture - colour).max(axis=2) < 6).sum()) for colour in wanted)


@pytest.mark.slow
def test_a_session_from_its_first_frame_to_its_report_by_keys(window_of, setup, qtbot):
    window = window_of()
    assert window.view.message == word("view_no_source")
    assert window.begin(setup)
    assert window.header.lines[0] == word("header_sample", sample="S-1")
    qtbot.keyClick(window, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: graded(window) and not window.view.withheld, timeout=30_000)
    assert window.view.shown.demonstration
    qtbot.waitUntil(lambda: colours(window) > 0, timeout=10_000)
    qtbot.keyPress(window, Qt.Key.Key_Space)
    assert colours(window) == 0
    qtbot.keyRelease(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: colours(window) > 0, timeout=10_000)
    qtbot.waitUntil(lambda: window.status.value("recording").startswith("●"), timeout=10_000)
    assert "fps" in window.status.value("rate")
    with qtbot.waitSignal(window.running.ended, timeout=60_000) as ended:
        qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    session = ended.args[0]
    assert (session.folder / "report.html").is_file()
    assert (session.folder / "grades.csv").read_text(encoding="utf-8").count("\n") > 1
    assert json.loads((session.folder / "session.json").read_text(encoding="utf-8"))["conditions"]["sample"] == "S-1"
    assert list((session.folder / "video").glob("*.mov"))
    assert str(session.folder) in window.notices.lines[-1]
    assert window.header.lines[0] == word("header_none")


@pytest.mark.slow
def test_predictions_stay_off_after_a_self_test_that_differs(window_of, setup, qtbot):
    window = window_of(selftest=DIFFERS)
    assert window.view.withheld == RUNNING
    window.begin(setup)
    qtbot.waitUntil(lambda: window.view.withheld.endswith("differs in grade"), timeout=20_000)
    assert "grade" in window.header.lines[1]
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        qtbot.wait(100)
        assert colours(window) == 0
    with qtbot.waitSignal(window.running.ended, timeout=60_000) as ended:
        window.end()
    assert ended.args[0].summary.graded == 0
    assert any("self-test" in reason for reason in ended.args[0].summary.not_graded)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["int8", "f32"])
def test_models_compute_as_the_preferences_say(window_of, setup, qtbot, precision):
    window = window_of(preferences=Preferences(precision=precision))
    dialog = SetupDialog(window.preferences, parent=window)
    dialog.sources.set_address(setup.address)
    dialog.folder.setText(str(setup.sessions))
    dialog.scale.setText("0.4")
    window.begin(dialog.read())
    qtbot.waitUntil(lambda: window.running.run.newest() is not None, timeout=60_000)
    assert [model.precision for model in window.running.run.models] == [precision, precision]
    qtbot.waitUntil(lambda: window.status.value("engine").endswith(precision), timeout=10_000)


def test_a_source_that_cannot_be_used_is_told_and_another_can_follow(window_of, setup, tmp_path, qtbot):
    window = window_of()
    (tmp_path / "a file").touch()
    assert not window.begin(Setup(setup.address, tmp_path / "a file"))
    assert window.notices.lines
    assert window.running.run is None
    window.begin(Setup(str(tmp_path / "nothing.mkv"), tmp_path / "sessions"))
    qtbot.waitUntil(lambda: any("found nothing there" in line for line in window.notices.lines), timeout=10_000)
    with qtbot.waitSignal(window.running.failed, timeout=10_000):
        window.end()
    assert not list((tmp_path / "sessions").iterdir())
    assert window.begin(setup)
    assert not window.begin(setup)
    assert window.notices.lines[-1] == word("run_goes_on")


def test_the_language_changes_everywhere_at_once(window_of, qtbot):
    window = window_of()
    window.notices.tell(lambda: word("run_goes_on"))
    before = texts(window)
    qtbot.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert language() == "ja"
    same = [text for text, other in zip(before, texts(window), strict=True) if text == other]
    assert not [text for text in same if re.search("[a-zA-Z]{3}|[あ-ん]", text)]
    assert read_preferences()[0].language == "ja"


def texts(window):
    from PySide6.QtWidgets import QLabel, QPushButton

    found = [part.text() for kind in (QLabel, QPushButton) for part in window.findChildren(kind)]
    return [*found, window.windowTitle(), window.view.message]


def test_a_broken_settings_file_is_told(window_of):
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_text("{", encoding="utf-8")
    preferences, aside = read_preferences()
    window = window_of(preferences=preferences, aside=aside)
    assert aside.name in window.notices.lines[0]
    window.notices.read()
    assert not window.notices.isVisible()


def test_letters_grow_with_the_window(window_of, qtbot):
    window = window_of()
    sizes = []
    for size in ((1280, 800), (2560, 1440)):
        window.resize(*size)
        QApplication.processEvents()
        sizes.append(window.font().pixelSize())
    assert sizes[1] > 1.6 * sizes[0] > 20
    window.resize(1280, 800)
    QApplication.processEvents()
    assert (window.width(), window.height()) == (1280, 800)
    assert window.font().pixelSize() == sizes[0]


def test_opacity_by_keys_is_kept(window_of, qtbot):
    window = window_of()
    qtbot.keyClick(window, Qt.Key.Key_Minus)
    qtbot.keyClick(window, Qt.Key.Key_Minus)
    assert read_preferences()[0].opacity == pytest.approx(0.7)
    qtbot.keyClick(window, Qt.Key.Key_Plus)
    assert window.view.opacity == pytest.approx(0.85)


def test_every_dialog_opens_by_its_key_and_closes_by_escape(window_of, qtbot):
    window = window_of()
    for key, kind in ((Qt.Key.Key_F1, KeysDialog), (Qt.Key.Key_F2, SetupDialog)):
        qtbot.keyClick(window, key)
        dialog = window.findChild(kind)
        assert dialog.isVisible()
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible()


def test_space_types_a_blank_where_text_is_typed(window_of, qtbot):
    window = window_of()
    window.ask_setup()
    dialog = window.findChild(SetupDialog)
    dialog.activateWindow()
    dialog.preparation.lineEdit().setFocus()
    qtbot.waitUntil(dialog.preparation.lineEdit().hasFocus)
    dialog.preparation.lineEdit().setText("")
    qtbot.keyClicks(dialog.preparation.lineEdit(), "a b")
    assert dialog.preparation.currentText() == "a b"
    dialog.reject()


@pytest.mark.slow
def test_a_camera_that_is_not_as_fast_as_it_is_said_to_be_is_told_once(window_of, setup, qtbot, monkeypatch):
    monkeypatch.setattr("spermscope.app.rate_check.SETTLED_S", 1.0)
    window = window_of()
    window.begin(Setup(setup.address, setup.sessions, um_per_px=0.4, camera_fps=25.0))
    said = word("rate_differs", told="25", found="15.0")[:40]
    qtbot.waitUntil(lambda: any(line.startswith(said) for line in window.notices.lines), timeout=20_000)
    qtbot.wait(600)
    assert sum(line.startswith(said) for line in window.notices.lines) == 1


def test_closing_the_window_keeps_the_session(window_of, setup, qtbot):
    window = window_of()
    window.begin(setup)
    qtbot.waitUntil(lambda: window.view.shown is not None, timeout=20_000)
    window.close()
    qtbot.waitUntil(lambda: window.running.run is None and not window.isVisible(), timeout=60_000)
    folders = list(setup.sessions.iterdir())
    assert len(folders) == 1
    assert (folders[0] / "session.json").is_file()
    assert folders[0].name.startswith(f"{datetime.now():%Y}")
