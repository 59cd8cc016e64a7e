"""The recipe of the shipped scale network: simulated tiles alone, about forty minutes of one core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn

from spermscope import __version__
from spermscope.models.scale import BINS, ScaleNet
from spermscope.runtime import ModelCard, write_model
from spermscope.training.export import golden, to_onnx
from spermscope.training.loop import Loop
from spermscope.training.scale_pictures import SIDE_PX, Tile, draw_crowd, draw_source, draw_tile
from spermscope.video.scale import TILE_PX, Pooling, bin_centres, conclude, cut_tiles, see

TILES = 7000
EPOCHS = 30
BATCH = 16
HELD_OUT = 80
"""Sources on which the pooling is fitted; as many others are scored."""
SOFTNESS = 0.6
"""Standard deviation of a target, in steps: neighbouring steps are nearly right."""
ZOOMS = (0.8, 1.35)
SOURCE_UM_PER_PX = (0.12, 1.0)
SOURCE_SIZES_PX = ((640, 480), (800, 600), (320, 240))
FRAMES = 3
Progress = Callable[[int, int | None], None]


def train_scale(
    out: Path,
    *,
    epochs: int = EPOCHS,
    tiles: int = TILES,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Draw tiles, train, fit the pooling on held-out sources, score on others, write the model file."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    first = seed * 1_000_000
    network, prior = fit(draw_tiles(range(first, first + tiles), progress), epochs, seed, progress)
    held = read_sources(network, range(first + 900_000, first + 900_000 + HELD_OUT))
    unseen = read_sources(network, range(first + 900_000 + HELD_OUT, first + 900_000 + 2 * HELD_OUT))
    pooling = fit_pooling(held, prior)
    card = ModelCard(
        kind="scale",
        name="scale",
        version=__version__,
        um_per_px=float(np.exp(bin_centres(BINS).mean())),
        trained_on=f"{tiles} simulated pictures of phase contrast, bright field and Hoffman relief; no real picture",
        recipe=f"spermscope train scale --out scale.spermscope --seed {seed} --epochs {epochs}",
        seed=seed,
        intended_use="Estimating um per pixel, 0.12-1.0, from pictures of human sperm. Research use only.",
        limits="Trained on simulation alone. Serves detection and tracking; lengths and speeds need a measured scale.",
        scores=score(unseen, pooling),
        constants={
            "prior": pooling.prior.tolist(),
            "doubt": pooling.doubt,
            "weight": pooling.weight,
            "floor": pooling.floor,
        },
    )
    example = {"tile": torch.from_numpy(see([draw_source(np.random.default_rng(1), 0.4, (96, 64), 1, 5.0)[0][0]] * 2))}
    example["tile"] = example["tile"][:, :, :64, :96].contiguous()
    graph = to_onnx(network, example, ["logits"], {"tile": {0: "batch", 2: "height", 3: "width"}})
    return write_model(out, card, {"model": graph}, golden("model", network, example, ["logits"]))


def draw_tiles(seeds: range, progress: Progress) -> list[Tile]:
    """The tiles of ``seeds``."""
    drawn = []
    for done, number in enumerate(seeds, 1):
        drawn.append(draw_tile(number))
        progress(done, len(seeds))
    return drawn


def fit(tiles: list[Tile], epochs: int, seed: int, progress: Progress) -> tuple[ScaleNet, NDArray[np.float64]]:
    """The network after one cosine cycle of cross-entropy, and the mean target, which is its prior."""
    rng = np.random.default_rng([seed, 23])
    network = ScaleNet().to(memory_format=torch.channels_last)
    loop = Loop([network], 3e-3, epochs, len(tiles), BATCH, progress)
    asked = torch.zeros(BINS, dtype=torch.float64)
    for rows in loop.batches(rng):
        seen, um_per_px = _disturbed([tiles[row] for row in rows], rng)
        target = soft_steps(um_per_px)
        asked += target.sum(0)
        loop.descend(nn.functional.cross_entropy(network(seen), target))
    return network.eval(), (asked / asked.sum()).numpy()


def soft_steps(um_per_px: NDArray[np.float64]) -> Tensor:
    """``(B,)`` scales to ``(B, 32)`` targets: Gaussians in log um/px; what lies outside of the range is at its end."""
    centres = bin_centres(BINS)
    at = np.clip(np.log(um_per_px), centres[0], centres[-1])[:, None]
    heap = np.exp(-0.5 * ((centres - at) / (SOFTNESS * (centres[1] - centres[0]))) ** 2)
    return torch.from_numpy((heap / heap.sum(axis=1, keepdims=True)).astype(np.float32))


def _disturbed(tiles: list[Tile], rng: np.random.Generator) -> tuple[Tensor, NDArray[np.float64]]:
    """``(B, 1, 192, 192)`` and its scales: zoomed, turned, either sign, another gain, more noise, some cut short.

    Of two places in a tile the fuller one is taken: little is learned from empty ones.
    """
    seen = np.zeros((len(tiles), 1, TILE_PX, TILE_PX), np.float32)
    um_per_px = np.empty(len(tiles))
    for row, tile in enumerate(tiles):
        zoom = float(np.exp(rng.uniform(*np.log(ZOOMS))))
        side = round(TILE_PX / zoom)
        cut = max((_cut(tile, side, rng) for _ in range(2)), key=lambda flat: float(np.abs(flat[::4, ::4]).mean()))
        shrink = cv2.INTER_AREA if side > TILE_PX else cv2.INTER_LINEAR
        flat = np.rot90(cv2.resize(cut, (TILE_PX, TILE_PX), interpolation=shrink), int(rng.integers(4)))
        flat = flat[:, ::-1] if rng.random() < 0.5 else flat
        sign = -1.0 if tile.either_sign and rng.random() < 0.3 else 1.0
        flat = flat * np.float32(sign * np.exp(rng.uniform(-0.4, 0.4)))
        if rng.random() < 0.3:
            flat += np.float32(rng.uniform(0.0, 0.15)) * rng.standard_normal(flat.shape, np.float32)
        height, width = rng.integers(TILE_PX // 2, TILE_PX + 1, 2) if rng.random() < 0.1 else (TILE_PX, TILE_PX)
        seen[row, 0, :height, :width] = flat[:height, :width]
        um_per_px[row] = tile.um_per_px * side / TILE_PX
    return torch.from_numpy(seen).to(memory_format=torch.channels_last), um_per_px


def _cut(tile: Tile, side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    top, left = rng.integers(0, SIDE_PX - side + 1, 2)
    return tile.flat[top : top + side, left : left + side].astype(np.float32)


Read = tuple[NDArray[np.float32], float, float]
"""What the network says of the tiles of one source, ``(N, 32)`` logits; tiles a picture; its true um/px."""


def read_sources(network: ScaleNet, seeds: range) -> list[Read]:
    """One source for each of ``seeds``."""
    found = []
    for number in seeds:
        rng = np.random.default_rng([number, 22])
        um_per_px = float(np.exp(rng.uniform(*np.log(SOURCE_UM_PER_PX))))
        size = SOURCE_SIZES_PX[int(rng.integers(len(SOURCE_SIZES_PX)))]
        images, _ = draw_source(rng, um_per_px, size, FRAMES, draw_crowd(rng, um_per_px, size))
        tiles = [tile for image in images for tile in cut_tiles(image)]
        with torch.no_grad():
            found.append((network(torch.from_numpy(see(tiles))).numpy(), len(tiles) / FRAMES, um_per_px))
    return found


def fit_pooling(sources: list[Read], prior: NDArray[np.float64]) -> Pooling:
    """The pooling under which the true scales of ``sources`` are most likely."""
    centres = bin_centres(BINS)

    def pooling(numbers: NDArray[np.float64]) -> Pooling:
        doubt, weight, floor = np.exp(np.minimum(numbers, (-0.1, 2.0, 0.0)))
        return Pooling(prior, float(doubt), float(weight), float(floor))

    def surprise(numbers: NDArray[np.float64]) -> float:
        pooled = ((pooling(numbers).pool(logits, places), true) for logits, places, true in sources)
        return -float(np.mean([np.interp(np.log(true), centres, np.log(found)) for found, true in pooled]))

    return pooling(minimize(surprise, np.array([-2.0, -1.0, -2.5]), method="Nelder-Mead").x)


def score(sources: list[Read], pooling: Pooling) -> dict[str, float | list[float]]:
    """Over sources, each ``[value, low, high]`` (95 %, bootstrap): median error, share within 30 %, share covered."""
    found = [(conclude(pooling.pool(logits, places)), true) for logits, places, true in sources]
    off = np.array([abs(scale.um_per_px / true - 1.0) for scale, true in found])
    covered = np.array([abs(true / scale.um_per_px - 1.0) <= scale.relative_error for scale, true in found])
    rng = np.random.default_rng(0)
    again = rng.integers(0, len(off), (1000, len(off)))
    table: dict[str, tuple[float, NDArray[np.float64]]] = {
        "median_error": (float(np.median(off)), np.median(off[again], axis=1)),
        "within_30_percent": (float((off <= 0.3).mean()), (off <= 0.3)[again].mean(axis=1)),
        "interval_holds_truth": (float(covered.mean()), covered[again].mean(axis=1)),
    }
    rows = {name: [value, *np.quantile(drawn, (0.025, 0.975))] for name, (value, drawn) in table.items()}
    return {"sources": float(len(off))} | {name: [round(float(v), 4) for v in row] for name, row in rows.items()}
