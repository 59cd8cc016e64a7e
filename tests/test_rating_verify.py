"""Whoever edits, drops, swaps, cuts or signs anew what a study kept is found out."""

import errno
import json
import os
import shutil
import sqlite3
import threading
import uuid
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ratings import new_vote, rate, started

from spermscope.journal import Journal, follow
from spermscope.rating.anchors import Head, read_heads
from spermscope.rating.keys import SigningKey, head_message, read_key
from spermscope.rating.ledger import link
from spermscope.rating.opening import frozen_hashes, open_study
from spermscope.rating.values import Receipt
from spermscope.rating.verifying import read_receipts, verify

COLUMNS = ("seq", "id", "kind", "rater", "number", "body", "chain")


class Tampered:
    """A study's rows and heads in the hands of one who may write every file and has no key."""

    def __init__(self, folder):
        self.folder = folder
        self.study_id = json.loads((folder / "study.json").read_text(encoding="utf-8"))["study_id"]
        self.base = sqlite3.connect(folder / "rating.db", isolation_level=None)
        for verb in ("update", "delete"):
            self.base.execute(f"DROP TRIGGER IF EXISTS no_{verb}")
        self.rows = [list(row) for row in self.base.execute(f"SELECT * FROM ledger_{self.study_id} ORDER BY seq")]

    def keep(self):
        """Put the rows into the place of those that were there."""
        self.base.execute("BEGIN")
        self.base.execute(f"DELETE FROM ledger_{self.study_id}")
        self.base.executemany(f"INSERT INTO ledger_{self.study_id} VALUES (?, ?, ?, ?, ?, ?, ?)", self.rows)
        self.base.execute("COMMIT")
        self.base.close()

    def chained(self):
        """Number and chain all rows anew."""
        before = follow("0" * 64, self.study_id)
        for seq, row in enumerate(self.rows, 1):
            before = link(before, *row[1:6])
            row[0], row[6] = seq, before
        return self

    def body(self, place, **changes):
        self.rows[place][5] = json.dumps(json.loads(self.rows[place][5]) | changes, sort_keys=True, ensure_ascii=False)


def anchor(folder, heads):
    """An ``anchors.log`` of those heads, its own chain whole."""
    (folder / "anchors.log").unlink()
    journal = Journal(folder / "anchors.log")
    for head in heads:
        journal.append(asdict(head) | {"time": "2026-01-01T00:00:00+00:00"})
    journal.close()


def signed(key, it, seq):
    row = it.rows[seq - 1]
    return Head(row[0], row[6], key.sign(head_message(it.study_id, row[0], row[6])))


@pytest.fixture(scope="module")
def voted(tmp_path_factory):
    """A locked study with a correction: 40 rows, and a receipt for each vote."""
    folder = tmp_path_factory.mktemp("voted") / "s"
    with started(folder) as study:
        receipts = [receipt for rater in ("R001", "R002", "R003") for receipt in rate(study, rater)]
        again = study.undo_last("R003")
        receipts.append(study.vote("R003", new_vote(again, "E", replaces=uuid.UUID(again.replaces))))
        study.lock()
    return folder, receipts


@pytest.fixture
def copy(voted, tmp_path):
    return shutil.copytree(voted[0], tmp_path / "s")


def kinds(folder, receipts=()):
    return {flaw.kind for flaw in verify(folder, receipts=receipts).flaws}


def test_an_untouched_study_has_no_flaw(voted):
    found = verify(voted[0], receipts=voted[1])
    assert (found.rows, found.anchored, found.flaws) == (39, 39, ())
    assert [head.seq for head in read_heads(voted[0] / "anchors.log")] == [1, 21, 39]


def edit_grade(it):
    it.body(9, grade="A")


def edit_grade_and_its_link(it):
    it.body(9, grade="A")
    it.rows[9][6] = link(it.rows[8][6], *it.rows[9][1:6])


def edit_time(it):
    it.body(9, time="2020-01-01T00:00:00.000+00:00")


def edit_and_chain_anew(it):
    it.body(9, grade="A")
    it.chained()


def spaces_in_a_body(it):
    it.rows[9][5] += " "


def drop_the_first(it):
    del it.rows[0]


def drop_one(it):
    del it.rows[9]


def drop_one_and_number_anew(it):
    del it.rows[9]
    for seq, row in enumerate(it.rows, 1):
        row[0] = seq


def drop_one_and_chain_anew(it):
    del it.rows[9]
    it.chained()


def drop_all_of_a_rater(it):
    it.rows = [row for row in it.rows if row[3] != "R002"]
    it.chained()


def drop_the_correction_and_chain_anew(it):
    it.rows = [row for row in it.rows if json.loads(row[5]).get("replaces") is None]
    it.chained()


def cut_the_last(it):
    del it.rows[-1]


def cut_half(it):
    del it.rows[20:]


def cut_all(it):
    it.rows.clear()


def swap_bodies(it):
    it.rows[5][5], it.rows[6][5] = it.rows[6][5], it.rows[5][5]


def swap_rows(it):
    it.rows[5][1:], it.rows[6][1:] = it.rows[6][1:], it.rows[5][1:]


def swap_raters_rows_and_chain_anew(it):
    it.rows[5], it.rows[15] = it.rows[15], it.rows[5]
    it.chained()


def put_one_in(it):
    it.rows.insert(9, [0, str(uuid.uuid4()), *it.rows[9][2:]])
    for seq, row in enumerate(it.rows, 1):
        row[0] = seq


def put_one_in_and_chain_anew(it):
    id = str(uuid.uuid4())
    it.rows.insert(9, [0, id, *it.rows[9][2:]])
    it.body(9, id=id)
    it.chained()


def add_after_the_lock(it):
    id = str(uuid.uuid4())
    it.rows.append([0, id, *it.rows[-2][2:]])
    it.body(-1, id=id, replaces=it.rows[-3][1])
    it.chained()


def give_a_vote_to_another(it):
    it.rows[9][3] = "R003"
    it.body(9, rater="R003")
    it.chained()


def lock_undone(it):
    it.rows[-1][5] = it.rows[-1][5].replace("locked", "paused")
    it.chained()


def first_state_no_json(it):
    it.rows[0][5] = "{" + it.rows[0][5]


def first_state_something_else_and_chain_anew(it):
    it.rows[0][5] = "5"
    it.chained()


def first_state_froze_something_else_and_chain_anew(it):
    it.body(0, frozen=[7])
    it.chained()


EDITS = (
    first_state_no_json,
    first_state_something_else_and_chain_anew,
    first_state_froze_something_else_and_chain_anew,
    edit_grade,
    edit_grade_and_its_link,
    edit_time,
    edit_and_chain_anew,
    spaces_in_a_body,
    drop_the_first,
    drop_one,
    drop_one_and_number_anew,
    drop_one_and_chain_anew,
    drop_all_of_a_rater,
    drop_the_correction_and_chain_anew,
    cut_the_last,
    cut_half,
    cut_all,
    swap_bodies,
    swap_rows,
    swap_raters_rows_and_chain_anew,
    put_one_in,
    put_one_in_and_chain_anew,
    add_after_the_lock,
    give_a_vote_to_another,
    lock_undone,
)


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_of_rows_is_found(copy, edit):
    it = Tampered(copy)
    edit(it)
    it.keep()
    assert verify(copy).flaws


@pytest.mark.parametrize("edit", [edit for edit in EDITS if edit is not cut_all])
def test_heads_signed_under_another_key_hide_nothing(copy, edit):
    """As before, and the anchors are written anew for the changed rows by one who lacks the study's key."""
    it, key = Tampered(copy), SigningKey()
    edit(it)
    it.keep()
    anchor(copy, [signed(key, it, len(it.rows))])
    assert verify(copy).flaws


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(0, 38), column=st.integers(0, 6), at=st.integers(0, 10_000), other=st.characters(codec="utf-8")
)
def test_any_character_of_any_row_counts(voted, tmp_path_factory, place, column, at, other):
    folder = shutil.copytree(voted[0], tmp_path_factory.mktemp("edit") / "s", ignore=shutil.ignore_patterns("*.png"))
    it = Tampered(folder)
    value = it.rows[place][column]
    if isinstance(value, int):
        it.rows[place][column] = value + 100 + at
    else:
        at %= len(value) + 1
        it.rows[place][column] = value[:at] + other + value[at:]
    it.keep()
    assert {"changed", "missing", "cut"} & kinds(folder)
    shutil.rmtree(folder)


def test_rows_and_anchors_cut_together_are_found_by_any_later_receipt(voted, copy):
    it = Tampered(copy)
    del it.rows[21:]
    it.keep()
    anchor(copy, read_heads(copy / "anchors.log")[:2])
    assert not kinds(copy)
    assert kinds(copy, [voted[1][30]]) == {"cut"}
    assert not kinds(copy, voted[1][:20])


def test_a_study_put_back_to_its_beginning_is_found_by_any_receipt(voted, copy):
    it = Tampered(copy)
    cut_all(it)
    it.keep()
    anchor(copy, [])
    assert not kinds(copy)
    assert kinds(copy, [voted[1][0]]) == {"cut"}


def test_a_study_made_anew_under_another_key_is_found_by_any_receipt(voted, copy):
    """Everything is consistent: the votes as someone wished, the start, the anchors, the key."""
    it, key = Tampered(copy), SigningKey()
    text = (copy / "study.json").read_text(encoding="utf-8")
    old = read_key(copy).public
    (copy / "study.json").write_text(text.replace(old, key.public), encoding="utf-8")
    it.body(0, frozen=frozen_hashes(copy))
    it.body(9, grade="A")
    it.chained().keep()
    heads = read_heads(copy / "anchors.log")
    anchor(copy, [signed(key, it, head.seq) for head in heads])
    assert not kinds(copy)
    assert kinds(copy, voted[1][:1]) == {"signature"}


def test_another_public_key_in_the_protocol_is_found(copy):
    text = (copy / "study.json").read_text(encoding="utf-8")
    (copy / "study.json").write_text(text.replace(read_key(copy).public, SigningKey().public), encoding="utf-8")
    assert {"signature", "not_frozen", "no_anchors"} <= kinds(copy)


def edit_a_line(lines):
    return [lines[0], lines[1].replace(b"21", b"20"), lines[2]]


def drop_a_line(lines):
    return [lines[0], lines[2]]


def swap_lines(lines):
    return [lines[1], lines[0], lines[2]]


def empty(lines):
    return []


@pytest.mark.parametrize("edit", [edit_a_line, drop_a_line, swap_lines, empty])
def test_every_edit_of_the_anchors_is_found(copy, edit):
    path = copy / "anchors.log"
    path.write_bytes(b"".join(edit(path.read_bytes().splitlines(keepends=True))))
    assert {"anchors_edited", "no_anchors"} & kinds(copy)


def test_anchors_taken_away_are_missed(copy):
    (copy / "anchors.log").unlink()
    assert kinds(copy) == {"no_anchors"}


def test_a_database_without_a_row_of_the_study_is_asked_about(voted, tmp_path):
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    folder = shutil.copytree(voted[0], tmp_path / "s")
    (flaw,) = verify(folder, elsewhere).flaws
    assert flaw.kind == "no_rows"
    assert all("--database" in flaw.sentence(language) for language in ("en", "ja"))
    with pytest.raises(ValueError, match=r"expected the 39 rows that were anchored, found none .* --database"):
        open_study(folder, elsewhere)


def test_a_study_that_is_served_meanwhile_is_not_accused(tmp_path):
    """Each change of state is a row and an anchor, so both files grow between any two looks."""
    stop = threading.Event()

    def change(study):
        while not stop.is_set():
            study.pause()
            study.resume()

    with started(tmp_path / "s") as study:
        going = threading.Thread(target=change, args=(study,))
        going.start()
        found = [verify(tmp_path / "s").flaws for _ in range(5)]
        stop.set()
        going.join()
    assert found == [()] * 5


def test_a_study_whose_first_anchor_is_on_its_way_is_not_accused(copy):
    away = (copy / "anchors.log").rename(copy / "away")
    coming = threading.Timer(0.3, away.rename, [copy / "anchors.log"])
    coming.start()
    assert not verify(copy).flaws
    coming.join()


def test_rows_of_another_study_do_not_count(copy, tmp_path):
    with started(tmp_path / "other", seed=8) as study:
        receipts = rate(study, "R001")
        assert study.study_id != Tampered(copy).study_id
    assert {flaw.kind for flaw in verify(copy, receipts=receipts).flaws} == {"other_study"}


def test_a_receipt_for_another_vote_is_found(voted, copy):
    forged = replace(voted[1][3], vote=voted[1][4].vote)
    assert kinds(copy, [forged]) == {"other_vote"}
    assert kinds(copy, [replace(voted[1][3], seq=voted[1][4].seq)]) == {"signature"}


@pytest.mark.parametrize("name", ["study.json", "clips.json"])
def test_a_changed_frozen_file_is_found(copy, name):
    path = copy / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert kinds(copy) == {"not_frozen"}


def test_a_changed_or_missing_picture_is_found(copy):
    one, other, *_ = sorted((copy / "clips").glob("*.png"))
    one.write_bytes(other.read_bytes())
    other.unlink()
    found = verify(copy).flaws
    assert [(flaw.kind, flaw.file) for flaw in found] == [
        ("other_sheet", f"clips/{path.name}") for path in sorted((one, other), key=lambda path: order(copy, path))
    ]


def order(folder, path):
    return (folder / "clips.json").read_text(encoding="utf-8").index(path.stem)


def test_a_changed_source_clip_is_found(copy):
    path = copy / "source" / "clips" / "xy_um-00000.npy"
    array = np.load(path)
    array[3, 4, 0] += 1e-9
    np.save(path, array)
    assert [flaw.sentence() for flaw in verify(copy).flaws] == ["source: clip c3 is not the one that was shown"]


def test_an_altered_study_does_not_open(copy):
    it = Tampered(copy)
    del it.rows[-1]
    it.keep()
    with pytest.raises(ValueError, match="expected the rows that were anchored"):
        open_study(copy)


def test_rows_that_a_kill_left_without_an_anchor_get_one_unless_they_were_altered(copy):
    heads = read_heads(copy / "anchors.log")
    anchor(copy, heads[:2])
    assert (verify(copy).anchored, verify(copy).flaws) == (21, ())
    altered = shutil.copytree(copy, copy.with_name("altered"))
    open_study(copy).close()
    assert [head.seq for head in read_heads(copy / "anchors.log")] == [1, 21, 39]
    it = Tampered(altered)
    it.body(30, grade="A")
    it.keep()
    with pytest.raises(ValueError, match="row 31: expected one that follows"):
        open_study(altered)


def test_receipts_are_read_from_files(voted, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps([asdict(voted[1][0])]), encoding="utf-8")
    assert read_receipts(path) == [voted[1][0]]
    path.write_text(json.dumps(asdict(voted[1][0]) | {"more": 1}), encoding="utf-8")
    assert read_receipts(path) == [Receipt(**asdict(voted[1][0]))]
    path.write_text("[1]", encoding="utf-8")
    with pytest.raises(ValueError, match="expected receipts"):
        read_receipts(path)


def test_every_flaw_is_said_in_both_languages(copy):
    it = Tampered(copy)
    cut_half(it)
    it.keep()
    for flaw in verify(copy).flaws:
        assert flaw.sentence("ja") != flaw.sentence("en")
        assert flaw.as_json()["kind"] == flaw.kind


def test_a_full_disk_delays_an_anchor_and_loses_none(tmp_path, monkeypatch):
    """The system refuses to flush the anchors' file once, halfway through a line."""
    real = os.fsync

    def full(handle):
        monkeypatch.setattr(os, "fsync", real)
        os.truncate(handle, os.fstat(handle).st_size - 20)
        raise OSError(errno.ENOSPC, "No space left on device")

    with started(tmp_path / "s") as study:
        monkeypatch.setattr(os, "fsync", full)
        receipts = rate(study, "R001") + rate(study, "R002")
    assert os.fsync is real, "nothing was anchored while the disk was full"
    heads = [head.seq for head in read_heads(tmp_path / "s" / "anchors.log")]
    assert heads == sorted(set(heads))
    assert heads[-1] == 25
    assert not verify(tmp_path / "s", receipts=receipts).flaws
