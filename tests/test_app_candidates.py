"""The candidates as a person uses them: picked, graded first, decided by key, corrected, in both languages."""

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest

pytest.importorskip("PySide6.QtWidgets")
from live_cells import StillRun, cell, grade_of, peaked, shown, swimming
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from spermscope.acquisition.decision_table import read_decisions
from spermscope.app.candidates import CandidatesPanel
from spermscope.app.marks import MARKS
from spermscope.app.theme import dress
from spermscope.app.words import speak, word


@pytest.fixture
def run(tmp_path):
    return StillRun(tmp_path)


@pytest.fixture
def panel(qtbot, run):
    dress(15)
    made = CandidatesPanel(lambda: run)
    qtbot.addWidget(made)
    made.resize(420, 900)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    speak("en")


def five():
    """Cells 1 to 5, whose predicted grades are E to A, each at its own place."""
    return [cell(6 - n, xy_px=(60.0 * n, 100.0), grade=f"peaked {'ABCDE'[n - 1]}") for n in range(1, 6)]


def see(panel, cells, times=1, start=0, **options):
    """Show the cells for so many fifths of a second; the rows are renewed each time."""
    for number in range(start, start + times):
        panel.show_cells(shown(cells, index=3 * number, **options))
        panel._renew()


def listed(panel):
    return [row.cell.track_id for row in panel.rows if row.cell is not None]


def kinds(run):
    return [row["kind"] for row in read_decisions(run.place)]


def key(qtbot, panel, name, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(panel, name, modifier)


def test_the_highest_predicted_ratings_stand_first_with_mark_expected_grade_and_doubt(panel):
    see(panel, five(), times=40)
    assert listed(panel)[:3] == [5, 4, 3]
    assert panel.rows[0].headline.grade == 0
    assert panel.rows[0].headline.said == "1.5 ± 0.10"
    assert panel.rows[0].bars.grade.probabilities[0, 0] == 0.8


def test_rows_hold_still_while_predictions_tremble(panel):
    see(panel, five(), times=40)
    before = listed(panel)
    for number in range(40):
        sure = 0.8 - 0.02 * (number % 2)
        trembling = [cell(c.track_id, grade=grade_of(c.track_id, peaked(5 - c.track_id, sure))) for c in five()]
        see(panel, trembling, start=40 + number)
        assert listed(panel) == before


def test_a_key_picks_and_the_cell_is_followed_large(panel, qtbot):
    see(panel, five(), times=40)
    with qtbot.waitSignal(panel.picked) as picked:
        key(qtbot, panel, "2")
    assert picked.args == [4]
    assert panel.large.track_id == 4
    assert panel.large.isVisible()
    assert panel.rows[1].picked
    assert panel.leave()
    assert not panel.large.isVisible()
    assert not panel.leave()


@pytest.mark.parametrize(("name", "kind"), [("a", "accept"), ("r", "reject"), ("f", "flag")])
def test_a_key_decides_about_the_picked_cell(panel, qtbot, run, name, kind):
    see(panel, five(), times=40)
    key(qtbot, panel, "1")
    with qtbot.waitSignal(panel.decided) as decided:
        key(qtbot, panel, name)
    assert decided.args == [kind, 5]
    (row,) = read_decisions(run.place)
    assert (row["kind"], row["track_id"], row["shown"]["blind"]) == (kind, 5, False)
    assert row["clip_sha256"]
    tag = word({"accept": "accepted", "reject": "rejected", "flag": "flagged"}[kind])
    assert tag in panel.rows[0].disputed.said
    assert panel.rows[0].headline.tag in "✓✕⚑"
    assert f"1 {tag}" in panel.foot.totals.said


def test_undo_takes_the_last_back_and_says_which(panel, qtbot, run):
    see(panel, five(), times=40)
    key(qtbot, panel, "1")
    key(qtbot, panel, "a")
    key(qtbot, panel, "u")
    assert kinds(run) == ["accept", "undo"]
    assert panel.foot.message.text() == "Taken back: Cell 5, Accept"
    assert panel.rows[0].headline.tag == ""
    key(qtbot, panel, "u")
    assert panel.foot.message.text() == word("refused_undo")


def test_without_a_picked_cell_nothing_is_decided(panel, qtbot, run):
    see(panel, five())
    key(qtbot, panel, "a")
    assert panel.foot.message.text() == word("pick_one")
    assert not (run.place / "decisions.jsonl").exists()


def test_a_reason_can_be_given_first_or_left(panel, qtbot, run):
    see(panel, five(), times=40)
    key(qtbot, panel, "1")
    key(qtbot, panel, "r", Qt.KeyboardModifier.ShiftModifier)
    assert panel.foot.reason.isVisible()
    qtbot.keyClicks(panel.foot.reason, "bent tail 7")
    assert kinds_or_none(run) == []
    qtbot.keyClick(panel.foot.reason, Qt.Key.Key_Return)
    assert read_decisions(run.place)[0]["reason"] == "bent tail 7"
    key(qtbot, panel, "f", Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(panel.foot.reason, Qt.Key.Key_Escape)
    assert not panel.foot.reason.isVisible()
    assert kinds(run) == ["reject"]


def kinds_or_none(run):
    return kinds(run) if (run.place / "decisions.jsonl").exists() else []


def test_buttons_do_what_keys_do(panel, qtbot, run):
    see(panel, five(), times=40)
    qtbot.mouseClick(panel.rows[2], Qt.MouseButton.LeftButton)
    assert panel.picked_id == 3
    for deed in ("accept", "undo", "flag"):
        qtbot.mouseClick(panel.foot.buttons[deed], Qt.MouseButton.LeftButton)
    assert kinds(run) == ["accept", "undo", "flag"]


def test_grading_first_hides_every_prediction_until_the_person_has_graded(panel, qtbot, run):
    panel.head.blind.setChecked(True)
    see(panel, five(), times=40)
    assert all(panel.hides(one) for one in range(1, 6))
    assert {row.headline.grade for row in panel.rows if row.cell} == {None}
    assert not any(len(row.bars.grade) for row in panel.rows)
    key(qtbot, panel, "1")
    first = panel.picked_id
    assert not len(panel.large.bars.grade)
    key(qtbot, panel, "2")
    (row,) = read_decisions(run.place)
    assert (row["kind"], row["own"], row["shown"]) == ("blind_grade", "B", {"blind": True})
    assert not panel.hides(first)
    assert len(panel.large.bars.grade)
    shown_rows = [row for row in panel.rows if row.cell is not None and row.headline.grade is not None]
    assert [row.cell.track_id for row in shown_rows] == [first]
    assert "you: B" in shown_rows[0].headline.said
    key(qtbot, panel, "a")
    assert read_decisions(run.place)[1]["shown"]["blind"] is False


def test_grading_first_the_order_does_not_tell_the_rating(panel):
    panel.head.blind.setChecked(True)
    cells = [cell(n, grade=f"peaked {'ABCDE'[n % 5]}", followed_s=10.0 - n) for n in range(1, 6)]
    see(panel, cells, times=60)
    assert listed(panel)[:4] == [1, 2, 3, 4]


def test_a_grade_button_serves_the_mouse(panel, qtbot, run):
    panel.head.blind.setChecked(True)
    see(panel, five(), times=20)
    qtbot.mouseClick(panel.rows[0], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.rows[0].buttons[3], Qt.MouseButton.LeftButton)
    assert read_decisions(run.place)[0]["own"] == "D"


def test_what_was_seen_before_is_not_graded_blind(panel, qtbot, run):
    see(panel, five(), times=20)
    panel.head.blind.setChecked(True)
    see(panel, five(), start=20, times=2)
    assert not panel.hides(5)
    see(panel, [*five(), cell(9, followed_s=1.5)], start=22)
    assert panel.hides(9)


def test_the_wrong_sample_stops_every_decision_until_the_right_one_is_scanned(panel, qtbot, run):
    see(panel, five(), times=20)
    key(qtbot, panel, "1")
    key(qtbot, panel, "k")
    assert panel.foot.scan.hasFocus()
    qtbot.keyClicks(panel.foot.scan, "S-2")
    qtbot.keyClick(panel.foot.scan, Qt.Key.Key_Return)
    assert "S-2 IS NOT THIS SESSION'S (S-1)" in panel.foot.message.text()
    key(qtbot, panel, "a")
    assert kinds(run) == ["mismatch"]
    qtbot.keyClicks(panel.foot.scan, "S-1\r")
    key(qtbot, panel, "a")
    assert kinds(run) == ["mismatch", "accept"]


def test_not_a_sperm_leaves_the_list_and_the_count(panel, qtbot, run):
    see(panel, five(), times=40)
    assert "5 cells in view · 0 corrections" in panel.foot.in_view.said
    key(qtbot, panel, "1")
    key(qtbot, panel, "n")
    assert read_decisions(run.place)[0]["what"] == "not_sperm"
    see(panel, five(), start=40, times=20)
    assert 5 not in listed(panel)
    assert "4 cells in view · 1 corrections" in panel.foot.in_view.said
    key(qtbot, panel, "u")
    see(panel, five(), start=60, times=20)
    assert 5 in listed(panel)


def test_a_missed_one_is_placed_by_a_click(panel, qtbot, run):
    see(panel, five())
    key(qtbot, panel, "m")
    assert panel.foot.message.text() == word("missed_where")
    panel.clicked(33.25, 44.0)
    (row,) = read_decisions(run.place)
    assert (row["what"], row["x_px"], row["y_px"]) == ("missed", 33.2, 44.0)
    assert "1 corrections" in panel.foot.in_view.said
    key(qtbot, panel, "m")
    assert panel.leave()
    panel.clicked(60.0, 100.0)
    assert panel.picked_id == 5


def test_a_click_beside_every_cell_lets_go(panel):
    see(panel, five(), times=2)
    panel.clicked(62.0, 101.0)
    assert panel.picked_id == 5
    panel.clicked(10.0, 290.0)
    assert panel.picked_id is None


def test_the_filter_leaves_out_and_says_how_many(panel):
    cells = [cell(1), cell(2, motion=swimming(0.0)), cell(3, motion=None), cell(4, ambiguous=True)]
    see(panel, cells, times=5)
    assert sorted(listed(panel)) == [1, 2, 3]
    panel.head.filters["motile_only"].setChecked(True)
    see(panel, cells, start=5, times=20)
    assert listed(panel) == [1]
    assert "3 cells left out" in panel.empty.text()
    assert "of 1 it was not measured" in panel.empty.text()


def test_sorting_by_speed_puts_the_fastest_first(panel):
    cells = [cell(n, grade=f"peaked {'ABC'[n - 1]}", motion=swimming(20.0 * n)) for n in (1, 2, 3)]
    panel.head.sorts["speed"].trigger()
    see(panel, cells, times=40)
    assert listed(panel) == [3, 2, 1]
    assert "speed" in panel.head.sorting.text()


def test_a_cell_that_has_gone_can_still_be_decided_about(panel, qtbot, run):
    see(panel, five(), times=40)
    key(qtbot, panel, "1")
    see(panel, five()[1:], start=40)
    assert word("gone") in panel.rows[0].disputed.said
    key(qtbot, panel, "a")
    assert read_decisions(run.place)[0]["track_id"] == 5
    see(panel, five()[1:], start=41, times=30)
    assert 5 not in listed(panel)


def test_why_a_prediction_is_disputed_is_said(panel):
    cells = [
        cell(1, grade=grade_of(1, (0.2,) * 5, doubt=0.6)),
        cell(2, grade=grade_of(2, unlike=True)),
        cell(3, grade=None, motion=None, not_graded="not graded: 10 fps is below 12"),
    ]
    see(panel, cells, times=40)
    rows = {row.cell.track_id: row for row in panel.rows if row.cell}
    assert "experts would differ" in rows[1].disputed.said
    assert "the model is unsure" in rows[1].disputed.said
    assert rows[2].headline.said == "unlike training"
    assert not len(rows[2].bars.grade)
    assert rows[3].headline.said == "not graded: 10 fps is below 12"
    assert rows[3].motion.said == word("measured_later")


def test_a_withheld_number_has_its_reason(panel, qtbot):
    reason = "scale estimated, 0.33 um/px; calibrate"
    see(panel, [cell(1, motion=swimming(um_reason=reason))], times=3)
    assert reason in panel.rows[0].motion.said
    key(qtbot, panel, "1")
    said = " ".join(line.said for line in panel.large.foot)
    assert reason in said
    assert "15 fps is below 50" in said


@pytest.mark.parametrize("demonstration", [True, False])
def test_a_demonstration_is_marked_and_has_no_tone(panel, demonstration, monkeypatch):
    heard = []
    monkeypatch.setattr(QApplication, "beep", lambda: heard.append(1))
    panel.head.tones[0].trigger()
    see(panel, five(), times=3, demonstration=demonstration)
    assert panel.mark.isVisible() == demonstration
    assert "DEMONSTRATION MODEL" in panel.mark.text()
    assert panel.head.toning.isEnabled() != demonstration
    assert len(heard) == (0 if demonstration else 1)
    see(panel, five(), start=3, times=3, demonstration=demonstration)
    assert len(heard) == (0 if demonstration else 1)


def test_the_tone_is_silent_while_a_person_grades_first(panel, monkeypatch):
    heard = []
    monkeypatch.setattr(QApplication, "beep", lambda: heard.append(1))
    panel.head.tones[3].trigger()
    panel.head.blind.setChecked(True)
    see(panel, five(), times=3)
    assert heard == []


def test_a_full_disk_is_told_and_nothing_is_decided(panel, qtbot, run, tmp_path):
    see(panel, five(), times=20)
    key(qtbot, panel, "1")
    (tmp_path / "decisions.jsonl").mkdir()
    key(qtbot, panel, "a")
    assert panel.foot.message.text().startswith("NOT SAVED, nothing was decided")
    assert panel.rows[0].headline.tag == ""


def test_another_run_begins_with_no_decisions(qtbot, tmp_path):
    runs = [StillRun(tmp_path / "one"), StillRun(tmp_path / "two")]
    for run in runs:
        run.place.mkdir()
    panel = CandidatesPanel(lambda: runs[0])
    qtbot.addWidget(panel)
    see(panel, five(), times=5)
    panel.pick(5)
    panel.do("accept")
    assert panel.deeds.standing.judged() == {5: "accept"}
    runs.pop(0)
    see(panel, five(), times=1)
    assert panel.deeds.standing.judged() == {}
    assert panel.picked_id is None


def test_another_language_at_once(panel):
    see(panel, five(), times=5)
    panel.foot.say("said in English")
    speak("ja")
    assert panel.foot.message.text() == ""
    assert panel.head.blind.text() == "先に自分で評価"
    assert panel.foot.buttons["accept"].text() == "採用  A"
    assert "実演用モデル" in panel.mark.text()


def pixels(widget, colour):
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    wanted = int(colour.removeprefix("#"), 16)
    return sum((image.pixel(x, y) & 0xFFFFFF) == wanted for x in range(image.width()) for y in range(image.height()))


def test_while_hidden_no_grades_colour_is_painted_in_the_row(panel):
    panel.head.blind.setChecked(True)
    see(panel, [cell(1, grade="peaked D")], times=3)
    hidden = pixels(panel.rows[0], MARKS[3].colour)
    panel.pick(1)
    panel.grade("A")
    see(panel, [cell(1, grade="peaked D")], start=3, times=2)
    assert pixels(panel.rows[0], MARKS[3].colour) > hidden + 30


def test_as_many_rows_as_there_is_room_for(panel, qtbot):
    many = [cell(n) for n in range(1, 12)]
    panel.resize(420, 1500)
    see(panel, many, times=5)
    assert len(listed(panel)) == 9
    panel.resize(420, 560)
    see(panel, many, start=5, times=3)
    assert 1 <= len(listed(panel)) < 9
    QApplication.processEvents()
    bottom = max(row.geometry().bottom() for row in panel.rows if row.isVisible())
    assert bottom <= panel.middle.height()
    assert panel.minimumSizeHint().height() < 400


def test_when_the_run_is_over_nothing_is_offered_and_nothing_decided(panel, run):
    see(panel, five(), times=3, demonstration=True)
    panel.pick(5)
    panel.clear()
    assert listed(panel) == []
    assert panel.picked_id is None
    assert not panel.mark.isVisible()
    assert not panel.large.isVisible()
    panel.do("accept")
    assert not (run.place / "decisions.jsonl").exists()
