"""The data set on disk: what is written is read, votes become distributions, and what a kill leaves does not count."""

import json
import os
import pickle
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spermscope.dataset import Dataset, DatasetWriter, Form, Items, Votes, open_dataset
from spermscope.dataset.writer import Vote
from spermscope.labels import distribution
from spermscope.types import Clip

SMALL = Form(length=4, size_px=6, clips_a_shard=3)


def clip(seed, *, donor="D1", form=SMALL, known=True):
    rng = np.random.default_rng(seed)
    xy_um = rng.normal(0, 5, (form.length, 2)) if known else np.full((form.length, 2), np.nan)
    frames = rng.integers(0, 256, (form.length, form.size_px, form.size_px), np.uint8)
    return Clip(seed, frames, np.arange(form.length) / 15, xy_um, rng.random(form.length) < 0.9, 0.5, donor, "S1")


def write(folder, count, *, first=0, form=SMALL, votes=True):
    with DatasetWriter(folder, form) as writer:
        for row in range(first, first + count):
            writer.add(f"c{row}", clip(row), clinic="C1", optics="phase", source_um_per_px=0.4)
            for rater in range(2 if votes else 0):
                writer.vote(Vote(f"c{row}", f"r{rater}", "ABCDE"[(row + rater) % 5]))
    return folder


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("parts", [[7], [3, 4], [1, 1, 5], [2, 0, 3, 2]])
def test_what_is_written_in_parts_is_read_as_one(tmp_path, parts):
    for number, count in enumerate(parts):
        write(tmp_path / "d", count, first=sum(parts[:number]))
    data = open_dataset(tmp_path / "d")
    wanted = [6, 0, 3, 3, 2]
    found = data.clips(wanted)
    for place, row in enumerate(wanted):
        for name in ("frames", "time_s", "xy_um", "observed"):
            np.testing.assert_array_equal(getattr(found, name)[place], getattr(clip(row), name))
    assert len(data) == 7
    assert data.items.clip.tolist() == [f"c{row}" for row in range(7)]
    assert data.items.um_per_px.tolist() == [0.4] * 7
    assert data.votes.rater.tolist() == ["r0", "r1"] * 7
    assert data.votes.grade[:4].tolist() == [0, 1, 1, 2]
    assert sorted(path.name for path in (tmp_path / "d" / "clips").glob("frames*")) == [
        f"frames-0000{n}.npy" for n in range(3)
    ]


def test_a_shard_is_a_plain_array_that_numpy_maps(tmp_path):
    write(tmp_path / "d", 2)
    found = np.load(tmp_path / "d" / "clips" / "frames-00000.npy", mmap_mode="r", allow_pickle=False)
    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found[1], clip(1).frames)


def test_absent_displacements_are_absent(tmp_path):
    with DatasetWriter(tmp_path / "d", SMALL) as writer:
        writer.add("a", clip(1, known=False))
        writer.add("b", clip(2))
    found = open_dataset(tmp_path / "d").clips([0, 1])
    assert np.isnan(found.xy_um[0]).all()
    assert found.displaced.tolist() == [False, True]


def test_opening_reads_no_clip(tmp_path):
    write(tmp_path / "d", 4)
    for path in (tmp_path / "d" / "clips").iterdir():
        path.unlink()
    data = open_dataset(tmp_path / "d")
    assert len(data) == 4
    assert data.distributions().shape == (4, 5)
    with pytest.raises(ValueError, match=r"frames-00001\.npy: expected an array of clips"):
        data.clips([3])
    assert len(data.clips([])) == 0


def test_rows_that_are_not_there_and_shards_that_are_too_short_are_refused(tmp_path):
    data = open_dataset(write(tmp_path / "d", 4))
    for wanted in ([4], [-1]):
        with pytest.raises(ValueError, match="expected rows 0 to 3"):
            data.clips(wanted)
    shard = tmp_path / "d" / "clips" / "time_s-00000.npy"
    np.save(shard, np.load(shard)[:1])
    with pytest.raises(ValueError, match=r"time_s-00000\.npy: expected 3 clips or more, found 1"):
        data.clips([2])


def test_a_set_can_be_sent_to_another_process(tmp_path):
    data = open_dataset(write(tmp_path / "d", 4))
    data.clips([0])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(data)).clips([3]).frames, data.clips([3]).frames)


CHOICES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(1, 3), st.integers(0, 4)),
    unique_by=lambda vote: vote[:3],
    max_size=40,
)


@given(CHOICES)
def test_the_first_presentation_counts_once_a_rater(given_votes):
    count = len(given_votes)
    row, rater, presentation, grade = np.array(given_votes, np.int64).reshape(count, 4).T
    empty, raters = np.full(count, ""), tuple("wxyz")
    votes = Votes(row, rater, grade, presentation, empty, empty, raters)
    items = Items(*(np.array([f"c{n}" for n in range(5)]) for _ in range(5)), np.full(5, 0.4))
    data = Dataset(Path(), Form(), items, votes)
    first = {}
    for clip_row, who, when, what in sorted(given_votes, key=lambda vote: -vote[2]):
        first[clip_row, who] = what, when
    matrix = np.full((5, 4), -1)
    for (clip_row, who), (what, _) in first.items():
        matrix[clip_row, who] = what
    np.testing.assert_array_equal(data.vote_matrix(), matrix)
    np.testing.assert_allclose(data.distributions(), distribution(matrix, 5))
    assert int(votes.first.sum()) == len(first)


def test_donors_are_numbered_by_code_and_an_unknown_one_is_refused(tmp_path):
    with DatasetWriter(tmp_path / "d", SMALL) as writer:
        for number, donor in enumerate(("b", "a", "b", "c")):
            writer.add(f"c{number}", clip(number, donor=donor))
    assert open_dataset(tmp_path / "d").donor_number().tolist() == [1, 0, 1, 2]
    with DatasetWriter(tmp_path / "d") as writer:
        writer.add("nobody", clip(9, donor=""))
    with pytest.raises(ValueError, match="a donor for every clip, found none for 1"):
        open_dataset(tmp_path / "d").donor_number()


def test_truth_is_read_by_clip_and_absent_where_there_is_none(tmp_path):
    write(tmp_path / "plain", 2)
    assert open_dataset(tmp_path / "plain").truth() is None
    with DatasetWriter(tmp_path / "d", SMALL) as writer:
        writer.add("a", clip(0), truth=(0.5, 0.25, 0.25, 0, 0))
        writer.add("b", clip(1))
    found = open_dataset(tmp_path / "d").truth()
    assert found[0].tolist() == [0.5, 0.25, 0.25, 0, 0]
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frames": np.zeros((3, 6, 6), np.uint8)}, "rows"),
        ({"form": Form(length=5, size_px=6)}, r"expected pictures \(4, 6, 6\), found \(5, 6, 6\)"),
        ({"form": Form(length=4, size_px=7)}, r"expected pictures \(4, 6, 6\), found \(4, 7, 7\)"),
        ({"um_per_px": 0.4}, "expected 0.5 um per pixel, found 0.4"),
    ],
)
def test_a_clip_of_another_form_is_refused(tmp_path, changes, words):
    writer = DatasetWriter(tmp_path / "d", SMALL)
    with pytest.raises(ValueError, match=words):
        writer.add("a", replace(clip(0, form=changes.pop("form", SMALL)), **changes))


@pytest.mark.parametrize(
    ("vote", "words"),
    [
        (Vote("c9", "r", "A"), "expected a clip of .* found c9"),
        (Vote("c0", "r", "F"), "expected A, B, C, D, E, found F"),
        (Vote("c0", "", "A"), "expected a rater"),
        (Vote("c0", "r", "A", presentation=0), "a presentation of 1 or more"),
        (Vote("c0", "r0", "E"), "expected one on presentation 1, found a second"),
    ],
)
def test_a_vote_that_cannot_be_is_refused_and_nothing_of_that_writing_counts(tmp_path, vote, words):
    folder = write(tmp_path / "d", 2)
    before = files(folder)

    def add_and_vote():
        with DatasetWriter(folder) as writer:
            writer.add("new", clip(5))
            writer.vote(Vote("new", "r", "A"))
            writer.vote(vote)

    with pytest.raises(ValueError, match=words):
        add_and_vote()
    assert files(folder) == before


def test_the_same_vote_again_changes_nothing(tmp_path):
    folder = write(tmp_path / "d", 2)
    with DatasetWriter(folder) as writer:
        assert not writer.vote(Vote("c0", "r0", "A"))
        assert writer.vote(Vote("c0", "r0", "E", presentation=2))
    assert len(open_dataset(folder).votes) == 5


def test_a_name_is_given_once(tmp_path):
    with pytest.raises(ValueError, match="expected a new name for a clip, found c0"):
        write(tmp_path / "d", 1) and write(tmp_path / "d", 1)


def test_a_folder_of_something_else_or_a_set_of_another_form_is_refused(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "letter.txt").touch()
    with pytest.raises(ValueError, match="expected a data set or a new folder"):
        DatasetWriter(tmp_path / "x")
    write(tmp_path / "d", 1)
    with pytest.raises(ValueError, match="expected a set of the form"):
        DatasetWriter(tmp_path / "d", Form())
    with pytest.raises(ValueError, match=r"expected a data set with dataset\.json"):
        open_dataset(tmp_path / "x")


def test_a_spreadsheets_table_with_more_columns_in_another_order_stays_as_it_is(tmp_path):
    folder = write(tmp_path / "d", 1, votes=False)
    table = "\ufeffnote,time,rater,clip,grade,presentation,view\nmine,,anna,c0,B,1,mirrored"
    (folder / "votes.csv").write_text(table, encoding="utf-8")
    with DatasetWriter(folder) as writer:
        writer.vote(Vote("c0", "ben", "C", time="2026-01-01"))
    assert (folder / "votes.csv").read_text(encoding="utf-8") == f"{table}\n,2026-01-01,ben,c0,C,1,\n"
    data = open_dataset(folder)
    assert data.votes.view.tolist() == ["mirrored", ""]
    assert data.raters == ("anna", "ben")


@pytest.mark.parametrize("after", range(9))
def test_a_kill_at_any_replacement_leaves_a_set_that_opens_with_whole_clips(tmp_path, after):
    """The process dies at the n-th ``os.replace`` of a commit (eight files of two shards, then the items)."""
    folder = write(tmp_path / "d", 2)
    code = f"""
    import os, sys
    sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}
    from test_dataset import write
    real, left = os.replace, [{after}]
    def replace(*paths):
        if not left[0]:
            os._exit(9)
        left[0] -= 1
        real(*paths)
    os.replace = replace
    write(__import__("pathlib").Path({str(folder)!r}), 4, first=2)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=os.environ, timeout=120, check=False)
    assert done.returncode == 9
    data = open_dataset(folder)
    assert len(data) == 2
    assert len(data.votes) == 4
    np.testing.assert_array_equal(data.clips([1]).frames[0], clip(1).frames)
    write(folder, 4, first=2)
    again = open_dataset(folder)
    np.testing.assert_array_equal(again.clips([5, 1]).frames, np.stack([clip(5).frames, clip(1).frames]))
    assert not list(folder.rglob("*.part"))


@pytest.mark.parametrize(
    ("name", "row", "text", "words"),
    [
        ("votes.csv", 2, "c9,r0,A,1,,", "votes.csv, row 3: clip c9 is not in items.csv"),
        ("votes.csv", 1, "c0,r0,F,1,,", "votes.csv, row 2: expected a grade of A, B, C, D, E, found F"),
        ("votes.csv", 2, "c0,r0,A,1,,", "votes.csv, row 3: rater r0 has voted on presentation 1 of clip c0 already"),
        ("votes.csv", 0, "clip,rater,grade", "columns are missing: presentation, view, time"),
        ("items.csv", 2, "c0,D1,S1,C1,phase,0.4", "items.csv, row 3: clip c0 stands in row 2 already"),
        ("items.csv", 1, "c0,D1,S1,C1,phase,wide", "items.csv, row 2: um_per_px: expected a number, found wide"),
        ("items.csv", 1, "c0,D1,S1", "items.csv, row 2: expected 6 columns, found 3"),
    ],
)
def test_a_wrong_row_is_named_when_a_set_is_opened(tmp_path, name, row, text, words):
    folder = write(tmp_path / "d", 3)
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    lines[row] = text
    (folder / name).write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        open_dataset(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"schema_version": 2}, "schema_version"), ({"colour": 1}, "colour"), ({"grades": ["A", "A"]}, "grades")],
)
def test_a_form_that_we_do_not_know_is_refused(tmp_path, changes, words):
    folder = write(tmp_path / "d", 1)
    told = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    (folder / "dataset.json").write_text(json.dumps(told | changes), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"dataset\.json: {words}"):
        open_dataset(folder)
