"""Recordings in segments: every frame and time comes back, and whatever happens, what was closed can be read."""

import errno
import hashlib
import itertools
import json
import math
import os
import subprocess
import sys
import time
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.recording import kill_at_random
from spermscope.acquisition.disk import DiskRules
from spermscope.acquisition.recovery import describe
from spermscope.acquisition.segments import SegmentedRecorder
from spermscope.journal import read_journal
from spermscope.types import Frame, Scale
from spermscope.video import open_source
from spermscope.video.recorded import Recorded
from spermscope.video.recorder import Recorder

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
ANY_DISK = DiskRules(warn_s=0, refuse_s=0, reserve_bytes=0)
WIDTH, HEIGHT = 48, 36


def picture(index, width=WIDTH, height=HEIGHT):
    return np.random.default_rng(index).integers(0, 256, (height, width), dtype=np.uint8)


def recorder_in(folder, width=WIDTH, height=HEIGHT, fps=15.0, rules=ANY_DISK, **given):
    return SegmentedRecorder(folder, width, height, fps, rules=rules, **given)


def record(recorder, times_s, first=0):
    for index, time_s in enumerate(times_s, first):
        recorder.write(Frame(picture(index, *recorder._size), index, float(time_s)), NOON)


def recorded(folder, times_s, **given):
    recorder = recorder_in(folder, **given)
    record(recorder, times_s)
    recorder.close()
    return folder


def read(folder):
    reader = Recorded(folder)
    pictures = list(reader.pictures())
    return [image for image, _ in pictures], [time_s for _, time_s in pictures], reader


def rows(folder, kind):
    return [row for row in read_journal(folder / "journal.jsonl") if row["kind"] == kind]


def segments(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("0"))


@settings(max_examples=8, deadline=None)
@given(
    start_s=st.floats(0, 1e4),
    steps_s=st.lists(st.one_of(st.floats(1e-4, 0.2), st.floats(0.2, 4)), min_size=1, max_size=40),
)
def test_every_pixel_and_every_time_comes_back(tmp_path_factory, start_s, steps_s):
    folder = tmp_path_factory.mktemp("recording")
    times_s = start_s + np.concatenate([[0.0], np.cumsum(steps_s)])
    recorded(folder, times_s)
    images, said_s, reader = read(folder)
    assert said_s == times_s.tolist()
    assert all(np.array_equal(image, picture(index)) for index, image in enumerate(images))
    assert (reader.warnings, reader.truncated, reader.frame_count) == ([], False, len(times_s))
    for row in rows(folder, "segment"):
        assert row["times_s"][-1] - row["times_s"][0] < 2.0


def test_each_segment_stands_alone_and_is_in_the_journal(tmp_path):
    recorded(tmp_path, np.arange(100) / 15)
    names = segments(tmp_path)
    told = rows(tmp_path, "segment")
    assert names == [row["file"] for row in told]
    assert len(names) == 5
    for name, row in zip(names, told, strict=True):
        with open_source(tmp_path / name, um_per_px=0.5) as source:
            assert len(list(source)) == len(row["times_s"])
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == row["sha256"]
    assert rows(tmp_path, "opened")[1]["taken_utc"] == "2026-11-26T12:00:00+00:00"
    assert not (tmp_path / ".ballast").exists()


def test_the_folder_is_a_source_that_knows_its_scale(tmp_path):
    folder = recorded(tmp_path / "session" / "video", np.arange(60) / 15, scale=Scale(0.5, "calibrated", 0.01))
    recorded(tmp_path / "unknown", np.arange(9) / 15, scale=Scale(0.5, "estimated", 0.2))
    for place in (folder, folder.parent):
        with open_source(place) as source:
            frames = list(source)
        assert source.profile.scale == Scale(0.5, "given")
        assert [frame.time_s for frame in frames] == (np.arange(60) / 15).tolist()
        assert source.sha256 is not None
    assert math.isnan(Recorded(tmp_path / "unknown").um_per_px)


def test_what_is_recorded_is_the_source_again(tmp_path):
    """Frames, times and profile: whatever hangs on them, the assessment, is the same then."""
    with open_source("sim:cells=6,duration_s=2.5,fps=15,width_px=200,height_px=160,seed=5") as source:
        frames, profile = list(source), source.profile
    recorder = SegmentedRecorder(tmp_path, 200, 160, profile.rate_hz, scale=profile.scale, rules=ANY_DISK)
    for frame in frames:
        recorder.write(frame, NOON)
    recorder.close()
    with open_source(tmp_path) as again:
        found = list(again)
        assert again.profile == profile
    assert [frame.time_s for frame in found] == [frame.time_s for frame in frames]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(found, frames, strict=True))


def test_a_gap_begins_a_segment_and_is_told(tmp_path):
    recorder = recorder_in(tmp_path)
    record(recorder, np.arange(10) / 15)
    recorder.gap("the camera was lost")
    record(recorder, 5 + np.arange(10) / 15, first=10)
    recorder.close()
    images, times_s, reader = read(tmp_path)
    assert len(images) == 20
    assert times_s[10] == 5.0
    assert reader.warnings == ["4.4 s are missing after 0.6 s: the camera was lost"]
    assert not reader.truncated


def test_a_second_recording_goes_on_in_the_same_folder(tmp_path):
    recorded(tmp_path, np.arange(5) / 15)
    recorded(tmp_path, 3 + np.arange(5) / 15)
    assert segments(tmp_path) == ["000001.mov", "000002.mov"]
    _, times_s, reader = read(tmp_path)
    assert times_s[5] == 3.0
    assert reader.warnings == ["2.7 s are missing after 0.3 s: recording was off"]


def test_a_recording_of_matroska_files_as_they_were_at_first_is_read_and_gone_on_with(tmp_path):
    with Recorder(tmp_path / "000001.mkv", WIDTH, HEIGHT, 15) as recorder:
        for index in range(4):
            recorder.write(picture(index), index / 15)
    recorded(tmp_path, 2 + np.arange(3) / 15)
    assert segments(tmp_path) == ["000001.mkv", "000002.mov"]
    images, _, _ = read(tmp_path)
    written = [picture(index) for index in (0, 1, 2, 3, 0, 1, 2)]
    assert all(np.array_equal(image, whole) for image, whole in zip(images, written, strict=True))


def test_a_clock_that_goes_back_begins_a_segment(tmp_path):
    recorded(tmp_path, [*np.arange(5) / 15, *np.arange(30) / 15])
    images, times_s, reader = read(tmp_path)
    assert len(images) == 35
    assert np.all(np.diff(times_s) > 0)
    assert times_s[-1] == pytest.approx(34 / 15)
    assert reader.warnings == ["the clock began anew at segment 2: it was put right after the one before"]


def test_another_size_is_another_recording_in_the_folder(tmp_path):
    recorded(tmp_path, np.arange(5) / 15)
    recorded(tmp_path, 1 + np.arange(5) / 15, width=64)
    images, _, reader = read(tmp_path)
    assert len(images) == 5
    assert reader.truncated
    assert reader.warnings[-1] == "the picture size changes at segment 2: stopped there"
    with open_source(tmp_path / "000002.mov", um_per_px=0.5) as source:
        assert len(list(source)) == 5


@pytest.mark.parametrize("harm", ["gone", "hurt", "torn"])
def test_a_segment_that_was_harmed_costs_only_itself(tmp_path, harm):
    recorded(tmp_path, np.arange(60) / 15)
    path = tmp_path / "000002.mov"
    content = bytearray(path.read_bytes())
    if harm == "gone":
        path.unlink()
    else:
        content[len(content) // 2 : len(content) // 2 + 400] = bytes(400)
        path.write_bytes(content if harm == "hurt" else content[: len(content) // 2])
    images, times_s, reader = read(tmp_path)
    there = [round(time_s * 15) for time_s in times_s]
    assert set(range(60)) - set(there) <= set(range(23, 46))
    assert len(there) < 60
    assert all(np.array_equal(image, picture(index)) for index, image in zip(there, images, strict=True))
    assert reader.truncated
    said = (
        "segment 2 is missing" if harm == "gone" else f"segment 2 is damaged: {len(there) - 37} of 23 frames were read"
    )
    assert reader.warnings == [said]


@pytest.mark.parametrize("journal", ["gone", "edited"])
def test_without_a_journal_the_files_tell(tmp_path, journal):
    recorded(tmp_path, np.arange(60) / 15)
    path = tmp_path / "journal.jsonl"
    path.write_text(path.read_text().replace("15.0", "60.0")) if journal == "edited" else path.unlink()
    images, times_s, reader = read(tmp_path)
    assert len(images) == 60
    assert times_s == pytest.approx(np.arange(60) / 15, abs=0.002)
    assert "its times are those of the files" in reader.warnings[0]


def test_a_recorder_refuses_what_does_not_fit(tmp_path):
    recorder = recorder_in(tmp_path)
    with pytest.raises(ValueError, match=r"expected \(36, 48\), found"):
        recorder.write(Frame(picture(0, 50, 36), 0, 0.0), NOON)
    recorder.close()
    recorder.close()
    with pytest.raises(ValueError, match="found one that is closed"):
        record(recorder, [1.0])


def test_figures_while_it_runs(tmp_path):
    recorder = recorder_in(tmp_path)
    assert (recorder.segment, recorder.recorded_s) == (0, 0.0)
    record(recorder, np.arange(45) / 15)
    assert recorder.segment == 2
    assert recorder.recorded_s == pytest.approx(3.0)
    recorder.close()
    assert recorder.recorded_s == pytest.approx(3.0)
    written = sum((tmp_path / name).stat().st_size for name in segments(tmp_path))
    assert recorder.bytes_per_s == pytest.approx(written / 3.0)
    assert recorder.disk_left_s > 0


def test_nothing_in_the_journal_names_a_person_or_a_place(tmp_path):
    recorded(tmp_path / "Yamada Hanako", np.arange(5) / 15)
    assert "Yamada" not in (tmp_path / "Yamada Hanako" / "journal.jsonl").read_text(encoding="utf-8")


# --- disks ---


@pytest.fixture
def small_disk(tmp_path):
    """Makes a file system of so many bytes; only where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        if sys.platform != "linux" or os.geteuid() != 0:
            pytest.skip("only root may mount a small file system")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True)
        if done.returncode:
            pytest.skip("a small file system cannot be mounted here")
        return place

    yield mount
    if sys.platform == "linux":
        subprocess.run(["umount", str(place)], capture_output=True)


def test_a_read_only_folder_is_told_at_once(small_disk):
    place = small_disk("ro")
    begun = time.process_time()
    with pytest.raises(OSError, match="no recording: the folder is read-only"):
        recorder_in(place / "video")
    assert time.process_time() - begun < 1.0


def test_too_little_room_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(OSError, match="no recording: the disk has room for") as caught:
        recorder_in(tmp_path, rules=DiskRules(refuse_s=1e12))
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_it_stops_cleanly_before_the_disk_is_full(small_disk):
    place = small_disk("size=8m")
    recorder = recorder_in(place, 320, 240, rules=DiskRules(warn_s=1e9, refuse_s=0, reserve_bytes=4 << 20))
    assert "the disk is full in" in recorder.warning
    with pytest.raises(OSError, match="the recording stopped: the disk is nearly full"):
        record(recorder, itertools.count(0, 1 / 15))
    assert describe(place, verify=True).lines == ()
    assert os.statvfs(place).f_bavail * os.statvfs(place).f_frsize > 3 << 20
    assert rows(place, "ended") == [{"kind": "ended", "reason": "the disk is nearly full"}]


def refused(recorder, index):
    """What is said where the frame cannot be recorded, None where it can."""
    try:
        record(recorder, [index / 15], first=index)
    except OSError as error:
        return error.strerror
    return None


@pytest.mark.parametrize("taken_kb", range(0, 2000, 250))
def test_a_disk_that_fills_up_leaves_valid_files(small_disk, taken_kb):
    """Something else writes, too: the room ends in the middle of a segment, wherever that is."""
    place = small_disk("size=4m")
    (place / "other").write_bytes(bytes(taken_kb * 1024))
    recorder = recorder_in(place / "video", 320, 240)
    written, error, begun = 0, None, time.process_time()
    while error is None:
        begun = time.process_time()  # of this process alone: the machine may be busy
        error = refused(recorder, written)
        written += 1
    assert time.process_time() - begun < 1.0
    assert error in ("the recording stopped: the disk is full", "the recording stopped: the disk is nearly full")
    found = describe(place / "video", verify=True)
    assert (found.ended, found.lines) == (True, ())
    images, times_s, reader = read(place / "video")
    assert (reader.warnings, reader.truncated) == ([], False)
    assert times_s == [index / 15 for index in range(len(images))]
    assert written - len(images) <= 2
    assert all(np.array_equal(image, picture(index, 320, 240)) for index, image in enumerate(images))
    assert all(not name.endswith(".part") for name in segments(place / "video"))


# --- kills ---


@pytest.mark.parametrize("kills", [5, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_any_moment_all_but_two_seconds_are_there(tmp_path, kills):
    killed = kill_at_random(tmp_path, kills, seed=kills)
    assert len(killed) == kills
    assert sum(kill.damaged for kill in killed) == 0
    assert max(kill.missing_s for kill in killed) <= 2.0
    assert max(kill.closed_missing_s for kill in killed) <= 2.0
    assert all(kill.said for kill in killed)
    assert sum(kill.segments for kill in killed) > kills


def test_a_killed_recording_says_so(tmp_path):
    recorder = recorder_in(tmp_path)
    record(recorder, np.arange(40) / 15)
    images, _, reader = read(tmp_path)  # as after a kill: the second segment was never closed
    assert len(images) >= 38
    assert reader.truncated
    cut_off = "the recording was cut off; what was recorded before can be read"
    assert reader.warnings == [f"segment 2 was cut off: {len(images) - 23} frames of it were read", cut_off]
    found = describe(tmp_path)
    assert not found.ended
    assert found.lines == (cut_off,)
    recorder.close()


def test_the_journal_is_chained(tmp_path):
    recorded(tmp_path, np.arange(40) / 15)
    path = tmp_path / "journal.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    kinds = [json.loads(json.loads(line)["row"])["kind"] for line in lines]
    assert kinds == ["started", "opened", "segment", "opened", "segment", "ended"]
    path.write_text("\n".join(lines[:1] + lines[3:]) + "\n", encoding="utf-8")
    assert "was changed or damaged" in describe(tmp_path).lines[0]
