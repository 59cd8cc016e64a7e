"""Setup: what a run is started with, refused in one line where it cannot be used, and codes instead of names."""

import time
from datetime import datetime

import pytest

pytest.importorskip("PySide6")

from PySide6.QtWidgets import QApplication

from spermscope.app import sources
from spermscope.app.preferences import Preferences
from spermscope.app.setup import Setup, SetupDialog
from spermscope.app.sources import SIMULATION
from spermscope.app.words import speak, word
from spermscope.calibration import Calibration, save_calibration
from spermscope.conclusion import Conditions
from spermscope.video.cameras import Found


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SPERMSCOPE_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(sources, "list_cameras", lambda: [Found("camera:0", "UVC 0"), Found("basler:1|0", "Basler")])


@pytest.fixture
def dialog(qtbot, tmp_path):
    save_calibration(Calibration("40x phase", 0.33, 0.01, 640, 480, "lines", 10.0, "2026-11-26T00:00:00"))
    dialog = SetupDialog(Preferences(folder=str(tmp_path / "sessions")))
    qtbot.addWidget(dialog)
    dialog.show()
    yield dialog
    speak("en")


def test_everything_that_was_filled_in_is_read(dialog, tmp_path):
    dialog.sources.set_address("camera:0")
    dialog.optics.setCurrentIndex(dialog.optics.findData("40x phase"))
    dialog.sample.setText(" S-0412 ")
    dialog.operator.setText("E7")
    dialog.temperature.setText("36,8")
    dialog.depth_um.setText("２０")
    dialog.camera_fps.setText("15")
    dialog.preparation.setCurrentText("TESE")
    dialog.ejaculate.setChecked(True)
    dialog.accept()
    conditions = Conditions(sample="S-0412", ejaculate=True, preparation="TESE", temperature_c=36.8, depth_um=20.0)
    assert dialog.setup == Setup("camera:0", tmp_path / "sessions", None, "40x phase", 15.0, conditions, "E7")


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("sample", "山田花子"),
        ("sample", "Hanako"),
        ("operator", "a b"),
        ("scale", "40x"),
        ("scale", "0"),
        ("depth_um", "-3"),
        ("temperature", "370"),
        ("camera_fps", "nan"),
    ],
)
def test_what_cannot_be_used_is_refused_in_both_languages_and_the_dialog_stays(dialog, field, typed):
    dialog.sources.set_address(SIMULATION)
    getattr(dialog, field).setText(typed)
    dialog.accept()
    assert dialog.setup is None
    assert dialog.isVisible()
    english = dialog._trouble.text()
    assert typed in english
    speak("ja")
    assert dialog._trouble.text() != english
    assert typed in dialog._trouble.text()


def test_without_a_source_or_with_two_scales_nothing_starts(dialog):
    dialog.accept()
    assert dialog._trouble.text() == word("refused_no_source")
    dialog.sources.set_address(SIMULATION)
    dialog.optics.setCurrentIndex(1)
    dialog.scale.setText("0.4")
    dialog.accept()
    assert dialog._trouble.text() == word("refused_two_scales")
    assert dialog.setup is None


def test_cameras_are_listed_with_the_simulation_and_the_language_changes_at_once(dialog, qtbot):
    rows = dialog.sources._list
    qtbot.waitUntil(lambda: rows.count() == 3)
    assert [rows.item(row).text() for row in range(3)] == ["UVC 0", "Basler", word("source_simulation")]
    rows.setCurrentRow(1)
    assert dialog.sources.address == "basler:1|0"
    english = dialog.windowTitle()
    speak("ja")
    assert dialog.windowTitle() != english
    assert rows.item(2).text() == word("source_simulation") != "Simulated microscope"


def test_without_any_camera_it_says_so_and_goes_on(qtbot, monkeypatch):
    monkeypatch.setattr(sources, "list_cameras", list)
    dialog = SetupDialog(Preferences())
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.sources._state.text() == word("source_none"))
    dialog.sources._list.setCurrentRow(0)
    assert dialog.sources.address == SIMULATION


def test_cameras_that_are_slow_to_answer_hold_nothing_up(qtbot, monkeypatch):
    monkeypatch.setattr(sources, "list_cameras", lambda: time.sleep(0.5) or [])
    begun = time.monotonic()
    dialog = SetupDialog(Preferences())
    assert time.monotonic() - begun < 0.4
    dialog.deleteLater()  # closed before the answer
    QApplication.processEvents()
    time.sleep(0.6)
    QApplication.processEvents()


def test_a_session_folder_is_new_and_named_by_time_and_code(tmp_path):
    setup = Setup("sim:", tmp_path, conditions=Conditions(sample="S-1"))
    now = datetime(2026, 11, 26, 9, 5, 7)
    assert setup.session_folder(now) == tmp_path / "20261126-090507-S-1"
    (tmp_path / "20261126-090507-S-1").mkdir()
    (tmp_path / "20261126-090507-S-1-2.partial").mkdir()
    assert setup.session_folder(now) == tmp_path / "20261126-090507-S-1-3"


def test_the_sample_is_not_remembered(tmp_path):
    setup = Setup("camera:0", tmp_path, optics="a", conditions=Conditions(sample="S-1", depth_um=10), operator="E7")
    kept = setup.remembered(Preferences(language="ja"))
    assert (kept.address, kept.optics, kept.depth_um, kept.operator, kept.language) == ("camera:0", "a", 10, "E7", "ja")
    assert "S-1" not in kept.model_dump_json()
