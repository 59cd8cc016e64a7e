"""Freezing, stepping, replaying, going live, and pictures that are kept."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import cv2
import numpy as np
import pytest

pytest.importorskip("PySide6.QtWidgets")
from live_cells import StillRun, cell, picture, shown
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, qRgb

from spermscope.acquisition.decision_table import read_decisions
from spermscope.app.replay_bar import ReplayBar
from spermscope.app.words import speak, word


@pytest.fixture
def run(tmp_path):
    made = StillRun(tmp_path)
    for index in range(10):
        made.see(shown([cell(1)], index=index))
    return made


def painted(what):
    image = QImage(*reversed(what.step.frame.image.shape), QImage.Format.Format_RGB32)
    image.fill(qRgb(10, 20, 30 + what.step.frame.index))
    return image


@pytest.fixture
def bar(qtbot, run):
    made = ReplayBar(lambda: run, painted)
    qtbot.addWidget(made)
    made.resize(1200, 60)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    made.seen = []
    made.shown.connect(lambda what: made.seen.append(what.step.frame.index))
    yield made
    speak("en")


def test_freezing_shows_the_newest_frame_and_nothing_moves_on(bar, qtbot, run):
    assert bar.live
    qtbot.keyClick(bar, "p")
    assert not bar.live
    for index in range(10, 20):
        run.see(shown([cell(1)], index=index))
    assert bar.seen == [9]
    assert "FROZEN" in bar.state.text()
    assert bar.message.text() == word("recording_goes_on")


def test_steps_go_frame_by_frame_and_stop_at_the_ends(bar, qtbot):
    qtbot.keyClick(bar, Qt.Key.Key_Left)
    assert not bar.live
    for _ in range(12):
        qtbot.keyClick(bar, Qt.Key.Key_Left)
    assert bar.seen[-1] == 0
    qtbot.keyClick(bar, Qt.Key.Key_Right)
    assert bar.seen[-1] == 1
    assert bar.seen[:3] == [8, 7, 6]


def test_the_frame_that_is_stepped_to_has_its_own_cells_and_picture(bar, qtbot):
    kept = []
    bar.shown.connect(kept.append)
    qtbot.keyClick(bar, Qt.Key.Key_Left)
    assert kept[-1].cells[0].track_id == 1
    assert np.abs(kept[-1].step.frame.image.astype(int) - picture(8).astype(int)).mean() < 4


def test_the_replay_runs_through_all_at_its_own_speed_and_stays_at_the_end(bar, qtbot):
    qtbot.keyClick(bar, "l")
    assert bar.playing
    assert "REPLAY" in bar.state.text()
    with qtbot.waitSignal(bar.shown, timeout=1000):
        pass
    qtbot.waitUntil(lambda: not bar.playing, timeout=3000)
    assert bar.seen == list(range(10))
    assert not bar.live


def test_the_replay_can_be_paused_and_goes_on(bar, qtbot):
    qtbot.keyClick(bar, "l")
    qtbot.waitUntil(lambda: len(bar.seen) > 2, timeout=2000)
    qtbot.keyClick(bar, "l")
    assert not bar.playing
    paused = bar.at
    qtbot.keyClick(bar, "l")
    assert bar.seen[-1] == paused
    assert bar.playing


def test_back_to_live(bar, qtbot):
    qtbot.keyClick(bar, "p")
    with qtbot.waitSignal(bar.went_live):
        qtbot.keyClick(bar, "p")
    assert bar.live
    assert bar.state.text() == word("is_live")
    assert not bar.slider.isVisible()


def test_the_slider_goes_anywhere(bar, qtbot):
    qtbot.keyClick(bar, "p")
    bar.slider.setValue(4)
    assert bar.seen[-1] == 4


def test_without_a_run_or_a_frame_it_says_so(qtbot, tmp_path):
    for provider in (lambda: None, lambda: StillRun(tmp_path)):
        bar = ReplayBar(provider, painted)
        qtbot.addWidget(bar)
        for act in (bar.toggle, bar.back, bar.play, bar.keep):
            act()
            assert bar.live
            assert bar.message.text() == word("nothing_to_freeze")


def test_a_snapshot_keeps_the_frame_with_and_without_marks_and_its_row(bar, qtbot, run):
    qtbot.keyClick(bar, "s")
    plain = cv2.imread(str(run.place / "snapshots" / "00000009.png"), cv2.IMREAD_UNCHANGED)
    marked = cv2.imread(str(run.place / "snapshots" / "00000009-marks.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(plain, picture(9))
    assert marked[0, 0].tolist() == [39, 20, 10]
    (row,) = read_decisions(run.place)
    assert (row["kind"], row["frame"]) == ("snapshot", 9)
    assert row["files"] == ["00000009.png", "00000009-marks.png"]
    assert bar.live
    qtbot.keyClick(bar, Qt.Key.Key_Left)
    qtbot.keyClick(bar, "s")
    assert (run.place / "snapshots" / "00000008.png").is_file()
    assert bar.message.text() == word("snapshot_kept", name="00000008.png")


def test_a_snapshot_that_cannot_be_kept_is_told_and_leaves_nothing_half(bar, qtbot, run):
    (run.place / "snapshots").write_text("in the way")
    qtbot.keyClick(bar, "s")
    assert bar.message.text().startswith("Snapshot not kept")
    assert not (run.place / "decisions.jsonl").exists()


def test_another_language_at_once(bar, qtbot):
    speak("ja")
    assert bar.buttons["freeze"].text() == "静止  P"
    qtbot.keyClick(bar, "p")
    assert "静止中" in bar.state.text()
