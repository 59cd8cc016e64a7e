"""What every source promises: refusals in one line, a probe that loses nothing, flat memory."""

import hashlib
import os
import threading
import time
import tracemalloc

import numpy as np
import pytest

from spermscope.types import Scale
from spermscope.video import open_source
from spermscope.video.prefetch import compute_ahead, prefetch
from spermscope.video.recorder import Recorder


def movie(path, count=40, height=32, width=48):
    with Recorder(path, width, height, 15) as recorder:
        for index in range(count):
            recorder.write(np.full((height, width), index % 256, np.uint8), index / 15)
    return path


def refused(address, **given):
    with pytest.raises(ValueError, match="expected") as caught:
        open_source(address, **given)
    line = str(caught.value)
    assert "\n" not in line
    assert "found" in line
    assert "Error" not in line
    assert "Errno" not in line
    return line


def test_a_missing_file_is_refused(tmp_path):
    assert "found nothing there" in refused(tmp_path / "none.mp4")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root and Windows may read everything")
def test_an_unreadable_file_is_refused(tmp_path):
    path = movie(tmp_path / "a.mkv")
    path.chmod(0)
    assert "Permission denied" in refused(path)


@pytest.mark.parametrize("content", [b"", b"\0", b"just a text\n" * 30, bytes(range(256)) * 40])
def test_what_is_no_video_is_refused(tmp_path, content):
    for name in ("a.mp4", "a.xyz", "a.tif", "a.png"):
        (tmp_path / name).write_bytes(content)
        assert "expected" in refused(tmp_path / name)


def test_sound_without_pictures_is_refused(tmp_path):
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0" * 8000)
    assert "expected a video stream, found audio" in refused(tmp_path / "a.wav")


@pytest.mark.parametrize("um_per_px", [-0.5, 0.0, 0.001, 25.0, float("nan"), float("inf")])
def test_an_absurd_scale_is_refused(tmp_path, um_per_px):
    assert "scale: expected" in refused(movie(tmp_path / "a.mkv", 2), um_per_px=um_per_px)


@pytest.mark.parametrize("fps", [0.0, -15.0, 10001.0, float("nan"), float("inf")])
def test_an_absurd_rate_is_refused(tmp_path, fps):
    assert "fps" in refused(movie(tmp_path / "a.mkv", 2), fps=fps)


def test_a_camera_that_is_not_there_is_refused():
    assert "camera" in refused("camera:x")
    assert "camera" in refused("camera:97")


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 40])
def test_the_probe_loses_no_frame(tmp_path, count):
    with open_source(movie(tmp_path / "a.mkv", count)) as source:
        for _ in range(2):  # and a second pass starts again at the beginning
            frames = list(source)
            assert [frame.index for frame in frames] == list(range(count))
            assert [int(frame.image[0, 0]) for frame in frames] == list(range(count))
            assert frames[0].time_s == 0.0
        assert source.frame_count == count
        assert np.isnan(source.profile.rate_hz) == (count == 1)


def test_a_pass_that_was_left_early_can_be_followed_by_a_whole_one(tmp_path):
    with open_source(movie(tmp_path / "a.mkv")) as source:
        for frame in source:
            if frame.index == 35:
                break
        assert len(list(source)) == 40
        for frame in source:
            if frame.index == 3:
                break
        assert len(list(source)) == 40


def test_frames_are_read_only(tmp_path):
    with open_source(movie(tmp_path / "a.mkv", 3)) as source:
        for frame in source:
            with pytest.raises(ValueError, match="read-only"):
                frame.image[0, 0] = 1


def test_a_given_scale_is_kept(tmp_path):
    path = movie(tmp_path / "a.mkv", 3)
    with open_source(path, scale=Scale(0.25, "calibrated", 0.004)) as source:
        assert source.profile.scale.um_per_px == 0.25
        assert source.profile.scale.source == "calibrated"
    with open_source(path) as source:
        assert source.profile.scale == Scale(0.5, "estimated", 1.0)  # an empty field shows nothing to measure


def test_names_with_spaces_and_japanese_letters(tmp_path):
    folder = tmp_path / "精子 動画 (2)"
    folder.mkdir()
    path = movie(folder / "録画 その１.mkv", 3)
    with open_source(str(path)) as source:
        assert len(list(source)) == 3
        assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_no_thread_outlives_its_source(tmp_path):
    before = threading.active_count()
    source = open_source(movie(tmp_path / "a.mkv"))
    next(iter(source))
    source.close()
    source.close()
    assert threading.active_count() == before


def test_memory_is_flat_over_a_long_file(tmp_path):
    path = movie(tmp_path / "long.mkv", 3000, 120, 160)
    tracemalloc.start()
    try:
        with open_source(path) as source:
            frames = iter(source)
            for _ in range(200):
                next(frames)
            early = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            seen = 200 + sum(1 for _ in frames)
            late, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen == 3000
    assert late - early < 50_000
    assert peak - early < 20 * 120 * 160


def two_then_none():
    yield 1
    yield 2
    raise OSError("disk gone")


def test_prefetch_hands_over_errors_after_the_items():
    got = []
    with pytest.raises(OSError, match="disk gone"):
        got.extend(prefetch(two_then_none, 4))
    assert got == [1, 2]
    assert list(prefetch(lambda: iter(range(100)), 3)) == list(range(100))
    assert list(prefetch(lambda: iter(range(5)), 0)) == list(range(5))


def test_prefetch_stops_reading_when_closed():
    read, closed = [], threading.Event()

    def items():
        try:
            for number in range(10**9):
                read.append(number)
                yield number
        finally:
            closed.set()

    ahead = prefetch(items, 4)
    assert [next(ahead), next(ahead)] == [0, 1]
    ahead.close()
    assert closed.is_set()
    assert len(read) <= 2 + 4 + 1


def test_what_is_computed_ahead_comes_in_order_with_its_item():
    rng = np.random.default_rng(0)
    waits = rng.uniform(0, 0.01, 40).tolist()

    def slow(number):
        time.sleep(waits[number])
        return number**2

    assert list(compute_ahead(slow, range(40), 3)) == [(number, number**2) for number in range(40)]
    assert list(compute_ahead(slow, [], 3)) == []


def test_as_many_items_as_there_are_workers_are_computed_at_once_and_no_more_are_read():
    read, together = [], threading.Barrier(3, timeout=30)

    def items():
        for number in range(9):
            read.append(number)
            yield number

    for number, _ in compute_ahead(lambda _: together.wait(), items(), 3):
        assert len(read) <= number + 1 + 3
    assert len(read) == 9


def test_more_items_than_workers_may_wait_and_no_more_are_read():
    read, go_on = [], threading.Event()

    def items():
        for number in range(9):
            read.append(number)
            if number == 4:
                go_on.set()
            yield number

    got = list(compute_ahead(lambda number: (go_on.wait(30), len(read)), items(), 1, 4))
    assert [number for number, _ in got] == list(range(9))
    # The first is not awaited before the fifth was read, so this would halt with less room.
    assert got[0][1][0]
    assert all(so_far <= number + 6 for number, (_, so_far) in got)


def test_an_error_while_reading_ahead_comes_after_all_items_before_it():
    got = []
    with pytest.raises(OSError, match="disk gone"):
        got.extend(compute_ahead(lambda number: -number, two_then_none(), 4))
    assert got == [(1, -1), (2, -2)]


def test_an_error_while_computing_ahead_comes_at_its_item():
    got = []
    with pytest.raises(ZeroDivisionError):
        got.extend(compute_ahead(lambda number: 6 // number, [3, 2, 0, 1], 2))
    assert got == [(3, 2), (2, 3)]
