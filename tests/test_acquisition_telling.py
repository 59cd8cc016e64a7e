"""Lines of a live run and rows of its events."""

from spermscope.acquisition.telling import LATE_TOLD, Telling
from spermscope.journal import read_journal


def test_the_latest_line_of_a_kind_stands_and_all_are_noted(tmp_path):
    telling = Telling(tmp_path / "events.jsonl")
    telling.say("lost", "the camera is lost", reason="no power")
    telling.say("told", "dark")
    telling.say("lost", "the camera is lost again")
    telling.say("quiet", "")
    assert telling.lines == ("dark", "the camera is lost again")
    telling.unsay("told")
    telling.unsay("never said")
    assert telling.lines == ("the camera is lost again",)
    telling.close()
    found = read_journal(tmp_path / "events.jsonl")
    assert [row["kind"] for row in found] == ["lost", "told", "lost", "quiet"]
    assert (found[0]["reason"], found[0]["line"]) == ("no power", "the camera is lost")
    assert "line" not in found[3]


def test_drops_are_noted_as_they_come_and_lateness_is_told_once(tmp_path):
    telling = Telling(tmp_path / "events.jsonl")
    telling.note_drops(0, 0, 0)
    telling.note_drops(2, 1, 0)
    telling.note_drops(2, 1, 0)
    telling.note_drops(5, 1, LATE_TOLD - 1)
    assert telling.lines == ()
    telling.note_drops(5, 1, LATE_TOLD)
    telling.note_drops(5, 1, LATE_TOLD + 1)
    assert len(telling.lines) == 1
    telling.close()
    found = read_journal(tmp_path / "events.jsonl")
    dropped = [(row["analysis"], row["recording"], row["late"]) for row in found if row["kind"] == "dropped"]
    assert dropped == [(2, 1, 0), (3, 0, LATE_TOLD - 1), (0, 0, 1), (0, 0, 1)]
    assert [row["kind"] for row in found].count("late") == 1


def test_a_row_that_cannot_be_written_stops_nothing(tmp_path):
    telling = Telling(tmp_path / "no such folder" / "events.jsonl")
    telling.say("source", "it ended")
    assert telling.lines == ("it ended",)
    telling.close()
    telling.note("after the end")
