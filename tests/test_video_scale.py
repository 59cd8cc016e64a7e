"""The estimated scale: what the network gets, how tiles are pooled, what is concluded, whatever the weights are."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.video import open_source
from spermscope.video.scale import (
    BEST_UM_PER_PX,
    MOST_TILES,
    SIDES_PX,
    TILE_PX,
    UNSEEN,
    WELL,
    Look,
    Pooling,
    bin_centres,
    bin_edges,
    conclude,
    cut_tiles,
    estimate_scale,
    fullness,
    look,
    scale_network,
    see,
    zoomed,
)

BINS = 32
CENTRES = bin_centres(BINS)
EVEN = np.full(BINS, 1 / BINS)


def bell(um_per_px, error):
    """Logits of a tile that reads ``um_per_px`` with a Gaussian error in its logarithm."""
    return (-0.5 * ((CENTRES - np.log(um_per_px)) / error) ** 2).astype(np.float32)


def test_neither_gain_nor_offset_nor_slow_light_changes_the_look():
    rng = np.random.default_rng(0)
    image = np.clip(rng.normal(60, 6, (200, 256)), 0, 255).astype(np.uint8)
    image[90:100, 120:135] += 70
    shade = np.linspace(0, 20, 256)
    changed = np.clip(1.5 * image.astype(float) + shade, 0, 255).astype(np.uint8)
    inside = (slice(50, -50), slice(50, -50))
    assert np.corrcoef(look(image)[inside].ravel(), look(changed)[inside].ravel())[0, 1] > 0.99
    assert np.median(np.abs(look(image))) == pytest.approx(0.25, rel=0.1)


@given(height=st.integers(1, 1200), width=st.integers(1, 1200))
@settings(max_examples=40, deadline=None)
def test_tiles_cover_every_pixel_and_nothing_else(height, width):
    image = np.zeros((height, width), np.uint8)
    tiles = cut_tiles(image)
    for tile in tiles:
        assert tile.shape == (min(height, TILE_PX), min(width, TILE_PX))
        tile[:] = 1
    assert image.all()
    assert len(tiles) == -(-height // TILE_PX) * -(-width // TILE_PX)


@pytest.mark.parametrize("shape", [(1, 1), (1, 190), (100, 192)])
def test_a_small_tile_is_padded_with_background(shape):
    padded = see([np.random.default_rng(0).integers(90, 110, shape).astype(np.uint8)])
    assert padded.shape == (1, 1, TILE_PX, TILE_PX)
    assert np.isfinite(padded).all()
    assert not padded[0, 0, shape[0] :].any()


def pooling_of(*, prior=EVEN, doubt=1e-12, weight=1.0, floor=0.05, steep=5.0, full=0.5):
    return Pooling(prior, doubt, weight, floor, steep, full)


def seen(logits, full=None, zoom=1.0):
    """A look at one picture's tiles; all are as full unless told."""
    return Look(zoom, logits, np.zeros(len(logits)) if full is None else full, float(len(logits)))


def test_tiles_that_agree_tell_what_the_root_of_their_number_tells():
    """Gaussians multiply by adding 1 / variance and blur by adding variances."""
    pooled = pooling_of(weight=0.5, floor=0.2).pool([seen(np.stack([bell(0.4, 0.3)] * 9))])
    expected = norm.pdf(CENTRES, np.log(0.4), np.hypot(0.3 / np.sqrt(0.5 * 3), 0.2))
    np.testing.assert_allclose(pooled, expected / expected.sum(), atol=2e-3)


def test_what_was_common_in_training_is_no_evidence():
    prior = np.exp(bell(0.3, 0.5).astype(float))
    prior /= prior.sum()
    empty = np.log(prior)[None].astype(np.float32)
    pooled = pooling_of(prior=prior, doubt=0.1, floor=0.01).pool([seen(np.repeat(empty, 50, axis=0))])
    np.testing.assert_allclose(pooled, EVEN, atol=1e-6)


def test_one_tile_that_is_sure_and_wrong_does_not_outvote_six():
    heads, dirt = bell(0.5, 0.1), bell(0.12, 0.01)
    pooled = pooling_of(doubt=0.05).pool([seen(np.stack([heads] * 6 + [dirt]))])
    assert conclude(pooled).um_per_px == pytest.approx(0.5, rel=0.03)


def test_two_full_tiles_outvote_a_picture_of_specks():
    tiles = np.stack([bell(0.2, 0.2)] * 2 + [bell(0.4, 0.2)] * 18)
    full = np.where(np.arange(20) < 2, 1.5, 0.0)
    steep = pooling_of(steep=10.0)
    assert conclude(steep.pool([seen(tiles, full)])).um_per_px == pytest.approx(0.2, rel=0.1)
    assert conclude(steep.pool([seen(tiles)])).um_per_px > 0.35


def test_the_same_picture_again_is_no_more_evidence():
    tiles, full = np.stack([bell(um, 0.2) for um in (0.3, 0.35, 0.4)]), np.array([0.9, 0.1, -0.5])
    once = pooling_of().pool([Look(1.0, tiles, full, 3)])
    often = pooling_of().pool([Look(1.0, np.tile(tiles, (10, 1)), np.tile(full, 10), 3)])
    np.testing.assert_allclose(once, often, atol=1e-9)


@given(order=st.permutations(range(5)))
def test_the_order_of_tiles_does_not_matter(order):
    tiles, full = np.stack([bell(um, 0.2) for um in (0.2, 0.3, 0.35, 0.4, 0.9)]), np.linspace(-1, 1, 5)
    order = list(order)
    np.testing.assert_allclose(
        pooling_of().pool([seen(tiles, full)]), pooling_of().pool([seen(tiles[order], full[order])]), atol=1e-9
    )


def test_what_a_zoom_shows_is_the_scale_times_the_zoom():
    pooled = pooling_of().pool([seen(np.stack([bell(0.5, 0.1)] * 4), zoom=0.8)])
    assert conclude(pooled).um_per_px == pytest.approx(0.4, rel=0.02)


@given(um_per_px=st.floats(0.12, 1.0), other=st.floats(0.5, 2.0))
def test_each_scale_is_judged_by_the_zooms_that_show_it_well(um_per_px, other):
    looks = [seen(bell(um_per_px * zoom, 0.3)[None], zoom=zoom) for zoom in (0.8, 1.8)]
    looks[1] = seen(bell(um_per_px * other * 1.8, 0.3)[None], zoom=1.8)
    pooling, expected = pooling_of(), np.empty(BINS)
    for step, scale in enumerate(CENTRES):
        well = [norm.pdf(scale - np.log(look.zoom), np.log(BEST_UM_PER_PX), WELL) for look in looks]
        told = [np.interp(scale - np.log(look.zoom), CENTRES, pooling.told(look)) for look in looks]
        expected[step] = np.average(told, weights=well)
    likely = np.exp(expected - expected.max())
    blur = norm.pdf(CENTRES[:, None], CENTRES, 0.05)
    blurred = (blur / blur.sum(axis=0)) @ likely
    np.testing.assert_allclose(pooling.pool(looks), blurred / blurred.sum(), atol=1e-9)


@pytest.mark.parametrize("side_px", SIDES_PX)
def test_a_zoomed_square_is_a_tile_and_a_smaller_one_its_share(side_px):
    image = np.random.default_rng(0).integers(0, 255, (side_px, side_px // 2)).astype(np.uint8)
    assert zoomed(np.hstack([image, image])[:, :side_px], side_px).shape[0] == TILE_PX
    assert zoomed(image, side_px).shape == (TILE_PX, round(side_px // 2 * TILE_PX / side_px))
    assert zoomed(image[:1, :1], side_px).shape in ((1, 1), (2, 2))


@given(gain=st.floats(0.5, 2.0))
def test_fullness_compares_tiles_whatever_their_contrast(gain):
    rng = np.random.default_rng(0)
    tiles = [rng.normal(0.0, 6.0, (TILE_PX, TILE_PX)) for _ in range(5)]
    tiles[2][80:110, 60:130] += 60.0
    plain, stretched = (
        fullness([np.clip(128 + factor * tile, 0, 255).astype(np.uint8) for tile in tiles]) for factor in (1.0, gain)
    )
    assert plain.argmax() == 2
    assert plain[2] > 1.0
    np.testing.assert_allclose(plain, stretched, atol=0.15)
    assert np.median(plain) == 0.0


@given(um_per_px=st.floats(0.15, 0.6), spread=st.floats(0.1, 0.3))
def test_the_stated_interval_holds_95_percent(um_per_px, spread):
    scale = conclude(np.diff(norm.cdf(bin_edges(BINS), np.log(um_per_px), spread)))
    assert scale.um_per_px == pytest.approx(um_per_px, rel=0.03)
    low, high = (norm.cdf(np.log(1 + side * scale.relative_error) / spread) for side in (-1, 1))
    assert 0.945 <= high - low <= 0.985


def test_where_all_scales_are_as_likely_nothing_is_claimed():
    assert conclude(EVEN) == UNSEEN


def scene(**asked):
    made = Scene(SceneSettings(**({"um_per_px": 0.35, "cells": 20, "seed": 3, "duration_s": 1.0} | asked)))
    return [made.render(time_s) for time_s in (0.0, 0.5)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (2, 3), (300, 400)])
@pytest.mark.parametrize("level", [0, 77, 255])
def test_blank_pictures_tell_nothing(shape, level):
    assert estimate_scale([np.full(shape, level, np.uint8)] * 3) == UNSEEN


@pytest.mark.parametrize("shape", [(2, 3), (9, 700), (31, 31)])
def test_a_tiny_picture_gives_a_scale_with_an_interval(shape):
    found = estimate_scale([np.random.default_rng(1).integers(60, 160, shape).astype(np.uint8)])
    assert found.source == "estimated"
    assert 0.08 <= found.um_per_px <= 1.4
    assert 0.0 < found.relative_error <= 1.0


def test_a_blank_border_is_no_evidence():
    image = scene(width_px=TILE_PX, height_px=2 * TILE_PX)[0]
    bordered = np.vstack([image, np.zeros((3 * TILE_PX, TILE_PX), np.uint8)])
    plain, found = estimate_scale([image]), estimate_scale([bordered])
    assert found.um_per_px == pytest.approx(plain.um_per_px, rel=0.1)
    assert found.relative_error == pytest.approx(plain.relative_error, abs=0.1)


def test_few_pictures_are_pooled_as_the_card_says():
    images, model, looks = scene(), scale_network(), []
    for side_px in SIDES_PX:
        tiles = [zoomed(square, side_px) for image in images for square in cut_tiles(image, side_px)]
        logits = model.run("model", {"tile": see(tiles)})["logits"]
        looks.append(Look(TILE_PX / side_px, logits, fullness(tiles), len(tiles) / len(images)))
    expected = conclude(Pooling.of_card(model.card).pool(looks))
    found = estimate_scale(images)
    assert found.um_per_px == pytest.approx(expected.um_per_px, rel=1e-3)
    assert found.relative_error == pytest.approx(expected.relative_error, abs=0.011)


class Counted:
    """The shipped network, and how many tiles it was asked about."""

    def __init__(self):
        self.card = scale_network().card
        self.tiles = 0

    def run(self, graph, inputs):
        self.tiles += len(inputs["tile"])
        return scale_network().run(graph, inputs)


def test_of_many_pictures_a_limited_number_of_tiles_is_looked_at():
    images = scene(width_px=640, height_px=480) * 16
    counted = Counted()
    found = estimate_scale(images, counted)
    assert counted.tiles == len(SIDES_PX) * MOST_TILES
    assert estimate_scale(images) == found


def test_the_probe_sees_what_the_detector_sees_of_sixteen_bits(tmp_path):
    images = np.stack([image.astype(np.uint16) * 40 + 3000 for image in scene(width_px=256, height_px=256)])
    tifffile.imwrite(tmp_path / "a.tif", images, photometric="minisblack")
    with open_source(tmp_path / "a.tif", fps=10) as source:
        assert source.profile.scale == estimate_scale([frame.image for frame in source])
        assert source.scale_of(images[0]) is source.profile.scale


@pytest.mark.parametrize(("scale", "told"), [(None, True), (0.4, False)])
def test_a_scale_that_nothing_shows_is_said(tmp_path, scale, told):
    tifffile.imwrite(tmp_path / "a.tif", np.full((3, 40, 60), 90, np.uint8), photometric="minisblack")
    with open_source(tmp_path / "a.tif", fps=10, um_per_px=scale) as source:
        said = "the picture tells little of its scale, 0.50 um/px ± 100 %: heads may be missed; calibrate"
        assert (said in source.warnings) == told
