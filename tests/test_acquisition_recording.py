"""Recording: everything that is given is kept or counted, and trouble ends it in good order."""

import os
import sys
import threading
import time
from datetime import UTC, datetime

import numpy as np
import pytest
from cameras import grey, wait_for

from spermscope.acquisition.capture import Taken
from spermscope.acquisition.recording import BEHIND, MOST_WAITING, Recording
from spermscope.types import Frame, Scale, SourceProfile


class Kept:
    """A disk that keeps frames in memory; ``full_after`` frames it is full, and it waits while ``blocked``."""

    disk_left_s, warning = 100.0, ""

    def __init__(self, full_after=10**9):
        self.rows, self.closed, self.blocked = [], 0, threading.Event()
        self.asked, self.niceness = threading.Event(), []
        self.blocked.set()
        self._full_after = full_after

    @property
    def recorded_s(self):
        return len(self.rows) / 60

    def write(self, frame, taken_utc):
        self.asked.set()
        self.blocked.wait(10.0)
        if len(self.rows) == self._full_after:
            self.close()
            raise OSError(28, "the disk is full")
        self.rows.append(frame.index)
        if sys.platform == "linux":
            self.niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def gap(self, reason):
        self.rows.append(reason)

    def close(self):
        self.closed += 1


def taken(index, shape=(48, 64)):
    image = grey(1, shape)[0][0]
    profile = SourceProfile(shape[1], shape[0], 60.0, Scale(0.5, "given"), 1, 120.0, 3.0)
    return Taken(Frame(image, index, index / 60), time.monotonic(), datetime.now(UTC), profile)


def recording(tmp_path, *disks):
    told, rest = [], list(disks)

    def make(folder, profile):
        disk = rest.pop(0)
        if isinstance(disk, OSError):
            raise disk
        return disk

    return Recording(tmp_path, make, lambda *row: told.append(row)), told


def test_everything_between_on_and_off_is_kept_in_order_with_its_gaps(tmp_path):
    disk = Kept()
    made, told = recording(tmp_path, disk)
    made.put(taken(0))
    made.switch(True)
    for index in range(1, 30):
        made.put(taken(index))
        if index == 9:
            made.gap("lost")
    made.switch(False)
    made.put(taken(99))
    made.end()
    assert disk.rows == [*range(1, 10), "lost", *range(10, 30)]
    assert (disk.closed, made.dropped, made.on) == (1, 0, False)
    assert [kind for kind, _ in told] == ["recording", "recorded"]
    assert made.recorded_s == pytest.approx(30 / 60)


def test_a_disk_that_stalls_costs_counted_frames_and_never_time(tmp_path):
    disk = Kept()
    made, _ = recording(tmp_path, disk)
    made.switch(True)
    disk.blocked.clear()
    begun_s = time.monotonic()
    for index in range(2 * MOST_WAITING):
        made.put(taken(index))
    assert time.monotonic() - begun_s < 1.0
    disk.blocked.set()
    made.end()
    assert len(disk.rows) + made.dropped == 2 * MOST_WAITING
    assert made.dropped >= MOST_WAITING - 1
    assert disk.rows == sorted(disk.rows)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_a_recording_gives_way_to_what_is_shown_until_it_is_late(tmp_path):
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    disk = Kept()
    made, _ = recording(tmp_path, disk)
    made.switch(True)
    disk.blocked.clear()
    made.put(taken(0))
    assert disk.asked.wait(10.0)
    late = 10
    for index in range(1, BEHIND + late):
        made.put(taken(index))
    disk.blocked.set()
    assert wait_for(lambda: len(disk.rows) == BEHIND + late)
    made.end()
    assert disk.rows == list(range(BEHIND + late))
    assert disk.niceness[0] > usual
    assert disk.niceness[1:late] == [usual] * (late - 1)
    assert disk.niceness[-1] > usual


def test_a_full_disk_ends_the_recording_says_so_and_it_can_be_begun_again(tmp_path):
    first, second = Kept(full_after=5), Kept()
    made, told = recording(tmp_path, first, second)
    made.switch(True)
    for index in range(20):
        made.put(taken(index))
    assert wait_for(lambda: not made.on)
    assert wait_for(lambda: told[-1] == ("not_recording", "the recording stopped: the disk is full"))
    made.switch(True)
    made.put(taken(30))
    made.end()
    assert first.rows == list(range(5))
    assert first.closed
    assert second.rows == [30]
    assert made.recorded_s == pytest.approx(6 / 60)


def test_a_recording_that_cannot_begin_says_why(tmp_path):
    made, told = recording(tmp_path, OSError(30, "the folder is read-only"))
    made.switch(True)
    made.put(taken(0))
    assert wait_for(lambda: ("not_recording", "no recording: the folder is read-only") in told)
    assert not made.on
    made.end()


def test_pictures_of_another_size_go_into_a_recorder_of_their_own(tmp_path):
    first, second = Kept(), Kept()
    made, _ = recording(tmp_path, first, second)
    made.switch(True)
    made.put(taken(0))
    made.put(taken(1, shape=(30, 40)))
    made.end()
    assert (first.rows, second.rows) == ([0], [1])
    assert first.closed


def test_one_that_was_never_begun_ends(tmp_path):
    made, told = recording(tmp_path)
    made.end()
    assert told == []
    assert np.isnan(made.disk_left_s)
