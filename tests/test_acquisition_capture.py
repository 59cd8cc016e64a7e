"""Small parts of a live run: its pace, its meters, its notes."""

import threading
import time
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from cameras import Camera, grey

from spermscope.acquisition.capture import Capture, Opening, _Dark, _Pace
from spermscope.acquisition.meter import LOOKED_BACK_S, Meter
from spermscope.acquisition.notes import Notes
from spermscope.journal import read_journal


def test_a_frame_comes_when_it_is_due_never_before_and_a_late_one_at_once():
    pace, begun_s = _Pace(threading.Event()), time.monotonic()
    first = pace.wait(5.0)
    assert all(pace.wait(5.0 + due_s) - begun_s >= due_s - 1e-3 for due_s in (0.05, 0.1, 0.15))
    time.sleep(0.3)
    zero_s = pace._zero_s
    assert pace.wait(5.2) >= first + 0.3
    assert pace._zero_s == zero_s


def test_playback_that_is_far_behind_does_not_hurry_after():
    pace = _Pace(threading.Event())
    pace._zero_s = time.monotonic() - 10.0
    first = pace.wait(1.0)
    assert pace.wait(1.1) - first > 0.08


def test_a_stop_ends_the_wait():
    stop = threading.Event()
    pace = _Pace(stop)
    pace.wait(0.0)
    threading.Timer(0.1, stop.set).start()
    begun_s = time.monotonic()
    pace.wait(30.0)
    assert time.monotonic() - begun_s < 2.0


class Received:
    """What a capture tells; ``enough`` frames stop it."""

    def __init__(self, enough):
        self.enough, self.sources, self.frames, self.lines = enough, [], [], []
        self.capture = None

    def on_source(self, source, calibration):
        self.sources.append(source)

    def on_frame(self, taken):
        self.frames.append(taken)
        if len(self.frames) == self.enough:
            self.capture.stop()

    def on_lost(self, reason):
        self.lines.append(reason)

    def on_back(self, after_s):
        self.lines.append("back")

    def on_told(self, line):
        self.lines.append(line)


def captured(camera, enough):
    received = Received(enough)
    opening = Opening("camera:0", lambda: camera, 0.4, None, None)
    received.capture = capture = Capture(opening, received, paced=True)
    capture.run()
    return received, capture


def test_a_fast_camera_is_captured_whole():
    received, capture = captured(Camera(grey(240, step_s=1 / 120), rate_hz=120.0), 240)
    assert [taken.frame.index for taken in received.frames] == list(range(240))
    assert (capture.captured, capture.dropped) == (240, 0)
    assert received.sources[0].profile.rate_hz == pytest.approx(120.0, rel=0.01)
    waits = [(datetime.now(UTC) - taken.taken_utc).total_seconds() for taken in received.frames]
    assert all(0.0 <= later <= before for before, later in pairwise(waits))


@pytest.mark.parametrize("states_hz", [0.0, float("nan")])
def test_a_camera_that_states_no_rate_is_timed_by_its_frames(states_hz):
    received, _ = captured(Camera(grey(40, step_s=1 / 30), rate_hz=30.0, states_hz=states_hz), 40)
    assert received.sources[0].profile.rate_hz == pytest.approx(30.0, rel=0.05)


def test_another_size_is_another_source_whose_frames_go_on():
    pictures = [*grey(40), *grey(40, shape=(60, 80), first_s=40 / 60)]
    received, _ = captured(Camera(pictures, rate_hz=60.0), 80)
    assert [(source.profile.width_px, source.profile.height_px) for source in received.sources] == [(64, 48), (80, 60)]
    assert [taken.frame.index for taken in received.frames] == list(range(80))
    times = [taken.frame.time_s for taken in received.frames]
    assert all(before < after for before, after in pairwise(times))
    assert times[-1] == pytest.approx(79 / 60, abs=0.3)
    assert received.frames[39].profile is not received.frames[40].profile


def test_a_given_scale_holds_for_the_first_size_alone():
    sizes = [(48, 64), (60, 80), (48, 64)]
    pictures = [
        picture for part, shape in enumerate(sizes) for picture in grey(40, shape=shape, first_s=part * 40 / 60)
    ]
    received, _ = captured(Camera(pictures, rate_hz=60.0), 120)
    assert [source.profile.scale.source for source in received.sources] == ["given", "estimated", "given"]


def test_black_pictures_are_told():
    black = [(np.zeros((48, 64), np.uint8), number / 60) for number in range(120)]
    received, _ = captured(Camera(black, rate_hz=60.0), 120)
    assert received.lines == ["the picture is empty: light, shutter, cable?"]


def test_darkness_is_told_once_for_each_time():
    dark, black, lit = _Dark(), np.full((64, 64), 2, np.uint8), np.arange(4096, dtype=np.uint8).reshape(64, 64)
    lit[::16, ::16] = [[0], [50], [90], [120]]
    said = [bool(dark.line(black if 1.0 <= t < 4.0 or t >= 5.0 else lit, t)) for t in np.arange(0.0, 8.0, 0.1)]
    assert sum(said) == 2
    assert said.index(True) == 20


def test_rates_and_medians_are_those_of_the_last_seconds():
    meter, now_s = Meter(), time.monotonic()
    assert np.isnan(meter.rate_hz)
    assert np.isnan(meter.median)
    for number in range(300):
        meter.add(now_s - (299 - number) / 30.0, float(number))
    assert meter.rate_hz == pytest.approx(30.0, rel=0.05)
    assert meter.median == pytest.approx(299 - 15 * LOOKED_BACK_S, abs=3)


def test_notes_are_chained_from_any_thread_and_end(tmp_path):
    notes = Notes(tmp_path / "events.jsonl")
    assert not (tmp_path / "events.jsonl").exists()
    writers = [threading.Thread(target=lambda: [notes.add("flag", n=n, who="op1") for n in range(5)]) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    notes.close()
    rows = read_journal(tmp_path / "events.jsonl")
    assert len(rows) == 20
    assert {row["kind"] for row in rows} == {"flag"}
    assert all(row["when"].endswith("+00:00") for row in rows)
    with pytest.raises(ValueError, match="has ended"):
        notes.add("flag")
