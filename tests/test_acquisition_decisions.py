"""Rows that tell who decided what, on which clip, and what was on the screen; and what stands of them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from live_cells import StillRun, clip_of, grade_of, peaked

from spermscope.acquisition.decision_table import read_decisions, write_decisions
from spermscope.acquisition.decisions import Decisions, RefusedError, check_code, clip_sha256
from spermscope.acquisition.standing import Standing
from spermscope.store import TABLES
from spermscope.types import Grades


@pytest.fixture
def run(tmp_path):
    return StillRun(tmp_path)


def rows(run):
    return read_decisions(run.place)


def table(run):
    write_decisions(run.place)
    lines = (run.place / "decisions.csv").read_text(encoding="utf-8").splitlines()
    return [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]


def test_a_row_holds_who_when_which_clip_which_model_and_what_was_shown(run):
    clip = clip_of(7)
    Decisions(run).decide("accept", 7, grade_of(7), clip, frame=40, reason="long, straight")
    (row,) = rows(run)
    assert (row["kind"], row["who"], row["sample"], row["track_id"]) == ("accept", "OP7", "S-1", 7)
    assert row["when"].endswith("+00:00")
    assert row["clip_sha256"] == clip_sha256(clip)
    assert row["model"]["sha256"] == run.models[0].sha256
    assert row["model"]["demonstration"] is True
    assert row["shown"]["distribution"] == {"A": 0.6, "B": 0.2, "C": 0.1, "D": 0.1, "E": 0.0}
    assert row["shown"]["uncertainty"] == 0.1
    assert row["shown"]["blind"] is False
    assert row["reason"] == "long, straight"


def test_the_clip_that_was_judged_is_kept_and_is_the_one_whose_hash_stands_in_the_row(run):
    clip = clip_of(7)
    Decisions(run).decide("reject", 7, grade_of(7), clip, frame=1)
    (kept,) = (run.place / "decided").iterdir()
    with np.load(kept, allow_pickle=False) as arrays:
        again = replace(clip, **{name: arrays[name] for name in ("frames", "time_s", "xy_um", "observed")})
    assert clip_sha256(again) == rows(run)[0]["clip_sha256"]


@pytest.mark.parametrize("what", ["frames", "time_s", "xy_um", "observed"])
def test_a_clip_that_differs_anywhere_has_another_hash(what):
    clip = clip_of(1)
    array = getattr(clip, what).copy()
    array[3] = ~array[3] if what == "observed" else array[3] + 1
    assert clip_sha256(replace(clip, **{what: array})) != clip_sha256(clip)


def test_while_hidden_the_row_says_blind_and_shows_no_prediction_but_keeps_it(run):
    made = Decisions(run, blind_first=True)
    made.decide("flag", 7, grade_of(7), clip_of(7), frame=1)
    (row,) = rows(run)
    assert row["shown"] == {"blind": True}
    assert row["predicted"]["distribution"]["A"] == 0.6
    assert table(run)[0]["p_A"] == ""
    assert table(run)[0]["blind"] == "1"


def test_a_persons_own_grade_reveals_that_cell_and_no_other(run):
    made = Decisions(run, blind_first=True)
    made.showing([7, 8])
    assert made.hides(7)
    made.grade_blind(7, "B", grade_of(7), clip_of(7), frame=1)
    assert not made.hides(7)
    assert made.hides(8)
    assert made.standing.own_grade(7) == "B"
    made.decide("accept", 7, grade_of(7), clip_of(7), frame=2)
    blind, accepted = rows(run)
    assert blind["shown"] == {"blind": True}
    assert accepted["shown"]["blind"] is False
    assert [row["grade"] for row in table(run)] == ["B", ""]


def test_what_was_seen_is_not_graded_blind_however_the_mode_is_switched(run):
    made = Decisions(run)
    made.showing([7])
    made.blind_first = True
    assert not made.hides(7)
    with pytest.raises(RefusedError, match="had been shown"):
        made.grade_blind(7, "A", grade_of(7), clip_of(7), frame=1)
    assert made.hides(8)


def test_a_grade_that_is_taken_back_stays_seen(run):
    made = Decisions(run, blind_first=True)
    made.grade_blind(7, "B", grade_of(7), clip_of(7), frame=1)
    made.showing([7])
    made.undo()
    assert not made.hides(7)
    assert made.standing.own_grade(7) == ""
    with pytest.raises(RefusedError):
        made.grade_blind(7, "A", grade_of(7), clip_of(7), frame=2)


def test_a_cell_without_a_prediction_can_be_judged(run):
    Decisions(run).decide("accept", 3, Grades.empty(), None, frame=0)
    (row,) = rows(run)
    assert row["predicted"] is None
    assert row["clip_sha256"] == ""
    Decisions(run).decide("accept", 4, grade_of(4, unlike=True), None, frame=0)
    assert rows(run)[1]["shown"] == {"blind": False, "unlike": True}


def test_the_latest_judgement_stands_and_undo_brings_back_the_one_before(run):
    made = Decisions(run)
    made.decide("accept", 7, grade_of(7), None, frame=1)
    made.decide("reject", 7, grade_of(7), None, frame=2)
    assert made.standing.judged() == {7: "reject"}
    made.undo()
    assert made.standing.judged() == {7: "accept"}
    made.undo()
    assert made.standing.judged() == {}
    with pytest.raises(RefusedError, match="found none"):
        made.undo()
    assert [row["kind"] for row in rows(run)] == ["accept", "reject", "undo", "undo"]
    assert [row["undoes"] for row in rows(run)[2:]] == [2, 1]


def test_what_stands_is_read_off_the_rows_alone(run):
    made = Decisions(run)
    made.decide("accept", 7, grade_of(7), None, frame=1)
    made.not_sperm(8, grade_of(8), None, frame=2)
    made.missed(3, 0.2, (12.34, 56.0))
    made.decide("flag", 9, grade_of(9), None, frame=3)
    made.undo()
    again = Standing(rows(run))
    assert again.judged() == made.standing.judged() == {7: "accept"}
    assert again.not_sperm == {8}
    assert again.missed[0]["x_px"] == 12.3
    assert again.corrections == 2


def test_another_sample_is_refused_until_the_right_one_is_scanned(run):
    made = Decisions(run)
    with pytest.raises(RefusedError, match="expected S-1, found S-2; nothing is decided"):
        made.scan("S-2")
    for deed in (
        lambda: made.decide("accept", 7, grade_of(7), None, frame=1),
        lambda: made.missed(0, 0.0, (1, 2)),
        lambda: made.not_sperm(7, grade_of(7), None, frame=1),
        lambda: made.grade_blind(7, "A", grade_of(7), None, frame=1),
    ):
        with pytest.raises(RefusedError, match="found S-2"):
            deed()
    made.scan(" S-1 ")
    made.decide("accept", 7, grade_of(7), None, frame=1)
    assert [row["kind"] for row in rows(run)] == ["mismatch", "accept"]


@pytest.mark.parametrize("code", ["S-1", "2026.11_a", "A1", "9" * 40])
def test_codes(code):
    assert check_code("sample", code) == code


@pytest.mark.parametrize("code", ["", "Tanaka", "Tanaka 1", "田中1", "-1", "9" * 41, "a/1", "1\n2"])
def test_what_is_no_code_is_refused_in_one_line(code):
    with pytest.raises(RefusedError, match="expected a code") as refused:
        check_code("operator", code)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("edit", ["S-1", "accept", "0.6"])
def test_an_edited_row_is_found(run, edit):
    made = Decisions(run)
    made.decide("accept", 7, grade_of(7), None, frame=1)
    made.decide("reject", 8, grade_of(8, peaked(4)), None, frame=2)
    path = run.place / "decisions.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    entry = json.loads(lines[0])
    assert edit in entry["row"]
    lines[0] = json.dumps(entry | {"row": entry["row"].replace(edit, "X-9", 1)}) + "\n"
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match="line 1"):
        read_decisions(run.place)
    with pytest.raises(ValueError, match="line 1"):
        write_decisions(run.place)


def test_a_row_that_cannot_be_written_decides_nothing(run):
    def full(kind, **facts):
        raise OSError(28, "No space left on device")

    run.note = full
    made = Decisions(run)
    with pytest.raises(OSError, match="No space"):
        made.decide("accept", 7, grade_of(7), None, frame=1)
    assert made.standing.judged() == {}


def test_the_table_has_its_columns_and_is_not_written_where_nobody_decided(run):
    write_decisions(run.place)
    assert not (run.place / "decisions.csv").exists()
    Decisions(run).decide("accept", 7, grade_of(7), None, frame=1)
    assert tuple(table(run)[0]) == TABLES["decisions"]
    assert table(run)[0]["demonstration"] == "1"
    assert table(run)[0]["action"] == "accept"
