"""Drift, jumps, cuts and stillness, on scenes whose stage is known, and on the real clip's one cut."""

from pathlib import Path

import numpy as np
import pytest

from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.stage import StageFollower
from spermscope.types import Frame
from spermscope.video import open_source

CLIP = Path(__file__).resolve().parents[2] / "shared" / "data" / "visem52" / "visem52_dev.mp4"


def follow(parameters):
    scene = Scene(SceneSettings.parse(f"width_px=480,height_px=360,{parameters}"))
    follower = StageFollower(scene.settings.um_per_px)
    places = [follower.step(Frame(image, index, time_s)) for index, time_s, image, _ in scene.frames()]
    true = np.array([scene.stage_um(index / scene.settings.fps) for index in range(len(places))])
    return places, np.array([(p.x_um, p.y_um) for p in places]), true


def test_a_drift_is_followed_to_a_fraction_of_a_micrometre_a_second():
    places, found, true = follow("cells=20,drift_um_s=5,fps=15,duration_s=6,seed=41")
    late = slice(30, None)
    speed = (found[-1] - found[30]) / (59 / 15)
    wanted = (true[-1] - true[30]) / (59 / 15)
    assert np.hypot(*(speed - wanted)) < 0.3
    assert np.abs(found[late] - true[late]).max() < 1.0
    assert {p.state for p in places[late]} == {"drift"}
    assert {p.field for p in places} == {0}


def test_many_swimmers_are_not_taken_for_a_drift():
    _, found, _ = follow("cells=60,fps=15,duration_s=4,debris=0,immotile=0,nonprogressive=0,seed=42")
    assert np.abs(found).max() < 0.5


def test_a_still_stage_with_movers_does_not_wander():
    _, found, _ = follow("cells=20,fps=15,duration_s=6,seed=43")
    assert np.abs(found[-1]).max() < 0.6


def test_a_new_field_ends_the_old_one_at_the_right_frame():
    places, _, _ = follow("cells=20,fps=15,duration_s=3,jump_at_s=2,seed=44")
    assert [p.field for p in places] == [0] * 30 + [1] * 15
    assert places[30].state in ("cut", "jump")


def test_flicker_and_a_repeated_frame_are_no_cut():
    scene = Scene(SceneSettings.parse("width_px=480,height_px=360,cells=15,fps=15,duration_s=2,seed=45"))
    follower, fields = StageFollower(0.45), []
    frames = [image for _, _, image, _ in scene.frames()]
    for index in range(30):
        image = frames[index - (index == 11)].astype(float) * (1.0 + 0.25 * (index % 7 == 3))
        fields.append(follower.step(Frame(np.clip(image, 0, 255).astype(np.uint8), index, index / 15)).field)
    assert set(fields) == {0}


@pytest.mark.parametrize("shape", [(1, 1), (12, 12), (200, 300)])
def test_a_flat_picture_lies_where_it_lay(shape):
    follower = StageFollower(0.4)
    for index in range(3):
        place = follower.step(Frame(np.full(shape, 90, np.uint8), index, index / 15))
        assert (place.field, place.x_um, place.y_um) == (0, 0.0, 0.0)


def test_focus_falls_when_the_picture_is_blurred():
    import cv2

    image = Scene(SceneSettings.parse("width_px=300,height_px=300,cells=10,seed=46")).render(0.0)
    sharp = StageFollower(0.4).step(Frame(image, 0, 0.0)).focus
    soft = StageFollower(0.4).step(Frame(cv2.GaussianBlur(image, (0, 0), 2.0), 0, 0.0)).focus
    assert sharp > 2 * soft


@pytest.mark.real
def test_the_real_clip_has_one_cut_at_frame_428():
    if not CLIP.is_file():
        pytest.skip(f"the recording {CLIP.name} does not lie beside the checkout")
    with open_source(CLIP) as source:
        follower = StageFollower(source.profile.scale.um_per_px)
        places = [follower.step(frame) for frame in source]
    changes = [index for index in range(1, len(places)) if places[index].field != places[index - 1].field]
    assert changes == [428]
