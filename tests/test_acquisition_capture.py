"""Small parts of a live run: its pace, its meters, its notes."""

import threading
import time

import numpy as np
import pytest

from spermscope.acquisition.capture import _Dark, _Pace
from spermscope.acquisition.meter import LOOKED_BACK_S, Meter
from spermscope.acquisition.notes import Notes
from spermscope.journal import read_journal


def test_a_frame_comes_when_it_is_due_and_a_late_one_at_once():
    pace = _Pace(threading.Event())
    came = [pace.wait(time_s) for time_s in (5.0, 5.05, 5.1)]
    np.testing.assert_allclose(np.diff(came), 0.05, atol=0.02)
    time.sleep(0.2)
    late = pace.wait(5.15)
    assert late - came[-1] < 0.3
    assert pace.wait(5.4) - came[0] == pytest.approx(0.4, abs=0.05)


def test_playback_that_is_far_behind_does_not_hurry_after():
    pace = _Pace(threading.Event())
    pace._zero_s = time.monotonic() - 10.0
    first = pace.wait(1.0)
    assert pace.wait(1.1) - first == pytest.approx(0.1, abs=0.03)


def test_a_stop_ends_the_wait():
    stop = threading.Event()
    pace = _Pace(stop)
    pace.wait(0.0)
    threading.Timer(0.1, stop.set).start()
    begun_s = time.monotonic()
    pace.wait(30.0)
    assert time.monotonic() - begun_s < 2.0


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
