"""A camera that is lost, hangs, lies about its times or changes its size: noticed, sought, and put right."""

import math
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from cameras import Camera, grey, wait_for

from spermscope.acquisition.feed import INBOX, Feed


class Told:
    def __init__(self):
        self.lost, self.back, self.lines = [], [], []

    def on_lost(self, reason):
        self.lost.append((time.monotonic(), reason))

    def on_back(self, after_s):
        self.back.append((time.monotonic(), after_s))


def feed_of(first, *later):
    """A feed over cameras that are opened one after the other; an error instead of a camera is raised."""
    told, rest = Told(), list(later)

    def again():
        found = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(found, Exception):
            raise found
        return found

    return Feed(first, again, on_lost=told.on_lost, on_back=told.on_back, on_told=told.lines.append), told


def read(feed, count):
    """The first ``count`` pictures: images, times, and when they had arrived."""
    found = []
    for image, time_s in feed.pictures():
        found.append((image, time_s, feed.taken_s.popleft()))
        if len(found) == count:
            break
    return found


def test_every_picture_comes_in_order_with_the_cameras_own_steps():
    pictures = grey(40, first_s=7.0)
    feed, told = feed_of(Camera(pictures, hangs=True), ValueError("gone"))
    found = read(feed, 40)
    feed.close()
    assert all(np.array_equal(image, given) for (image, _, _), (given, _) in zip(found, pictures, strict=True))
    times = np.array([time_s for _, time_s, _ in found])
    np.testing.assert_allclose(np.diff(times), 1 / 60, atol=1e-9)
    taken = [taken_s for _, _, taken_s in found]
    assert all(before < after for before, after in pairwise(taken))
    assert (feed.arrived, feed.dropped) == (40, 0)
    assert told.lost == []


def test_a_camera_that_ends_is_lost_at_once_and_found_again_within_two_seconds():
    second = Camera(grey(200, first_s=0.0), hangs=True)
    feed, told = feed_of(Camera(grey(20, first_s=500.0), error=OSError("unplugged")), ValueError("none"), second)
    found = read(feed, 30)
    ended_s = found[19][2]
    feed.close()
    assert told.lost[0][1] == "unplugged"
    assert told.lost[0][0] - ended_s < 1.5
    assert len(told.back) == 1
    assert 0.9 < told.back[0][1] < 2.0
    times = [time_s for _, time_s, _ in found]
    assert all(before < after for before, after in pairwise(times))
    # The second camera's clock began anew; the gap is as long as it was on the computer's.
    assert times[20] - times[19] == pytest.approx(found[20][2] - found[19][2], abs=0.2)


def test_a_camera_that_hangs_is_lost_within_a_second_and_let_go_of():
    first = Camera(grey(20), hangs=True)
    feed, told = feed_of(first, Camera(grey(200), hangs=True))
    found = read(feed, 25)
    feed.close()
    assert "no picture for" in told.lost[0][1]
    assert told.lost[0][0] - found[19][2] < 1.5
    assert len(told.back) == 1


def test_a_slow_camera_is_not_lost():
    feed, told = feed_of(Camera(grey(8, step_s=0.4), rate_hz=2.5, hangs=True), ValueError("none"))
    assert len(read(feed, 8)) == 8
    feed.close()
    assert told.lost == []


def test_a_clock_that_jumps_back_repeats_or_stands_still_is_put_right_and_told_once():
    pictures = grey(60)
    lying = [(image, said_s - (50.0 if number > 20 else 0.0)) for number, (image, said_s) in enumerate(pictures)]
    lying[40] = (lying[40][0], lying[39][1])
    feed, told = feed_of(Camera(lying, hangs=True), ValueError("none"))
    found = read(feed, 60)
    feed.close()
    times = np.array([time_s for _, time_s, _ in found])
    taken = np.array([taken_s for _, _, taken_s in found])
    assert (np.diff(times) > 0).all()
    np.testing.assert_allclose(times, taken - taken[0], atol=0.15)
    assert len(told.lines) == 1


def test_a_camera_without_times_has_those_of_arrival():
    feed, told = feed_of(Camera([(image, math.nan) for image, _ in grey(20)], hangs=True), ValueError("none"))
    found = read(feed, 20)
    feed.close()
    taken = np.array([taken_s for _, _, taken_s in found])
    np.testing.assert_allclose([time_s for _, time_s, _ in found], taken - taken[0], atol=1e-6)
    assert told.lines == []


def test_another_size_ends_a_pass_and_begins_the_next():
    camera = Camera([*grey(10), *grey(10, shape=(30, 40), first_s=10 / 60)], hangs=True)
    feed, _ = feed_of(camera, ValueError("none"))
    first = list(feed.pictures())
    assert len(first) == 10
    assert feed.resized
    rest = [next(second) for second in [feed.pictures()] for _ in range(10)]
    feed.close()
    assert not feed.resized
    assert {image.shape for image, _ in rest} == {(30, 40)}
    assert rest[0][1] > first[-1][1]


def test_a_camera_never_waits_for_who_reads():
    pictures = grey(2 * INBOX, step_s=1 / 1000)
    feed, _ = feed_of(Camera(pictures, rate_hz=1000.0, hangs=True), ValueError("none"))
    assert wait_for(lambda: feed.arrived == 2 * INBOX)
    assert feed.dropped == INBOX
    assert np.array_equal(read(feed, 1)[0][0], pictures[0][0])
    feed.close()


def test_closing_ends_a_reader_who_waits_and_lets_go_of_the_camera():
    camera = Camera(grey(400), rate_hz=60.0)
    feed, _ = feed_of(camera, ValueError("none"))
    reader = threading.Thread(target=lambda: list(feed.pictures()))
    reader.start()
    time.sleep(0.1)
    feed.close()
    reader.join(5.0)
    assert not reader.is_alive()
    assert camera.closed.wait(5.0)


def test_what_was_counted_before_the_end_is_still_given():
    feed, _ = feed_of(Camera(grey(400), rate_hz=200.0), ValueError("none"))
    assert wait_for(lambda: feed.arrived >= 20)
    feed.close()
    assert len(list(feed.pictures())) == feed.arrived - feed.dropped
