"""The scale network's training: targets, disturbance, pooling that fits, a network that learns, sources that repeat."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from spermscope.models.scale import BINS, ScaleNet  # noqa: E402
from spermscope.simulate.debris import draw_debris  # noqa: E402
from spermscope.training import scale  # noqa: E402
from spermscope.training.checkpoint import Checkpoint  # noqa: E402
from spermscope.training.scale import Read, cut_short, fit, fit_pooling, score, soft_steps, zoom  # noqa: E402
from spermscope.training.scale_pictures import SIDE_PX, _dirt, draw_source, draw_tile  # noqa: E402
from spermscope.video.scale import TILE_PX, Look, bin_centres  # noqa: E402

CENTRES = bin_centres(BINS)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def test_targets_are_distributions_round_the_true_scale():
    um_per_px = np.array([0.15, 0.33, 0.9], np.float32)
    target = soft_steps(torch.from_numpy(um_per_px)).numpy()
    np.testing.assert_allclose(target.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(target @ CENTRES, np.log(um_per_px), atol=0.01)


def test_scales_beyond_the_range_are_asked_for_at_its_ends():
    target = soft_steps(torch.tensor([0.01, 9.0])).numpy()
    assert target.argmax(axis=1).tolist() == [0, BINS - 1]


def test_a_zoomed_tile_has_a_zoomed_scale():
    """A white square of known size in um stays that size in um, wherever the tile's edge does not cut it."""
    flat = torch.zeros(60, 1, SIDE_PX, SIDE_PX)
    flat[:, :, 130:158, 130:158] = 4.0
    seen, px = zoom(flat, torch.Generator().manual_seed(2))
    um_per_px = 0.5 * px.numpy()
    white = seen[:, 0].numpy() > 2.0
    whole = ~(white[:, [0, -1]].any(axis=(1, 2)) | white[:, :, [0, -1]].any(axis=(1, 2)))
    sides = np.sqrt(white.sum(axis=(1, 2))) * um_per_px
    assert np.ptp(um_per_px[whole]) > 0.1
    np.testing.assert_allclose(sides[whole & (sides > 13.0)], 14.0, rtol=0.06)
    assert (sides[whole] > 13.0).mean() > 0.85


def test_a_zoomed_tile_is_mirrored_and_turned_in_eight_ways():
    """Of a bright corner of an L the eight ways show."""
    flat = torch.zeros(80, 1, SIDE_PX, SIDE_PX)
    flat[:, :, 110:180, 110:130] = 4.0
    flat[:, :, 110:130, 110:160] = 4.0
    seen = zoom(flat, torch.Generator().manual_seed(4))[0][:, 0]
    y, x = torch.meshgrid(torch.arange(float(TILE_PX)), torch.arange(float(TILE_PX)), indexing="ij")
    total = seen.sum((1, 2))
    off_x, off_y = (
        x - ((seen * x).sum((1, 2)) / total)[:, None, None],
        y - ((seen * y).sum((1, 2)) / total)[:, None, None],
    )
    third = [(seen * off**3).sum((1, 2)) > 0 for off in (off_x, off_y)]
    upright = (seen * off_x**2).sum((1, 2)) < (seen * off_y**2).sum((1, 2))
    assert len(set(zip(*(sign.tolist() for sign in (*third, upright)), strict=True))) == 8


def test_some_tiles_are_cut_short():
    kept = cut_short(torch.ones(600, 1, TILE_PX, TILE_PX), torch.Generator().manual_seed(1)).mean((1, 2, 3))
    assert ((kept < 1.0).float().mean()).item() == pytest.approx(0.1, abs=0.04)
    assert kept.min() >= 0.25


def test_one_seed_gives_one_tile_and_any_frame_of_a_source_has_its_size():
    one, two = draw_tile(5), draw_tile(5)
    assert one.um_per_px == two.um_per_px
    np.testing.assert_array_equal(one.flat, two.flat)
    assert one.flat.shape == (SIDE_PX, SIDE_PX)
    for seed in range(4):
        images, _ = draw_source(np.random.default_rng(seed), 0.5, (120, 90), 2, 4.0)
        assert [image.shape for image in images] == [(90, 120)] * 2


def test_how_dirty_a_tile_is_does_not_tell_its_scale():
    """Counted in drawn scenes, not from the densities that were asked for."""
    rng, pieces = np.random.default_rng(0), []
    for um_per_px in (0.15, 0.4, 1.1):
        field_um = (SIDE_PX * um_per_px, SIDE_PX * um_per_px)
        pieces.append([len(draw_debris(rng, field_um, _dirt(rng, um_per_px))) for _ in range(400)])
    middle = np.median(pieces, axis=1)
    assert middle.min() > 3
    assert middle.max() < 1.5 * middle.min()


def test_every_parameter_has_a_gradient_and_two_tiles_are_learned():
    tiles = [draw_tile(3), draw_tile(4)]
    seen = torch.from_numpy(np.stack([tile.flat[:TILE_PX, :TILE_PX] for tile in tiles]).astype(np.float32)[:, None])
    target = soft_steps(torch.tensor([tile.um_per_px for tile in tiles]))
    network = ScaleNet()
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3)
    losses = []
    for _ in range(12):
        loss = nn.functional.cross_entropy(network(seen), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
    assert losses[-1] < 0.6 * losses[0]


def drawn_sources(count, tiles, rng, *, shared, own):
    """Logits of tiles that read the true scale with an error that they share and one of their own, both known."""
    found = []
    for _ in range(count):
        true = rng.uniform(np.log(0.15), np.log(0.8))
        read = true + rng.normal(0, shared) + rng.normal(0, own, (tiles, 1))
        logits = (-0.5 * ((CENTRES - read) / own) ** 2).astype(np.float32)
        look = Look(1.0, logits, np.zeros(tiles), float(tiles))
        found.append(Read([look], float(np.exp(true))))
    return found


def test_the_pooling_finds_the_error_that_tiles_share():
    rng = np.random.default_rng(1)
    pooling = fit_pooling(drawn_sources(80, 12, rng, shared=0.15, own=0.2), np.full(BINS, 1 / BINS))
    assert pooling.floor == pytest.approx(0.15, rel=0.35)
    table = score(drawn_sources(400, 12, rng, shared=0.15, own=0.2), pooling)
    assert 0.92 <= table["interval_holds_truth"][0] <= 0.99
    assert table["median_error"][0] == pytest.approx(0.6745 * np.hypot(0.15, 0.2 / np.sqrt(12)), rel=0.2)


class KilledError(Exception):
    pass


def kill_at_5(done, _):
    if done == 5:
        raise KilledError


def test_a_killed_training_ends_as_an_unbroken_one(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "BATCH", 2)
    tiles = [draw_tile(seed) for seed in range(6)]

    def learned(name, progress=lambda done, total: None):
        torch.manual_seed(0)
        return fit(tiles, 3, 0, progress, Checkpoint(tmp_path / name, "tiles"))

    (whole, prior), steps = learned("whole"), []
    with pytest.raises(KilledError):
        learned("cut", kill_at_5)
    again, again_prior = learned("cut", lambda done, total: steps.append(done))
    assert steps == [4, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(again_prior, prior)
    assert prior.sum() == pytest.approx(1.0, abs=1e-6)
    for name, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)
