"""The shipped scale network on simulated scenes: what it reads, and how much it claims; all hangs on its weights."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.video import open_source
from spermscope.video.probe import probe
from spermscope.video.scale import estimate_scale
from spermscope.video.source import DOUBTFUL

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


def scene(um_per_px, optics="phase", **more):
    asked = {"cells": 30, "seed": 31} | more
    made = Scene(SceneSettings(um_per_px=um_per_px, optics=optics, duration_s=1.0, **asked))
    return [made.render(time_s) for time_s in (0.0, 0.5)]


def write(folder, images):
    folder.mkdir(exist_ok=True)
    for number, image in enumerate(images, len(list(folder.iterdir()))):
        cv2.imwrite(str(folder / f"{number}.png"), image)


@pytest.mark.parametrize("optics", ["phase", "brightfield", "hoffman"])
@pytest.mark.parametrize("um_per_px", [0.18, 0.3, 0.7])
def test_simulated_scenes(um_per_px, optics):
    found = estimate_scale(scene(um_per_px, optics))
    assert found.source == "estimated"
    assert abs(found.um_per_px / um_per_px - 1) < 0.35
    assert abs(um_per_px / found.um_per_px - 1) < found.relative_error < 0.9


@pytest.mark.parametrize(("optics", "polarity"), [("phase", 1), ("brightfield", -1)])
@pytest.mark.parametrize("um_per_px", [0.25, 0.45, 0.8])
def test_polarity_is_found_at_the_estimated_scale(um_per_px, optics, polarity):
    assert probe(scene(um_per_px, optics), [0.0, 0.5], None).polarity == polarity


def test_one_picture_is_enough():
    assert estimate_scale(scene(0.3)[:1]).um_per_px == pytest.approx(0.3, rel=0.35)


def test_a_picture_that_is_shrunk_has_larger_pixels():
    images = scene(0.25, width_px=960, height_px=720)
    shrunk = [cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for image in images]
    ratio = estimate_scale(shrunk).um_per_px / estimate_scale(images).um_per_px
    assert ratio == pytest.approx(2.0, rel=0.25)


def test_a_picture_that_is_turned_over_has_the_same_scale():
    images = scene(0.35, "brightfield")
    turned = estimate_scale([255 - image for image in images])
    assert turned.um_per_px == pytest.approx(estimate_scale(images).um_per_px, rel=0.35)


@pytest.mark.parametrize("debris", [0.0, 2.0])
def test_pictures_without_sperm_claim_little(debris):
    found = estimate_scale(scene(0.4, cells=0, debris=debris))
    assert found.relative_error >= DOUBTFUL


def test_noise_claims_little():
    rng = np.random.default_rng(4)
    noise = [np.clip(rng.normal(100, 6, (240, 320)), 0, 255).astype(np.uint8) for _ in range(6)]
    assert estimate_scale(noise).relative_error >= DOUBTFUL


@pytest.mark.slow
def test_stills_of_two_sizes_have_each_their_own_scale(tmp_path):
    for seed in range(3):
        write(tmp_path / "in", scene(0.3, width_px=640, height_px=400, seed=seed)[:1])
        write(tmp_path / "in", scene(0.6, width_px=480, height_px=480, seed=seed)[:1])
    with open_source(tmp_path / "in", stills=True) as source:
        wide, square = (source.scale_of(np.zeros(shape, np.uint8)).um_per_px for shape in ((400, 640), (480, 480)))
    assert wide == pytest.approx(0.3, rel=0.35)
    assert square == pytest.approx(0.6, rel=0.35)


@pytest.mark.slow
def test_a_still_through_another_objective_has_its_own_scale(tmp_path):
    for seed in range(5):
        write(tmp_path / "in", scene(0.3, width_px=640, height_px=480, seed=seed)[:1])
    write(tmp_path / "in", scene(0.7, width_px=640, height_px=480, seed=5)[:1])
    with open_source(tmp_path / "in", stills=True) as source:
        *shared, own = [source.scale_of(frame.image) for frame in source]
        assert set(shared) == {source.profile.scale}
        assert own.um_per_px == pytest.approx(0.7, rel=0.35)
        assert source.warnings == ["some images show another scale than others of their size: each is read at its own"]


@pytest.mark.real
def test_the_real_clip():
    path = REAL / "visem52" / "visem52_dev.mp4"
    if not path.exists():
        pytest.skip("needs ../shared/data/visem52, which is not beside this checkout")
    with open_source(path) as source:
        assert 0.40 <= source.profile.scale.um_per_px <= 0.55
        assert source.warnings == []
