"""What others have becomes ours: sessions, votes, pickles that may lie in wait, and boxes."""

import csv
import os
import pickle
import tempfile
from contextlib import suppress

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_dataset import files, write
from test_store import cell, step, summary

from spermscope.dataset import check, open_dataset
from spermscope.importing.boxes import import_boxes
from spermscope.importing.pickles import import_pickles, whole_votes
from spermscope.importing.plain_pickle import read_plain_pickle
from spermscope.importing.ratings import import_ratings
from spermscope.importing.sessions import import_sessions
from spermscope.store import SessionWriter


def session(folder, name, ids):
    writer = SessionWriter(folder)
    writer.write(step(0, ids, confirmed=ids, finished=[cell(number) for number in ids]))
    return writer.finish(summary(session_id=name, conditions={"sample": "S1", "donor": "D7"}))


def test_the_clips_of_sessions_come_in_once_with_their_codes(tmp_path):
    (tmp_path / "all").mkdir()
    session(tmp_path / "all" / "one", "a", [1, 2])
    first = import_sessions(tmp_path / "all" / "one", tmp_path / "d", optics="phase", clinic="C3")
    assert (first.taken, first.left) == (2, 0)
    session(tmp_path / "all" / "two", "b", [1])
    second = import_sessions(tmp_path / "all", tmp_path / "d")
    assert second.sentence("clips") == "1 clips; 2 left out: in the set already, or of fewer than 16 pictures"
    data = open_dataset(tmp_path / "d")
    assert data.items.clip.tolist() == ["a-1", "a-2", "b-1"]
    assert data.items.donor.tolist() == ["D7"] * 3
    assert data.items.clinic.tolist() == ["C3", "C3", ""]
    assert data.items.um_per_px.tolist() == [0.4] * 3
    np.testing.assert_array_equal(data.clips([0]).time_s[0], np.arange(16) / 15)


def test_what_is_no_session_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a session folder"):
        import_sessions(tmp_path, tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_a_rating_studys_votes_are_merged_once(tmp_path):
    rated = write(tmp_path / "export", 3)
    mine = write(tmp_path / "d", 3, votes=False)
    assert import_ratings(rated / "votes.csv", mine).taken == 6
    assert import_ratings(rated, mine).sentence("votes") == "0 votes; 6 left out: in the set already"
    np.testing.assert_array_equal(open_dataset(mine).vote_matrix(), open_dataset(rated).vote_matrix())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("c9,r0,A,1,,", r"votes\.csv, row 8: clip c9 is not in items\.csv"),
        ("c0,r0,Z,1,,", r"votes\.csv, row 8: expected a grade of A, B, C, D, E, found Z"),
        ("c0,r0,E,1,,", r"votes\.csv, row 8: rater r0 has voted on presentation 1 of clip c0 already"),
    ],
)
def test_a_wrong_row_of_an_export_is_named_and_nothing_is_merged(tmp_path, line, words):
    rated, mine = write(tmp_path / "export", 3), write(tmp_path / "d", 3, votes=False)
    with (rated / "votes.csv").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    before = files(mine)
    with pytest.raises(ValueError, match=words):
        import_ratings(rated / "votes.csv", mine)
    assert files(mine) == before


def test_a_vote_that_contradicts_one_in_the_set_is_refused(tmp_path):
    rated, mine = write(tmp_path / "export", 2), write(tmp_path / "d", 2)
    text = (rated / "votes.csv").read_text(encoding="utf-8")
    (rated / "votes.csv").write_text(text.replace("c0,r0,A", "c0,r0,E"), encoding="utf-8")
    with pytest.raises(ValueError, match="vote of r0 on c0: expected one on presentation 1, found a second"):
        import_ratings(rated, mine)


def test_votes_need_their_set(tmp_path):
    rated = write(tmp_path / "export", 1)
    with pytest.raises(ValueError, match="expected the data set whose clips were rated"):
        import_ratings(rated, tmp_path / "d")


def pickled(path, value, protocol=pickle.HIGHEST_PROTOCOL):
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


def same(found, expected):
    """Equal in value, type and order, all the way down; NaN equals NaN."""
    if type(found) is not type(expected):
        return False
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, np.ndarray | np.generic):
        return found.dtype == expected.dtype and np.array_equal(found, expected, equal_nan=expected.dtype.kind == "f")
    return found == expected


NUMBERS = st.sampled_from(["u1", "<i2", ">i4", "i8", "f4", "<f8", ">f8", "?"])
ARRAY = arrays.arrays(NUMBERS.map(np.dtype), arrays.array_shapes(min_dims=0, max_dims=4, max_side=4))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.binary(max_size=4) | ARRAY,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_pickles_of_every_protocol_are_read_as_python_reads_them(tmp_path_factory, value, protocol):
    assert same(read_plain_pickle(pickled(tmp_path_factory.getbasetemp() / "plain.pkl", value, protocol)), value)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_numpy_numbers_columns_first_and_strided_arrays(tmp_path, protocol):
    value = [np.float32(1.5), np.int64(3), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(12)[::3]]
    assert same(read_plain_pickle(pickled(tmp_path / "p", value, protocol)), value)


class Call:
    """Pickles as a call of that function."""

    def __init__(self, function, *arguments):
        self.called = function, arguments

    def __reduce__(self):
        return self.called


MALICIOUS = {
    "mkdir": lambda mark: Call(os.mkdir, str(mark)),
    "eval": lambda mark: Call(eval, f"__import__('os').mkdir({str(mark)!r})"),
    "save": lambda mark: Call(np.save, str(mark), 1),
    "getattr": lambda mark: {"s0": [np.zeros(2), Call(getattr, str(mark), "upper")]},
    "mkdtemp": lambda mark: [Call(tempfile.mkdtemp, "", "", str(mark.parent))],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("named", MALICIOUS)
def test_a_pickle_that_tries_to_run_code_is_refused_and_has_not_run(tmp_path, named, protocol):
    path = pickled(tmp_path / "p", MALICIOUS[named](tmp_path / "ran"), protocol)
    words = rf"{path}: expected arrays and plain containers, found a call for \S+\.{named}$"
    with pytest.raises(ValueError, match=words):
        read_plain_pickle(path)
    assert [left.name for left in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_malicious_pickle_would_have_run(tmp_path, protocol):
    pickle.loads(pickle.dumps(MALICIOUS["mkdir"](tmp_path / "ran"), protocol))
    assert (tmp_path / "ran").is_dir()


@pytest.mark.parametrize(
    "value",
    [
        np.array([{}, []], object),
        np.array(["text"]),
        np.zeros(2, [("a", "f8")]),
        np.array(["2020-01-01"], "datetime64[D]"),
        {1, 2}.__class__,
        np.ma.masked_array([1.0], [True]),
    ],
)
def test_arrays_of_anything_but_numbers_and_classes_are_refused(tmp_path, value):
    with pytest.raises(ValueError, match="expected "):
        read_plain_pickle(pickled(tmp_path / "p", value))


@given(st.binary(max_size=60))
def test_what_is_no_pickle_is_refused_in_one_line_or_plain(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "broken.pkl"
    path.write_bytes(data)
    with suppress(ValueError):
        assert isinstance(read_plain_pickle(path), (type(None), bool, int, float, str, bytes, list, tuple, dict))


def published(folder, clips=6, raters=40, **changes):
    """The three pickles as the sister repository's loader reads them."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    counts = rng.multinomial(raters, [0.3, 0.3, 0.2, 0.1, 0.1], clips)
    grades = {f"s{n}": counts[n] / raters for n in range(clips)}
    videos = {f"s{n}": rng.integers(0, 256, (16, 12, 12, 3), np.uint8) for n in range(clips)}
    parts = {"grades": grades, "16frame": videos, "td": {f"s{n}": np.zeros((16, 2)) for n in range(clips)}} | changes
    for name, value in parts.items():
        pickled(folder / f"{name}.pkl", value, 4)
    return grades, videos


def test_published_pickles_become_a_set_with_their_very_distributions(tmp_path):
    grades, videos = published(tmp_path / "p")
    donors = tmp_path / "donors.csv"
    donors.write_text("clip,donor\n" + "".join(f"s{n},D{n // 2}\n" for n in range(6)), encoding="utf-8")
    done = import_pickles(tmp_path / "p", tmp_path / "d", raters=40, donors=donors)
    assert (done.taken, done.left) == (6, 0)
    data = open_dataset(tmp_path / "d")
    np.testing.assert_allclose(data.distributions(), np.stack(list(grades.values())), atol=1e-12)
    clips = data.clips(range(6))
    assert clips.frames.shape == (6, 16, 12, 12)
    assert np.abs(clips.frames[2].astype(float) - videos["s2"] @ [0.299, 0.587, 0.114]).max() <= 0.5
    assert np.isnan(clips.xy_um).all()
    assert not clips.displaced.any()
    assert not data.form.raters_known
    assert data.form.um_per_px is None
    kinds = {finding.kind for finding in check(tmp_path / "d")}
    assert {"raters_unknown", "scale_unknown", "source_scale_unknown"} <= kinds <= {
        *("raters_unknown", "scale_unknown", "source_scale_unknown", "seldom_used", "empty_class")
    }  # fmt: skip


def test_without_a_table_of_donors_the_check_refuses_the_set(tmp_path):
    published(tmp_path / "p", clips=2)
    import_pickles(tmp_path / "p", tmp_path / "d", raters=40, um_per_px=0.5)
    assert "no_donor" in {finding.kind for finding in check(tmp_path / "d") if finding.refuses}


@pytest.mark.parametrize("name", ["16frame", "grades"])
def test_a_malicious_published_pickle_leaves_nothing_behind(tmp_path, name):
    published(tmp_path / "p", **{name: {"s0": Call(os.mkdir, str(tmp_path / "ran"))}})
    with pytest.raises(ValueError, match=rf"{name}\.pkl: expected arrays and plain containers"):
        import_pickles(tmp_path / "p", tmp_path / "d", raters=40)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p"]


@given(st.lists(st.integers(0, 12), min_size=5, max_size=5).filter(lambda votes: 0 < sum(votes) <= 40), st.booleans())
def test_shares_become_votes_that_give_them_back(votes, rounded):
    counts = np.array(votes)
    shares = counts / counts.sum()
    found = whole_votes(np.round(shares, 5) if rounded else shares, 40, "x")
    assert counts.sum() <= found.sum() <= 40
    np.testing.assert_allclose(found / found.sum(), shares, atol=1e-4)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([np.pi / 10, 1 - np.pi / 10, 0, 0, 0], "expected shares of at most 40 votes"),
        ([0.5, 0.4, 0, 0, 0], "expected 5 shares that sum to 1"),
        ([0.5, 0.5], "expected 5 shares"),
        ([1.5, -0.5, 0, 0, 0], "expected 5 shares"),
    ],
)
def test_shares_that_are_no_votes_are_refused(shares, words):
    with pytest.raises(ValueError, match=words):
        whole_votes(shares, 40, "grades.pkl: s0")


@pytest.mark.parametrize(
    ("video", "words"),
    [
        (np.zeros((16, 12, 10)), "expected pictures"),
        (np.full((16, 12, 12), 300.0), "expected levels 0 to 255, found 300"),
        (np.full((16, 12, 12), np.nan), "expected levels 0 to 255"),
    ],
)
def test_videos_of_another_form_are_refused(tmp_path, video, words):
    published(tmp_path / "p", **{"16frame": {"s0": video}})
    with pytest.raises(ValueError, match=rf"s0: {words}"):
        import_pickles(tmp_path / "p", tmp_path / "d", raters=40)


def picture(path, width=40, height=20, level=7):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width), level, np.uint8))


def label(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_videos_of_visem_tracking_keep_their_track_ids(tmp_path):
    for video in ("11", "52"):
        for number in range(2):
            picture(tmp_path / "Train" / video / "images" / f"{video}_frame_{number}.jpg")
            label(tmp_path / "Train" / video / "labels" / f"{video}_frame_{number}.txt", "0 0.5 0.5 0.1 0.2")
            tracked = tmp_path / "Train" / video / "labels_ftid" / f"{video}_frame_{number}_with_ftid.txt"
            label(tracked, "t7 0 0.5 0.5 0.1 0.2", f"t8 {number + 1} 0.0125 0.975 0.025 0.05")
    assert import_boxes(tmp_path / "Train", tmp_path / "out").taken == 4
    rows = table(tmp_path / "out" / "boxes.csv")
    assert len(rows) == 8
    assert [row["track_id"] for row in rows[:2]] == ["t7", "t8"]
    assert [(row["label"], row["class"]) for row in rows[:4]] == [
        ("sperm", "0"), ("other", "1"), ("sperm", "0"), ("other", "2")
    ]  # fmt: skip
    assert [float(rows[0][name]) for name in ("x_px", "y_px", "w_px", "h_px")] == [19.5, 9.5, 4.0, 4.0]
    assert [float(rows[1][name]) for name in ("x_px", "y_px", "w_px", "h_px")] == [0.0, 19.0, 1.0, 1.0]
    frames = table(tmp_path / "out" / "frames.csv")
    assert [row["video"] for row in frames] == ["11", "11", "52", "52"]
    assert {path.name for path in (tmp_path / "out" / "frames").iterdir()} == {row["frame"] for row in frames}


def test_a_yolo_folder_keeps_empty_pictures_and_leaves_out_what_nobody_labelled(tmp_path):
    for number in range(3):
        picture(tmp_path / "y" / "images" / "train" / f"{number}.png", level=number)
    label(tmp_path / "y" / "labels" / "train" / "0.txt", "1 0.5 0.5 1 1")
    label(tmp_path / "y" / "labels" / "train" / "1.txt")
    done = import_boxes(tmp_path / "y", tmp_path / "out", sperm=(1,))
    assert done.sentence("frames") == "2 frames; 1 left out: no label file"
    assert [(row["frame"], row["label"]) for row in table(tmp_path / "out" / "boxes.csv")] == [("000000.png", "sperm")]
    assert [row["frame"] for row in table(tmp_path / "out" / "frames.csv")] == ["000000.png", "000001.png"]
    assert cv2.imread(str(tmp_path / "out" / "frames" / "000001.png"), cv2.IMREAD_GRAYSCALE)[0, 0] == 1


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.1", "sperm 0.5 0.5 0.1 0.1", "0 20 10 4 4", "0 nan 0.5 0.1 0.1"])
def test_a_row_that_is_no_box_is_named_and_nothing_stays(tmp_path, line):
    picture(tmp_path / "y" / "images" / "0.png")
    label(tmp_path / "y" / "labels" / "0.txt", "0 0.5 0.5 0.1 0.1", line)
    with pytest.raises(ValueError, match=r"0\.txt: row 2: expected"):
        import_boxes(tmp_path / "y", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["y"]


def test_folders_without_labelled_pictures_and_outputs_that_exist_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected pictures in images/"):
        import_boxes(tmp_path, tmp_path / "out")
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match="expected a new folder"):
        import_boxes(tmp_path, tmp_path / "out")
