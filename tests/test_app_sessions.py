"""The sessions window: what is listed, opened, analysed again and compared."""

import json
import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import shutil

import pytest

pytest.importorskip("PySide6.QtWidgets")
from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from test_acquisition_archive import made, record  # noqa: F401

from spermscope.app.comparison import ComparisonDialog
from spermscope.app.reanalysis import settings_of
from spermscope.app.sessions import SessionsDialog
from spermscope.app.words import speak, word
from spermscope.settings import Settings


class Browser(QObject):
    """Stands where the system's browser would."""

    def __init__(self):
        super().__init__()
        self.opened = []

    @Slot(QUrl)
    def open(self, url):
        self.opened.append(url.toLocalFile())


@pytest.fixture
def root(tmp_path, made):  # noqa: F811
    for name in ("one", "two"):
        shutil.copytree(made, tmp_path / name)
    record(tmp_path / "gone.partial" / "video")
    return tmp_path


@pytest.fixture
def dialog(qtbot, root):
    made_dialog = SessionsDialog(root)
    qtbot.addWidget(made_dialog)
    made_dialog.show()
    yield made_dialog
    made_dialog.close()
    speak("en")


def choose(dialog, *names):
    dialog.table.clearSelection()
    dialog.table.setSelectionMode(dialog.table.SelectionMode.MultiSelection)
    for row, entry in enumerate(dialog.entries):
        if entry.folder.name in names:
            dialog.table.selectRow(row)


def said(dialog, name):
    row = next(row for row, entry in enumerate(dialog.entries) if entry.folder.name == name)
    return [dialog.table.item(row, column).text() for column in range(dialog.table.columnCount())]


def test_sessions_are_listed_with_their_state_and_a_killed_one_says_so(dialog):
    assert len(dialog.entries) == 3
    assert said(dialog, "one")[0] == "one"
    assert said(dialog, "one")[2] == "S-1"
    assert said(dialog, "one")[4].startswith("complete")
    assert "DEMONSTRATION MODEL" in said(dialog, "one")[4]
    assert said(dialog, "gone.partial")[0] == "gone"
    assert said(dialog, "gone.partial")[4].startswith(word("session_killed"))


def test_pictures_come_one_by_one(dialog, qtbot):
    icons = [dialog.table.item(row, 0) for row in range(3)]
    qtbot.waitUntil(lambda: all(not icon.icon().isNull() for icon in icons), timeout=5000)
    assert all(icon.icon().availableSizes()[0].width() > 1 for icon in icons)


def test_the_report_opens(dialog, qtbot, root):
    browser = Browser()
    QDesktopServices.setUrlHandler("file", browser, "open")
    try:
        choose(dialog, "one")
        dialog.report.click()
    finally:
        QDesktopServices.unsetUrlHandler("file")
    assert browser.opened == [str(root / "one" / "report.html")]


def test_what_cannot_be_done_is_off(dialog):
    choose(dialog, "one")
    assert dialog.report.isEnabled()
    assert not dialog.again.isEnabled()
    assert dialog.again.toolTip() == word("no_recording")
    choose(dialog, "gone.partial")
    assert not dialog.report.isEnabled()
    assert dialog.again.isEnabled()
    choose(dialog, "one", "gone.partial")
    assert not dialog.two.isEnabled()
    choose(dialog, "one", "two")
    assert dialog.two.isEnabled()


def test_two_are_compared_side_by_side(dialog, qtbot):
    choose(dialog, "one", "two")
    dialog.two.click()
    comparison = dialog.findChild(ComparisonDialog)
    assert comparison.mark.isVisibleTo(comparison)
    assert comparison.table.item(0, 0).text() == "Frames"
    assert comparison.table.item(0, 1).text() == comparison.table.item(0, 2).text() == "18"
    speak("ja")
    assert comparison.table.item(0, 0).text() == "フレーム"


@pytest.mark.slow
def test_a_recording_that_was_cut_off_is_analysed_again_beside_it(dialog, qtbot, root):
    choose(dialog, "gone.partial")
    with qtbot.waitSignal(dialog.reanalysed, timeout=60_000) as done:
        dialog.again.click()
        assert not dialog.again.isEnabled()
    assert done.args == [root / "gone-2"]
    assert (root / "gone-2" / "report.html").is_file()
    assert "gone-2" in [entry.folder.name for entry in dialog.entries]
    assert (root / "gone.partial").is_dir()


def test_a_session_is_analysed_again_with_the_settings_that_it_was_made_with(dialog, root):
    path = root / "one" / "session.json"
    said_there = json.loads(path.read_text(encoding="utf-8"))
    said_there["settings"] |= {"precision": "int8", "accept_estimated_scale": True}
    path.write_text(json.dumps(said_there), encoding="utf-8")
    entries = {entry.folder.name: entry for entry in dialog.entries}
    assert settings_of(entries["one"]) == Settings(precision="int8", accept_estimated_scale=True)
    assert settings_of(entries["two"]) == Settings()
    assert settings_of(entries["gone.partial"]) is None


def test_a_recording_that_cannot_be_read_is_told(dialog, qtbot, root):
    choose(dialog, "gone.partial")
    shutil.rmtree(root / "gone.partial" / "video")
    dialog.again.click()
    qtbot.waitUntil(lambda: dialog.message.text().startswith("Not analysed"), timeout=20_000)
    assert not (root / "gone-2").exists()


def test_without_sessions_it_says_so(qtbot, tmp_path):
    dialog = SessionsDialog(tmp_path / "none")
    qtbot.addWidget(dialog)
    assert str(tmp_path / "none") in dialog.message.text()


def test_another_language_at_once(dialog):
    speak("ja")
    assert dialog.windowTitle() == "セッション一覧"
    assert said(dialog, "gone.partial")[4].startswith("中断")
