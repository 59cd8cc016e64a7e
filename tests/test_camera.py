"""The simulated camera does to a picture what its words say, and nothing when told nothing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spermscope.simulate.camera import Camera, coded
from spermscope.simulate.optics import Optics
from spermscope.simulate.scene import Scene, SceneSettings

QUIET = Optics(noise_sigma=0.0, gradient=0.0, vignetting=0.0)
FIELD = "width_px=200,height_px=161,um_per_px=0.5,cells=8,debris=1,fps=25,duration_s=1,seed=4"


def scene_of(more="", **camera):
    return Scene(SceneSettings.parse(FIELD + more), optics=QUIET, camera=Camera(**camera))


@given(st.floats(0, 0.9), st.floats(0, 0.9), st.integers(1, 80), st.integers(0, 99))
def test_of_the_due_frames_some_arrive_in_order_and_show_no_later_time(dropped, repeated, count, seed):
    schedule = np.array(Camera(dropped=dropped, repeated=repeated, seed=seed).schedule(count, 25.0))
    due, shown = schedule.T
    assert schedule[0].tolist() == [0.0, 0.0]
    assert np.isin(due, np.arange(count) / 25.0).all()
    assert (np.diff(due) > 0).all()
    assert (np.diff(shown) >= 0).all()
    assert (shown <= due).all()


def test_frames_are_lost_and_shown_again_in_the_share_that_was_asked_for():
    schedule = np.array(Camera(dropped=0.2, repeated=0.1).schedule(5000, 50.0))
    assert len(schedule) / 5000 == pytest.approx(0.8, abs=0.02)
    assert np.mean(schedule[:, 1] < schedule[:, 0]) == pytest.approx(0.1, abs=0.02)


def test_a_repeated_frame_is_the_frame_before():
    frames = [image for _, _, image, _ in scene_of(repeated=0.5, seed=3).frames()]
    same = [np.array_equal(a, b) for a, b in pairwise(frames)]
    assert 0.2 < np.mean(same) < 0.8


def test_interlaced_rows_are_half_a_frame_apart():
    ideal, combed = scene_of(), scene_of(interlaced=True)
    picture = combed.render(0.2)
    np.testing.assert_array_equal(picture[::2], ideal.render(0.2)[::2])
    np.testing.assert_array_equal(picture[1::2], ideal.render(0.22)[1::2])


def test_a_rolling_exposure_shows_lower_rows_later_and_still_things_unbent():
    flat, rolled = scene_of(",clutter=5").render(0.2), scene_of(",clutter=5", rolling_s=1e-6).render(0.2)
    assert np.abs(flat.astype(int) - rolled).max() <= 1
    moving, late = scene_of(rolling_s=0.03).render(0.2), scene_of().render(0.2 + 0.03 * 7 / 8)
    np.testing.assert_array_equal(moving[121:], late[121:])


def test_dust_lies_on_the_sensor_and_not_in_the_sample():
    clean, dusty = scene_of(), scene_of(dust=6)
    ratio = [dusty.render(t).astype(float) / clean.render(t) for t in (0.0, 0.9)]
    assert ratio[0].min() < 0.97
    np.testing.assert_allclose(ratio[0], ratio[1], atol=0.02)


def test_the_lamp_beats_with_the_frame_rate():
    camera = Camera(flicker=0.1, mains_hz=50.0)
    levels = [float(camera.light((4, 4), t).mean()) for t in np.arange(0, 1, 1 / 90)]
    # 100 Hz seen 90 times a second looks like 10 Hz.
    spectrum = np.abs(np.fft.rfft(np.array(levels) - 1.0))
    assert np.argmax(spectrum) == 10
    assert np.ptp(levels) == pytest.approx(0.2, rel=0.05)


def test_an_ideal_camera_changes_nothing():
    assert Camera().light((8, 8), 0.3) is None
    assert Camera().schedule(3, 10.0) == [(0.0, 0.0), (0.1, 0.1), (0.2, 0.2)]


def test_h264_keeps_number_and_odd_size_and_loses_more_at_a_higher_factor():
    frames = [scene_of().render(t) for t in (0.0, 0.04, 0.08)]
    far = {crf: np.mean([np.abs(a.astype(float) - b).mean() for a, b in zip(frames, coded(frames, crf), strict=True)])
           for crf in (12, 24, 38)}  # fmt: skip
    assert far[12] < 1.5
    assert far[12] < far[24] < far[38]
