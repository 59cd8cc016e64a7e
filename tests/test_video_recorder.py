"""The recorder: lossless grey, small colour, own times."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.video import open_source
from spermscope.video.recorder import Recorder


def record(path, images, times, **given):
    height, width = images[0].shape[:2]
    with Recorder(path, width, height, 15, **given) as recorder:
        for image, time_s in zip(images, times, strict=True):
            recorder.write(image, time_s)


@pytest.mark.parametrize("codec", ["ffv1", "magicyuv"])
@settings(max_examples=12, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    steps_ms=st.lists(st.integers(1, 500), min_size=1, max_size=6),
    seed=st.integers(0, 9),
)
def test_lossless_brings_back_every_pixel_and_time(tmp_path_factory, codec, size, steps_ms, seed):
    rng = np.random.default_rng(seed)
    images = [rng.integers(0, 256, size, dtype=np.uint8) for _ in range(len(steps_ms) + 1)]
    times = np.concatenate([[0.0], np.cumsum(steps_ms) / 1000])
    path = tmp_path_factory.mktemp("rec") / "a.mkv"
    record(path, images, times, codec=codec)
    with open_source(path) as source:
        frames = list(source)
    assert [frame.time_s for frame in frames] == pytest.approx(times)
    assert all(np.array_equal(frame.image, image) for frame, image in zip(frames, images, strict=True))
    assert source.cut_because == ""


@pytest.mark.parametrize("codec", ["ffv1", "magicyuv"])
def test_lossless_colour_is_exact(tmp_path, codec):
    images = [np.random.default_rng(k).integers(0, 256, (33, 47, 3), dtype=np.uint8) for k in range(3)]
    record(tmp_path / "a.mkv", images, [0, 0.1, 0.3], codec=codec, colour=True)
    with av.open(str(tmp_path / "a.mkv")) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert all(np.array_equal(one, two) for one, two in zip(found, images, strict=True))


@pytest.mark.parametrize("size", [(48, 64), (49, 65)])
def test_overlay_video_is_small_and_close(tmp_path, size):
    ramp = np.linspace(0, 255, size[1]).astype(np.uint8)
    image = np.dstack([np.tile(ramp, (size[0], 1)), np.full(size, 90, np.uint8), np.full(size, 40, np.uint8)])
    record(tmp_path / "a.mkv", [image] * 30, np.arange(30) / 15, codec="mpeg4", colour=True)
    with av.open(str(tmp_path / "a.mkv")) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(found) == 30
    assert np.abs(found[-1][: size[0], : size[1]].astype(int) - image).mean() < 4
    assert (tmp_path / "a.mkv").stat().st_size < image.size * 30 / 8


def test_other_players_take_magicyuv_for_the_whole_range_of_levels(tmp_path):
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    record(tmp_path / "a.mov", [image], [0.0], codec="magicyuv")
    with av.open(str(tmp_path / "a.mov")) as container:
        frame = next(container.decode(video=0))
    assert frame.color_range == 2
    assert np.array_equal(frame.reformat(format="rgb24").to_ndarray()[..., 1], image)


@pytest.mark.parametrize("codec", ["ffv1", "magicyuv"])
def test_a_recording_that_was_cut_off_is_readable(tmp_path, codec):
    recorder = Recorder(tmp_path / "live.mkv", 64, 48, 15, codec=codec)
    for index in range(60):
        recorder.write(np.random.default_rng(index).integers(0, 256, (48, 64), dtype=np.uint8), index / 15)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes((tmp_path / "live.mkv").read_bytes())  # as after a power cut
    recorder.close()
    recorder.close()
    with open_source(cut) as source:
        assert len(list(source)) >= 40


def test_bad_calls_are_refused_in_one_line(tmp_path):
    with pytest.raises(ValueError, match="expected positive size"):
        Recorder(tmp_path / "a.mkv", 0, 4, 15)
    with pytest.raises(ValueError, match="expected one of ffv1, magicyuv, mpeg4, found 'x264'"):
        Recorder(tmp_path / "a.mkv", 4, 4, 15, codec="x264")
    with pytest.raises(ValueError, match=r"expected a file that can be written"):
        Recorder(tmp_path / "nowhere" / "a.mkv", 4, 4, 15)
    with Recorder(tmp_path / "a.mkv", 4, 3, 15) as recorder:
        recorder.write(np.zeros((3, 4), np.uint8), 0.0)
        with pytest.raises(ValueError, match=r"expected \(3, 4\) uint8, found \(4, 3\) uint8"):
            recorder.write(np.zeros((4, 3), np.uint8), 1.0)
        with pytest.raises(ValueError, match=r"expected a time after 0\.0 s"):
            recorder.write(np.zeros((3, 4), np.uint8), 0.0)


def test_an_empty_recording_closes(tmp_path):
    Recorder(tmp_path / "a.mkv", 4, 3, 15).close()
    with pytest.raises(ValueError, match="found"):
        open_source(tmp_path / "a.mkv")
