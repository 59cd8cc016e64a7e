"""Sheets give back what the clips hold, in both views; a study is made of whatever fits together."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ratings import clips_of_noise, new
from studies import noise_study
from test_importing import session

from spermscope.assessment import assess
from spermscope.dataset import DatasetWriter, open_dataset
from spermscope.rating.creating import new_study
from spermscope.rating.fields import cut_fields
from spermscope.rating.opening import open_study
from spermscope.rating.protocol import Protocol
from spermscope.rating.sheets import FARTHEST_PX, field_of, read_frames, read_sheets, tiled, untiled
from spermscope.rating.verifying import verify
from spermscope.session import read_session
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Clip
from spermscope.video.recorder import Recorder


def clip(xy_um, frames=None, um_per_px=0.5):
    frames = np.full((16, 150, 150), 90, np.uint8) if frames is None else frames
    return Clip(0, frames, np.arange(16) / 15, xy_um, np.ones(16, bool), um_per_px, "D1", "S1")


def dataset(folder, *clips):
    with DatasetWriter(folder) as writer:
        for number, one in enumerate(clips):
            writer.add(f"k{number}", one)
    return folder


def chunks(png):
    """Names of a PNG's parts."""
    found, at = set(), 8
    while at < len(png):
        found.add(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return found


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 20), st.integers(1, 9), st.integers(1, 9), st.integers(1, 6), st.integers(0, 99))
def test_a_sheet_gives_its_frames_back(count, height, width, columns, seed):
    frames = np.random.default_rng(seed).integers(0, 256, (count, height, width), np.uint8)
    sheet = tiled(frames, columns)
    assert sheet.shape == (-(-count // columns) * height, columns * width)
    for k in range(count):
        row, column = divmod(k, columns)
        np.testing.assert_array_equal(
            sheet[row * height : (row + 1) * height, column * width : (column + 1) * width], frames[k]
        )
    np.testing.assert_array_equal(untiled(sheet, count, width, height), frames)


def test_the_head_view_is_the_clip_to_the_bit_and_names_tell_nothing(tmp_path):
    data = open_dataset(clips_of_noise())
    with open_study(new(tmp_path / "s")) as study:
        sheets = list(study.sheets.values())
        assert [sheet.name for sheet in sheets] == data.items.clip.tolist()
        for row, sheet in enumerate(sheets):
            np.testing.assert_array_equal(read_frames(study.folder, sheet), data.clips([row]).frames[0])
            info = study.clip(sheet.hash)
            assert (info.frames, info.columns, info.width_px, info.height_px) == (16, 4, 150, 150)
            np.testing.assert_allclose(info.time_s, np.arange(16) / 15, atol=1e-6)
            assert info.trail_px == ()
            assert Path(info.path).stem == sheet.hash
            assert not {b"tEXt", b"iTXt", b"zTXt", b"eXIf", b"tIME"} & chunks(Path(info.path).read_bytes())
    assert all(path.stem in {sheet.hash for sheet in sheets} for path in (tmp_path / "s" / "clips").iterdir())


def test_a_fixed_field_keeps_what_stands_still_in_its_place():
    """A point that does not move stays where it is while the crops follow a cell that does."""
    path = np.cumsum(np.random.default_rng(1).normal(0, 4, (16, 2)), axis=0)
    frames = np.full((16, 150, 150), 100, np.uint8)
    for crop, at in zip(frames, np.rint(path - path.min(axis=0)).astype(int), strict=True):
        x, y = 80 - at
        crop[y, x] = 255
    field, heads = field_of(frames, path)
    assert (field == 255).sum(axis=(1, 2)).tolist() == [1] * 16
    assert {tuple(np.argwhere(frame == 255)[0].tolist()) for frame in field} == {(80, 80)}
    np.testing.assert_allclose(np.diff(heads, axis=0), np.diff(path, axis=0))
    assert heads.min() >= 74.5
    assert (heads.max(axis=0) <= np.array(field.shape[:0:-1]) - 75.5 + 1).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.floats(0, 30))
def test_a_fixed_field_holds_every_crop_unchanged(seed, step):
    rng = np.random.default_rng(seed)
    frames, path = rng.integers(0, 256, (5, 20, 20), np.uint8), np.cumsum(rng.normal(0, step, (5, 2)), axis=0)
    field, heads = field_of(frames, path)
    for k in range(5):
        left, top = np.rint(heads[k] - 9.5).astype(int)
        np.testing.assert_array_equal(field[k, top : top + 20, left : left + 20], frames[k])
        outside = np.ones(field[k].shape, bool)
        outside[top : top + 20, left : left + 20] = False
        assert (field[k][outside] == np.uint8(np.median(frames))).all()


def test_clips_whose_view_cannot_be_made_are_left_out_and_counted(tmp_path):
    still = np.zeros((16, 2))
    far = np.linspace(0, FARTHEST_PX * 0.5, 32).reshape(16, 2)
    source = dataset(
        tmp_path / "d",
        clip(still + 3.0),
        clip(np.full((16, 2), np.nan)),
        clip(far),
        clip(still),
        clip(still, np.full((16, 150, 150), 91, np.uint8)),
    )
    made = new_study(tmp_path / "s", [source], Protocol(view="field"))
    assert made.clips == 2
    assert sorted(made.left.values()) == [1, 1, 1]
    assert any("displacements unknown" in why for why in made.left)
    assert any("same pictures" in why for why in made.left)
    assert len(read_sheets(tmp_path / "s")) == 2


def test_a_head_view_needs_no_displacements_but_its_trail_does(tmp_path):
    source = dataset(tmp_path / "d", clip(np.full((16, 2), np.nan)))
    assert new_study(tmp_path / "s", [source], Protocol()).clips == 1
    with pytest.raises(ValueError, match="expected clips to rate, found displacements unknown"):
        new_study(tmp_path / "t", [source], Protocol(trail=True))


def test_a_trail_ends_at_the_head_in_both_views(tmp_path):
    xy = np.column_stack([np.arange(16) * 1.5, np.zeros(16)])
    source = dataset(tmp_path / "d", clip(xy))
    for view, ends in (("head", [74.5] * 16), ("field", (74.5 + np.arange(16) * 3.0).tolist())):
        new_study(tmp_path / view, [source], Protocol(view=view, trail=True))
        with open_study(tmp_path / view) as study:
            info = study.clip(next(iter(study.sheets)))
        assert info.head_px == (tuple(trail[-1] for trail in info.trail_px) if view == "field" else ())
        assert [len(trail) for trail in info.trail_px] == list(range(1, 17))
        assert [trail[-1][0] for trail in info.trail_px] == ends
        assert info.trail_px[15][0][0] == pytest.approx(ends[15] - 45.0)
        assert {trail[-1][1] for trail in info.trail_px} == {74.5}


def test_a_study_is_made_of_sessions_and_data_sets_together(tmp_path):
    session(tmp_path / "one", "a", [1, 2])
    data = noise_study(tmp_path / "d", clips=5, donors=5)
    made = new_study(tmp_path / "s", [tmp_path / "one", data], Protocol())
    sheets = read_sheets(tmp_path / "s")
    assert made.clips == len(sheets)
    assert made.clips + sum(made.left.values()) == 7
    assert {sheet.donor for sheet in sheets} == {"D7", *(f"D{number}" for number in range(5))}
    assert len(open_dataset(tmp_path / "s" / "source").votes) == 0
    assert not verify(tmp_path / "s").flaws


def test_clips_of_sessions_that_are_too_short_are_counted(tmp_path):
    session(tmp_path / "one", "a", [1, 2, 3])
    short = tmp_path / "one" / "clips" / "2.npz"
    with np.load(short) as clip:
        cut = {name: array[:8] if array.ndim else array for name, array in clip.items()}
    np.savez(short, **cut)
    made = new_study(tmp_path / "s", [tmp_path / "one"], Protocol())
    assert made.left.pop("in the set already, or of fewer than 16 pictures") == 1
    assert made.clips + sum(made.left.values()) == 2


def test_names_that_stand_in_two_sets_are_refused(tmp_path):
    data = noise_study(tmp_path / "d", clips=5, donors=5)
    with pytest.raises(ValueError, match="expected clips of other names, found c0 again"):
        new_study(tmp_path / "s", [data, data], Protocol())
    assert not (tmp_path / "s").exists()


def test_anchors_are_shown_and_not_rated(tmp_path):
    new_study(tmp_path / "s", [clips_of_noise()], Protocol(raters=1), anchors={"A": ["c3"], "E": ["c4", "c5"]})
    with open_study(tmp_path / "s") as study:
        hashes = {sheet.name: sheet.hash for sheet in study.sheets.values()}
        assert [grade.anchors for grade in study.protocol.grades] == [
            (hashes["c3"],),
            *[()] * 3,
            (hashes["c4"], hashes["c5"]),
        ]
        shown = {turn.shown.clip for turn in study.turns.of("R001")}
        assert shown == set(hashes.values()) - {hashes[name] for name in ("c3", "c4", "c5")}
    for anchors, line in (
        ({"F": ["c3"]}, "expected a grade of A, B"),
        ({"A": ["c99"]}, "expected a clip of the study"),
    ):
        with pytest.raises(ValueError, match=line):
            new_study(tmp_path / "t", [clips_of_noise()], Protocol(), anchors=anchors)
        assert not (tmp_path / "t").exists()


def test_anchors_within_a_protocol_are_names_and_an_unknown_one_is_refused(tmp_path):
    data = noise_study(tmp_path / "d", clips=3, donors=3)

    def made(folder, anchors, more=None):
        rules = Protocol()
        grades = (rules.grades[0].model_copy(update={"anchors": anchors}), *rules.grades[1:])
        new_study(tmp_path / folder, [data], rules.model_copy(update={"grades": grades}), anchors=more)
        return open_study(tmp_path / folder)

    with made("one", ("c1",)) as study:
        (anchor,) = study.protocol.grades[0].anchors
        assert study.sheets[anchor].name == "c1"
        assert study.turns.rated == tuple(hash for hash in study.sheets if hash != anchor)
    with made("two", (anchor,)) as study:
        assert study.protocol.grades[0].anchors == (anchor,)
    with made("three", ("nothing",), {"A": ["c0"]}) as study:
        assert study.sheets[study.protocol.grades[0].anchors[0]].name == "c0"
    for strange in ("nothing", "0" * 32):
        with pytest.raises(ValueError, match=f"anchor A={strange}: expected a clip of the study"):
            made("four", (strange,))
    assert not (tmp_path / "four").exists()


def test_a_study_has_a_clip_to_rate_besides_its_anchors(tmp_path):
    data = noise_study(tmp_path / "d", clips=2, donors=2)
    with pytest.raises(ValueError, match="expected a clip to rate besides its anchors, found 2 clips"):
        new_study(tmp_path / "s", [data], Protocol(), anchors={"A": ["c0"], "E": ["c1"]})
    assert not (tmp_path / "s").exists()


def test_what_an_earlier_try_left_is_named(tmp_path):
    (tmp_path / "s.partial").mkdir()
    with pytest.raises(ValueError, match=r"s\.partial: expected no such folder, found what an earlier try has left"):
        new_study(tmp_path / "s", [clips_of_noise()], Protocol())
    assert (tmp_path / "s.partial").exists()


def test_what_is_there_is_not_written_over(tmp_path):
    with pytest.raises(ValueError, match="expected a new folder"):
        new_study(tmp_path, [clips_of_noise()], Protocol())


def test_a_picture_is_grey_and_its_name_its_content(tmp_path):
    folder = new(tmp_path / "s", view="field")
    for sheet in read_sheets(folder):
        picture = cv2.imread(str(folder / "clips" / f"{sheet.hash}.png"), cv2.IMREAD_UNCHANGED)
        assert picture.dtype == np.uint8
        assert picture.shape == (4 * sheet.height_px, 4 * sheet.width_px)
    assert json.loads((folder / "clips.json").read_text(encoding="utf-8"))[0]["um_per_px"] == 0.5


@pytest.fixture(scope="module")
def assessed(tmp_path_factory):
    """A recorded simulation and its session."""
    folder = tmp_path_factory.mktemp("assessed")
    settings = SceneSettings.parse("width_px=320,height_px=240,cells=4,fps=15,duration_s=1.4,seed=11,um_per_px=0.4")
    with Recorder(folder / "m.mkv", 320, 240, 15) as recorder:
        for _, time_s, image, _ in Scene(settings).frames():
            recorder.write(image, time_s)
    assess(folder / "m.mkv", folder / "session", um_per_px=0.4)
    return folder


def test_a_field_is_cut_anew_from_the_recording_where_it_is_there(assessed, tmp_path):
    """Around the head it shows what the clip shows, to a fraction of a pixel; beyond it what the recording shows."""
    new_study(tmp_path / "s", [assessed / "session"], Protocol(view="field"))
    data, sheets = open_dataset(tmp_path / "s" / "source"), read_sheets(tmp_path / "s")
    assert len(sheets) >= 2
    seen = []
    for row, sheet in enumerate(sheets):
        frames, crops = read_frames(tmp_path / "s", sheet), data.clips([row]).frames[0]
        assert sheet.width_px == sheet.height_px >= 150
        for frame, crop, head in zip(frames, crops, sheet.path_px, strict=True):
            window = cv2.getRectSubPix(frame, (120, 120), head)
            inside = crop[15:135, 15:135]
            assert np.corrcoef(window.ravel(), inside.ravel())[0, 1] > 0.9
        beyond = np.ones(frames.shape, bool)
        for place, (x, y) in zip(beyond, np.rint(sheet.path_px).astype(int), strict=True):
            place[max(y - 75, 0) : y + 76, max(x - 75, 0) : x + 76] = False
        seen.append(frames[beyond])
    assert len(np.concatenate(seen)) > 1000
    assert np.concatenate(seen).std() > 1


def test_crops_are_laid_out_where_the_recording_is_another_or_gone(assessed, tmp_path):
    shutil.copytree(assessed / "session", tmp_path / "session")
    for address in (str(tmp_path / "gone.mkv"), str(tmp_path / "other.mkv"), "camera:0"):
        (tmp_path / "other.mkv").write_bytes((assessed / "m.mkv").read_bytes() + b"\0")
        (tmp_path / "session" / "source.json").write_text(json.dumps({"address": address}), encoding="utf-8")
        assert cut_fields(read_session(tmp_path / "session")) == {}
    new_study(tmp_path / "s", [tmp_path / "session"], Protocol(view="field"))
    data = open_dataset(tmp_path / "s" / "source")
    for row, sheet in enumerate(read_sheets(tmp_path / "s")):
        clips = data.clips([row])
        expected, _ = field_of(clips.frames[0], (clips.xy_um[0] - clips.xy_um[0, 0]) / 0.5)
        np.testing.assert_array_equal(read_frames(tmp_path / "s", sheet), expected)
