"""Drift, jumps, cuts and stillness, on scenes whose stage is known, and on the real clip's one cut."""

from pathlib import Path

import numpy as np
import pytest

from spermscope.simulate.scene import Scene, SceneSettings, View
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


def travel(views_um, *, seed, **options):
    """Places found on a way over one ground, 300 x 216 um a view at 15 frames a second, and the true ones."""
    asked = ",".join(f"{name}={value}" for name, value in options.items())
    world = f"width_px=720,height_px=560,um_per_px=0.9,fps=15,duration_s=10,debris=1,seed={seed},{asked}"
    scene, follower = Scene(SceneSettings.parse(world)), StageFollower(0.9)
    places = []
    for index, (x_um, y_um) in enumerate(views_um):
        image = scene.render(index / 15, View(x_um, y_um, 320, 240, 0.9))
        places.append(follower.step(Frame(image, index, index / 15)))
    return places


def test_ground_that_is_seen_again_gets_its_number_and_place_back():
    home, beside, far = (0.0, 0.0), (120.0, 70.0), (330.0, 280.0)
    near_home, near_far = (14.0, -9.0), (180.0, 280.0)
    way = [home] * 12 + [beside] * 3 + [far] * 3 + [near_home] * 3 + [near_far] * 3
    places = travel(way, seed=47, cells=60)
    seen = [places[index] for index in (0, 12, 15, 18, 21)]
    assert [index for index, place in enumerate(places) if place.state in ("jump", "cut")] == [12, 15, 18, 21]
    assert [place.state for place in seen] == ["start", "jump", "cut", "cut", "cut"]
    assert [place.field for place in seen] == [0, 1, 2, 0, 3]
    # How the far field lies to the first one was never seen: it begins a map of its own, with its own origin.
    assert [place.map for place in seen] == [0, 0, 1, 0, 1]
    for place, true in zip(seen, (home, beside, (0.0, 0.0), near_home, (-150.0, 0.0)), strict=True):
        assert (place.x_um, place.y_um) == pytest.approx(true, abs=0.6)


def test_a_push_of_a_few_micrometres_more_than_a_drift_is_a_jump_within_the_field():
    places = travel([(0.0, 0.0)] * 12 + [(20.0, 8.0)] * 3, seed=48, cells=20)
    assert [place.state for place in places[12:]] == ["jump", "still", "still"]
    assert (places[12].field, places[12].map) == (0, 0)
    assert (places[12].x_um, places[12].y_um) == pytest.approx((20.0, 8.0), abs=0.6)


def test_a_blank_frame_in_between_is_no_cut():
    scene = Scene(SceneSettings.parse("width_px=320,height_px=240,um_per_px=0.9,fps=15,seed=49"))
    follower = StageFollower(0.9)
    for index in range(12):
        image = np.full((240, 320), 7, np.uint8) if index in (6, 7) else scene.render(index / 15)
        place = follower.step(Frame(image, index, index / 15))
        assert (place.field, place.map) == (0, 0)


def test_noise_alone_has_no_cuts():
    rng, follower = np.random.default_rng(50), StageFollower(0.9)
    for index in range(20):
        image = np.clip(rng.normal(110, 4, (240, 320)), 0, 255).astype(np.uint8)
        assert follower.step(Frame(image, index, index / 15)).field == 0


@pytest.mark.parametrize("shape", [(1, 1), (12, 12), (200, 300)])
def test_a_flat_picture_lies_where_it_lay(shape):
    follower = StageFollower(0.4)
    for index in range(3):
        place = follower.step(Frame(np.full(shape, 90, np.uint8), index, index / 15))
        assert (place.field, place.x_um, place.y_um) == (0, 0.0, 0.0)
        assert place.state == ("still" if index else "start")


@pytest.mark.real
def test_the_real_clip_has_one_cut_at_frame_428():
    if not CLIP.is_file():
        pytest.skip(f"the recording {CLIP.name} does not lie beside the checkout")
    with open_source(CLIP) as source:
        follower = StageFollower(source.profile.scale.um_per_px)
        places = [follower.step(frame) for frame in source]
    changes = [index for index in range(1, len(places)) if places[index].field != places[index - 1].field]
    assert changes == [428]
