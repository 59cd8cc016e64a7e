"""What ``check`` says: each fault is put into a sound set by hand, and is named with its file and row."""

import re

import numpy as np
import pytest
from test_dataset import SMALL, clip, write

from spermscope.dataset import DatasetWriter, Form, check
from spermscope.dataset.check import overview
from spermscope.dataset.findings import HINTS, MOST
from spermscope.dataset.writer import Vote


@pytest.fixture
def folder(tmp_path):
    """Ten clips of five donors in four shards, two raters, every grade used."""
    with DatasetWriter(tmp_path / "d", SMALL) as writer:
        for row in range(10):
            writer.add(f"c{row}", clip(row, donor=f"D{row // 2}"), source_um_per_px=0.4)
            for rater in range(2):
                writer.vote(Vote(f"c{row}", f"r{rater}", "ABCDE"[(row + rater) % 5]))
    return tmp_path / "d"


def edit(path, row, text):
    """Row as an editor counts; 0 appends, None takes out."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if row == 0:
        lines.append(text)
    elif text is None:
        del lines[row - 1]
    else:
        lines[row - 1] = text
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def array(folder, name, shard, change):
    path = folder / "clips" / f"{name}-{shard:05d}.npy"
    np.save(path, change(np.load(path)))


def put(place, value):
    def change(values):
        values[place] = value
        return values

    return change


def test_a_sound_set_has_no_finding_and_every_clip_was_looked_at(folder):
    seen = []
    assert check(folder, lambda done, total: seen.append((done, total))) == []
    assert seen[-1] == (10, 10)
    assert overview(folder) == "10 clips of 5 donors, 20 votes of 2 raters"


TABLES = [
    ("votes.csv", 0, "c77,r0,A,1,,", "unknown_clip", "votes.csv, row 22: clip c77 is not in items.csv"),
    ("votes.csv", 0, "c1,r7,F,1,,", "unknown_grade", "votes.csv, row 22: expected a grade of A, B, C, D, E, found F"),
    ("votes.csv", 0, "c1,r1,E,1,,", "same_vote", "row 22: rater r1 has voted on presentation 1 of clip c1 already"),
    ("votes.csv", 0, "c1,,E,1,,", "no_rater", "votes.csv, row 22: the vote has no rater"),
    ("votes.csv", 0, "c1,r1,E,first,,", "no_presentation", "row 22: presentation: expected 1 or more, found first"),
    ("votes.csv", 0, "c1,r1", "row_width", "votes.csv, row 22: expected 6 columns, found 2"),
    ("items.csv", 3, "c1,,S1,,,0.4", "no_donor", "items.csv, row 3: clip c1 has no donor"),
    ("items.csv", 3, "c1,D0,S1,,,40", "other_scale", "row 3: clip c1: expected a source of 0.03 to 2.5 um per pixel"),
    ("items.csv", 3, "c1,D0,S1,,,", "source_scale_unknown", "the scale of the source is unknown for 1 clips"),
    ("items.csv", 3, "c1,D0,S1,,,wide", "no_number", "items.csv, row 3: um_per_px: expected a number, found wide"),
    ("items.csv", 3, "c1,D9,S1,,,0.4", "one_clip", "items.csv, row 3: donor D9 has a single clip"),
    ("items.csv", 3, "c0,D0,S1,,,0.4", "same_clip", "items.csv, row 3: clip c0 stands in row 2 already"),
    ("items.csv", 3, ",D0,S1,,,0.4", "no_name", "items.csv, row 3: the clip has no name"),
    ("items.csv", 1, "clip,donor,sample,clinic,kind,um", "no_column", "columns are missing: optics, um_per_px"),
    ("votes.csv", 1, "clip,rater,grade,presentation,view", "no_column", "votes.csv, row 1: columns are missing: time"),
]


@pytest.mark.parametrize(("name", "row", "line", "kind", "words"), TABLES)
def test_a_fault_of_a_table_is_named(folder, name, row, line, kind, words):
    edit(folder / name, row, line)
    found = {finding.kind: finding for finding in check(folder)}
    assert words in found[kind].sentence()
    assert found[kind].refuses == (kind not in HINTS)


FRAME = np.full((6, 6), 93, np.uint8)
ARRAYS = [
    ("frames", 1, put((2, 1), FRAME), "constant_picture", "row 7: clip c5: 1 pictures show nothing but one grey level"),
    ("time_s", 3, put((0, 2), np.nan), "no_time", "items.csv, row 11: clip c9: times are missing"),
    ("time_s", 0, put((1, 3), 0.0), "time_order", "items.csv, row 3: clip c1: times do not increase"),
    (
        "time_s",
        0,
        lambda t: t / 2,
        "other_rate",
        "items.csv, row 2: clip c0: expected 15 pictures a second, found 30.0",
    ),
    (
        "xy_um",
        2,
        put((0, 0), np.nan),
        "some_places",
        "row 8: clip c6: 1 places are missing; expected all of them or none",
    ),
    (
        "frames",
        1,
        lambda f: f[:, :3],
        "too_short",
        "rows 5 to 7 of items.csv are too short: expected 4 pictures, found 3",
    ),
    ("frames", 1, lambda f: np.repeat(f, 2, 1), "too_long", "are too long: expected 4 pictures, found 8"),
    ("frames", 1, lambda f: f[:, :, :5], "other_size", "expected 4 x 6 x 6 uint8, found 4 x 5 x 6 uint8"),
    ("frames", 1, lambda f: f.astype(np.float32), "other_size", "found 4 x 6 x 6 float32"),
    (
        "xy_um",
        3,
        lambda a: a[:0],
        "few_clips",
        "xy_um-00003.npy: expected 1 clips for rows 11 to 11 of items.csv, found 0",
    ),
]


@pytest.mark.parametrize(("name", "shard", "change", "kind", "words"), ARRAYS)
def test_a_fault_of_a_clip_is_named_and_no_other(folder, name, shard, change, kind, words):
    array(folder, name, shard, change)
    found = check(folder)
    assert {finding.kind for finding in found} == {kind}
    assert words in found[0].sentence()
    assert found[0].refuses


def test_a_shard_that_is_missing_or_no_array_is_named(folder):
    (folder / "clips" / "frames-00002.npy").unlink()
    (folder / "clips" / "observed-00000.npy").write_bytes(b"nothing")
    told = [finding.sentence() for finding in check(folder)]
    assert told == [
        "clips/observed-00000.npy: expected the clips of rows 2 to 4 of items.csv, found no array of numbers",
        "clips/frames-00002.npy: expected the clips of rows 8 to 10 of items.csv, found no file",
    ]


def test_an_array_of_objects_is_not_unpickled(folder):
    np.save(folder / "clips" / "frames-00001.npy", np.array([{}], object), allow_pickle=True)
    assert [finding.kind for finding in check(folder)] == ["no_array"]


def test_a_single_rater_an_empty_class_and_one_hardly_used(folder):
    votes = ["clip,rater,grade,presentation,view,time"]
    votes += [f"c{n % 10},r0,{'ABD'[n % 3]},{1 + n // 10},," for n in range(200)] + ["c0,r0,C,99,,"]
    (folder / "votes.csv").write_text("\n".join(votes), encoding="utf-8")
    assert [finding.sentence() for finding in check(folder)] == [
        "votes.csv: expected at least two raters, found 1",
        "votes.csv: C is hardly used: 1 of 201 votes",
        "votes.csv: no vote is E",
    ]


def test_a_clip_without_a_vote_is_a_hint_and_a_set_without_any_refuses(tmp_path, folder):
    edit(folder / "votes.csv", 2, None)
    edit(folder / "votes.csv", 2, None)
    found = check(folder)
    assert [(finding.sentence(), finding.refuses) for finding in found] == [
        ("items.csv, row 2: clip c0 has no vote", False)
    ]
    DatasetWriter(tmp_path / "new", SMALL)
    assert {finding.kind for finding in check(tmp_path / "new")} == {"no_clip", "few_raters"}


def test_what_a_set_does_not_know_of_itself_is_a_hint(tmp_path):
    form = Form(length=4, size_px=6, um_per_px=None, raters_known=False)
    found = [finding for finding in check(write(tmp_path / "d", 10, form=form)) if finding.file == "dataset.json"]
    assert [finding.sentence() for finding in found] == [
        "dataset.json: the scale of the clips is unknown",
        "dataset.json: votes were made from shares: who gave which is made up",
    ]
    assert not any(finding.refuses for finding in found)


def test_many_faults_of_one_kind_are_counted(folder):
    for number in range(MOST + 5):
        edit(folder / "votes.csv", 0, f"x{number},r0,A,1,,")
    found = check(folder)
    assert len(found) == MOST + 1
    assert found[-1].sentence() == "votes.csv, row 46: and 5 more, the last: clip x24 is not in items.csv"


@pytest.mark.parametrize("fault", [*TABLES, *ARRAYS], ids=lambda fault: fault[3])
def test_every_finding_is_told_in_japanese(folder, fault):
    name, where, what, kind, _ = fault
    edit(folder / name, where, what) if name.endswith("csv") else array(folder, name, where, what)
    told = next(finding for finding in check(folder) if finding.kind == kind).sentence("ja")
    assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", told)
    assert not re.search(r"[a-z]{3,} [a-z]{2,}", told)


def test_a_folder_that_is_no_set_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a data set"):
        check(tmp_path)
