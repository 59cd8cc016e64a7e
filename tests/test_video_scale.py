"""The estimated scale: what the network gets, how tiles are pooled, what is concluded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from spermscope.video.scale import (
    TILE_PX,
    UNSEEN,
    Pooling,
    bin_centres,
    bin_edges,
    conclude,
    cut_tiles,
    look,
    see,
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
    seen = see([np.random.default_rng(0).integers(90, 110, shape).astype(np.uint8)])
    assert seen.shape == (1, 1, TILE_PX, TILE_PX)
    assert np.isfinite(seen).all()
    assert not seen[0, 0, shape[0] :].any()


def test_a_sure_tile_alone_gives_its_own_reading():
    """Gaussians multiply by adding 1 / variance and blur by adding variances."""
    plain = Pooling(EVEN, doubt=1e-12, weight=0.5, floor=0.2)
    pooled = plain.pool(np.stack([bell(0.4, 0.3)] * 6), places=6)
    expected = norm.pdf(CENTRES, np.log(0.4), np.hypot(0.3 / np.sqrt(0.5 * 6), 0.2))
    np.testing.assert_allclose(pooled, expected / expected.sum(), atol=2e-3)


def test_what_was_common_in_training_is_no_evidence():
    prior = np.exp(bell(0.3, 0.5).astype(float))
    prior /= prior.sum()
    empty = np.log(prior)[None].astype(np.float32)
    pooled = Pooling(prior, doubt=0.1, weight=1.0, floor=0.01).pool(np.repeat(empty, 50, axis=0), places=50)
    np.testing.assert_allclose(pooled, EVEN, atol=1e-6)


def test_one_tile_that_is_sure_and_wrong_does_not_outvote_six():
    pooling = Pooling(EVEN, doubt=0.05, weight=1.0, floor=0.05)
    heads, dirt = bell(0.5, 0.1), bell(0.12, 0.01)
    assert conclude(pooling.pool(np.stack([heads] * 6 + [dirt]), places=7)).um_per_px == pytest.approx(0.5, rel=0.03)


def test_the_same_picture_again_is_no_more_evidence():
    tiles = np.stack([bell(um, 0.2) for um in (0.3, 0.35, 0.4)])
    pooling = Pooling(EVEN, 0.1, 0.8, 0.1)
    np.testing.assert_allclose(pooling.pool(tiles, 3), pooling.pool(np.tile(tiles, (10, 1)), 3), atol=1e-9)


@given(order=st.permutations(range(5)))
def test_the_order_of_tiles_does_not_matter(order):
    tiles = np.stack([bell(um, 0.2) for um in (0.2, 0.3, 0.35, 0.4, 0.9)])
    pooling = Pooling(EVEN, 0.1, 0.4, 0.1)
    np.testing.assert_allclose(pooling.pool(tiles, 5), pooling.pool(tiles[list(order)], 5), atol=1e-9)


@given(um_per_px=st.floats(0.15, 0.6), spread=st.floats(0.1, 0.3))
def test_the_stated_interval_holds_95_percent(um_per_px, spread):
    scale = conclude(np.diff(norm.cdf(bin_edges(BINS), np.log(um_per_px), spread)))
    assert scale.um_per_px == pytest.approx(um_per_px, rel=0.03)
    low, high = (norm.cdf(np.log(1 + side * scale.relative_error) / spread) for side in (-1, 1))
    assert 0.945 <= high - low <= 0.985


def test_where_all_scales_are_as_likely_nothing_is_claimed():
    assert conclude(EVEN) == UNSEEN
