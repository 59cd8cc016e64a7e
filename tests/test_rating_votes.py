"""Votes: in turn, once, while the study takes them; on the disk when they are acknowledged."""

import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
from pydantic import ValidationError
from ratings import new, new_vote, rate, started
from sqlalchemy.exc import OperationalError

from spermscope.labels import MISSING
from spermscope.rating.keys import head_message, signed_by
from spermscope.rating.opening import open_study
from spermscope.rating.protocol import Protocol, read_protocol
from spermscope.rating.values import Presentation, Refused
from spermscope.rating.verifying import verify
from spermscope.rating.voting import FROM


def refused(call, *arguments):
    with pytest.raises(Refused) as caught:
        call(*arguments)
    assert caught.value.sentence("ja") != caught.value.sentence("en")
    return caught.value.key


def test_a_vote_is_acknowledged_with_its_signed_place_in_the_chain(tmp_path):
    with started(tmp_path / "s") as study:
        receipt = rate(study, "R001", 1)[0]
        message = head_message(study.study_id, receipt.seq, receipt.chain)
        assert signed_by(study.key.public, message, receipt.signature)
        assert not signed_by(study.key.public, message + "0", receipt.signature)
        entry = study.ledger.end()
    assert (entry.id, entry.seq, entry.chain) == (receipt.vote, receipt.seq, receipt.chain)
    row = entry.content
    assert (row["view"], row["order_seed"], row["protocol_version"]) == ("head", 7, 1)
    assert (row["elapsed_ms"], row["display_width_px"], row["display_height_px"]) == (1200, 1280, 720)
    assert (row["display_scale"], row["app_version"], row["reason"]) == (1.5, "0.1.0", None)


def test_the_same_vote_again_counts_once_and_gives_the_same_receipt(tmp_path):
    with started(tmp_path / "s") as study:
        vote = new_vote(study.next_presentations("R001", 1)[0])
        receipt = study.vote("R001", vote)
        assert study.vote("R001", vote) == receipt
        study.lock()
        assert study.vote("R001", vote) == receipt
        assert study.progress("R001").done == 1


def test_an_id_is_one_votes_and_one_raters(tmp_path):
    with started(tmp_path / "s") as study:
        vote = new_vote(study.next_presentations("R001", 1)[0])
        study.vote("R001", vote)
        assert refused(study.vote, "R001", vote.model_copy(update={"grade": "C"})) == "id"
        other = new_vote(study.next_presentations("R002", 1)[0], id=vote.id)
        assert refused(study.vote, "R002", other) == "id"


def test_votes_come_in_turn_and_on_ones_own_presentations(tmp_path):
    with started(tmp_path / "s") as study:
        first, second, third = study.next_presentations("R001", 3)
        assert refused(study.vote, "R001", new_vote(second)) == "order"
        study.vote("R001", new_vote(first))
        assert refused(study.vote, "R001", new_vote(first)) == "order"
        assert refused(study.vote, "R001", new_vote(third)) == "order"
        assert refused(study.vote, "R002", new_vote(second)) == "presentation"
        assert refused(study.vote, "R004", new_vote(second)) == "presentation"
        assert refused(study.vote, "R001", new_vote(second, presentation="0" * 32)) == "presentation"
        study.vote("R001", new_vote(second))
        assert study.progress("R001").done == 2


def test_only_the_last_vote_can_be_taken_back_and_a_correction_is_a_row(tmp_path):
    with started(tmp_path / "s") as study:
        assert study.undo_last("R001") is None
        rate(study, "R001", 3)
        earlier, again = study.ledger.end().id, study.undo_last("R001")
        assert (again.number, again.replaces) == (3, earlier)
        corrected = new_vote(again, "D", replaces=uuid.UUID(again.replaces))
        assert refused(study.vote, "R001", new_vote(again, replaces=uuid.uuid4())) == "replaces"
        coming = study.next_presentations("R001", 1)[0]
        assert refused(study.vote, "R001", new_vote(coming, replaces=uuid.UUID(again.replaces))) == "replaces"
        study.vote("R001", corrected)
        assert refused(study.vote, "R001", new_vote(again, "E", replaces=uuid.UUID(again.replaces))) == "replaces"
        assert study.progress("R001").done == 3
        assert [row.grade for row in study.votes_table(unlocked=True).rows] == [1, 1, 3]
        assert len(list(study.ledger.rows("vote"))) == 4
    assert not verify(tmp_path / "s").flaws


def test_answers_are_the_protocols(tmp_path):
    with started(tmp_path / "s") as study:
        coming = study.next_presentations("R001", 1)[0]
        assert refused(study.vote, "R001", new_vote(coming, "F")) == "answer"
        assert refused(study.vote, "R001", new_vote(coming, None, reason="ugly")) == "answer"
        assert refused(study.vote, "R001", new_vote(coming, protocol_version=2)) == "protocol"
        study.vote("R001", new_vote(coming, None, reason="tail_unseen"))
        row = study.votes_table(unlocked=True).rows[0]
    assert (row.grade, row.reason) == (MISSING, "tail_unseen")


@pytest.mark.parametrize(
    "changes",
    [
        {"grade": None},
        {"reason": "tail_unseen"},
        {"elapsed_ms": -1},
        {"display_scale": float("nan")},
        {"presentation": "../../etc/passwd"},
        {"app_version": ""},
        {"app_version": "=1+1"},
        {"rater": "R002"},
    ],
)
def test_a_vote_that_says_too_little_or_too_much_is_none(changes):
    shown = Presentation("0" * 32, "", 1, 1)
    assert new_vote(shown).grade == "B"
    with pytest.raises(ValidationError):
        new_vote(shown, **changes)


def test_states_follow_one_another_as_they_may(tmp_path):
    changes = {"open": ("start", "resume"), "paused": ("pause",), "locked": ("lock",)}
    with open_study(new(tmp_path / "s")) as study:
        for verbs in (("start",), ("pause",), ("resume",), ("lock",)):
            before = study.state
            for state, others in changes.items():
                for verb in set(others) - set(verbs):
                    if before not in FROM[state] or (verb == "start") != (before == "draft"):
                        assert refused(getattr(study, verb)) == "state"
            getattr(study, verbs[0])("C001")
        assert study.state == "locked"
        assert [row.content["who"] for row in study.ledger.rows("state")] == ["C001"] * 4


@pytest.mark.parametrize("state", ["draft", "paused", "locked"])
def test_no_vote_is_taken_unless_the_study_is_open(tmp_path, state):
    with open_study(new(tmp_path / "s")) as study:
        coming = study.turns.of("R001")[0].shown
        for step in {"draft": (), "paused": ("start", "pause"), "locked": ("start", "lock")}[state]:
            getattr(study, step)()
        assert refused(study.vote, "R001", new_vote(coming)) == state
        assert refused(study.next_presentations, "R001", 1) == state


def test_what_was_frozen_stays(tmp_path):
    started(tmp_path / "s").close()
    path = tmp_path / "s" / "study.json"
    path.write_text(path.read_text(encoding="utf-8").replace("desirable", "nice", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"study\.json: expected the file that the study was started with"):
        open_study(tmp_path / "s")


def test_a_draft_may_be_changed(tmp_path):
    path = new(tmp_path / "s") / "study.json"
    path.write_text(path.read_text(encoding="utf-8").replace("desirable", "nice", 1), encoding="utf-8")
    with open_study(tmp_path / "s") as study:
        study.start()
        assert "nice" in study.protocol.question.en


def test_one_process_at_a_time_has_a_study(tmp_path):
    with started(tmp_path / "s"):
        with pytest.raises(ValueError, match=r"open elsewhere \(stop rate serve first\)"):
            open_study(tmp_path / "s")
        assert not verify(tmp_path / "s").flaws
    open_study(tmp_path / "s").close()


def test_votes_of_many_at_once_are_all_there_and_in_order(tmp_path):
    with started(tmp_path / "s", raters=8) as study:
        raters = [f"R{number:03d}" for number in range(1, 9)]
        with ThreadPoolExecutor(8) as pool:
            receipts = list(pool.map(lambda rater: rate(study, rater), raters))
        assert [len(part) for part in receipts] == [12] * 8
        assert sorted(receipt.seq for part in receipts for receipt in part) == list(range(2, 98))
        assert all(part == sorted(part, key=lambda receipt: receipt.seq) for part in receipts)
    assert not verify(tmp_path / "s").flaws


def test_no_statement_changes_or_removes_a_row(tmp_path):
    with started(tmp_path / "s") as study:
        rate(study, "R001", 2)
    base = sqlite3.connect(tmp_path / "s" / "rating.db")
    table = base.execute("SELECT name FROM sqlite_master WHERE name LIKE 'ledger%' AND type = 'table'").fetchone()[0]
    for statement in (f"UPDATE {table} SET body = ''", f"DELETE FROM {table}"):
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            base.execute(statement)
    base.close()


def test_what_could_not_be_written_is_not_acknowledged_and_may_be_sent_again(tmp_path):
    with started(tmp_path / "s") as study:
        vote = new_vote(study.next_presentations("R001", 1)[0])
        base = sqlite3.connect(tmp_path / "s" / "rating.db", isolation_level=None)
        base.execute(f"ALTER TABLE ledger_{study.study_id} RENAME TO away")
        with pytest.raises(OperationalError, match="no such table"):
            study.vote("R001", vote)
        base.execute(f"ALTER TABLE away RENAME TO ledger_{study.study_id}")
        base.close()
        assert study.vote("R001", vote).seq == 2


def test_completion_tells_pace_and_drift_and_no_vote(tmp_path):
    with started(tmp_path / "s") as study:
        study.join(study.invite("rater"), "long enough")
        rate(study, "R001", 5, "A")
        rate(study, "R001", 3, "C")
        study.vote("R003", new_vote(study.next_presentations("R003", 1)[0], None, reason="too_short"))
        before = study.completion()[0]
        assert [part.votes for part in before.drift] == [5, 3]
        assert before.drift[0].mean_grade == 1
        assert before.drift[1].mean_grade != before.drift[1].mean_grade
        assert before.drift[1].cannot_judge is None
        again = study.undo_last("R001")
        study.vote("R001", new_vote(again, "E", replaces=uuid.UUID(again.replaces), elapsed_ms=2000))
        study.lock()
        one, three = study.completion()
    assert (one.pseudonym, one.joined, one.done, one.total) == ("R001", True, 8, 12)
    assert [(part.votes, part.mean_grade, part.median_ms) for part in one.drift] == [(5, 1, 1200), (3, 11 / 3, 1200)]
    assert one.pace_per_min > 0
    assert (three.joined, three.done, three.drift[0].cannot_judge) == (False, 1, 1)
    assert three.drift[0].mean_grade != three.drift[0].mean_grade
    assert three.pace_per_min != three.pace_per_min


def test_nobody_who_looks_at_completion_after_each_vote_learns_one(tmp_path):
    told = []
    with started(tmp_path / "s") as study:
        for grade in "ABCDEABCDEAB":
            rate(study, "R001", 1, grade)
            again = study.undo_last("R001")
            study.vote("R001", new_vote(again, "E", replaces=uuid.UUID(again.replaces)))
            study.vote("R001", new_vote(study.undo_last("R001"), grade, replaces=study.ledger.last("vote", "R001").id))
            (row,) = study.completion()
            told.append([part.mean_grade for part in row.drift if part.mean_grade == part.mean_grade])
    assert told == [[]] * 5 + [[3.0]] * 5 + [[3.0, 3.0]] * 2


def test_a_block_of_few_grades_has_no_mean_before_the_lock(tmp_path):
    with started(tmp_path / "s", block=3) as study:
        rate(study, "R001", 4)
        assert not any(part.mean_grade == part.mean_grade for part in study.completion()[0].drift)
        study.lock()
        assert [part.mean_grade for part in study.completion()[0].drift] == [2.0, 2.0]


def test_votes_are_shown_after_the_lock(tmp_path):
    with started(tmp_path / "s") as study:
        rate(study, "R002")
        assert refused(study.votes_table) == "unlocked"
        study.lock()
        table = study.votes_table()
    assert (table.raters, len(table.clips), len(table.rows)) == (("R002",), 10, 12)
    assert sorted(table.donors) == [f"D{number}" for number in range(5) for _ in range(2)]
    repeats = [row.clip for row in table.rows if row.occurrence == 2]
    assert len(set(repeats)) == 2
    assert [row.number for row in table.rows] == list(range(1, 13))
    assert [row.block for row in table.rows] == [1] * 5 + [2] * 5 + [3] * 2


def test_each_presentation_has_an_id_of_its_own(tmp_path):
    with started(tmp_path / "s") as study:
        ids = [turn.shown.id for rater in ("R001", "R002", "R003") for turn in study.turns.of(rater)]
        assert len(set(ids)) == 36
        assert all(study.presentation("R001", id).id == id for id in ids[:12])


def test_a_protocol_is_read_and_refused_in_words(tmp_path):
    path = tmp_path / "p.json"
    path.write_text('{"view": "field", "seed": 4}', encoding="utf-8")
    assert read_protocol(path, {"seed": 5}) == Protocol(view="field", seed=5)
    for text, line in (
        ('{"views": 1}', "views: expected no such key, found it"),
        ('{"grades": [{"code": "A"}]}', "grades.0.label: expected a value, found none"),
        ('{"raters": 0}', "raters: expected another value, found 0: input should be greater than or equal to 1"),
        ("[", "expected JSON, found something else"),
        ('{"raters": 2, "raters_per_clip": 3}', "expected 2 raters a clip at most"),
        ('{"reasons": ["ugly"]}', "found ugly"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=line):
            read_protocol(path, {})


def test_no_two_states_lead_to_each_other_but_open_and_paused():
    both = [pair for pair in permutations(FROM, 2) if pair[0] in FROM[pair[1]] and pair[1] in FROM[pair[0]]]
    assert sorted(both) == [("open", "paused"), ("paused", "open")]
