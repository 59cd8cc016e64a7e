"""The recipe of the shipped scale network: simulated tiles alone."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn

from spermscope import __version__
from spermscope.drawing import Progress, draw_all
from spermscope.model_file import ModelCard, write_model
from spermscope.models.scale import BINS, ScaleNet
from spermscope.training.checkpoint import Checkpoint
from spermscope.training.export import golden, to_onnx
from spermscope.training.lessons import INVERTED, disturbed
from spermscope.training.loop import Loop, fastest_device, mixed_precision
from spermscope.training.scale_pictures import SIDE_PX, Tile, draw_crowd, draw_source, draw_tile
from spermscope.video.scale import TILE_PX, Look, Pooling, bin_centres, conclude, look_at, see

TILES = 16000
EPOCHS = 40
BATCH = 32
HELD_OUT = 160
"""Sources on which the pooling is fitted; as many others are scored."""
SOFTNESS = 0.6
"""Standard deviation of a target, in steps: neighbouring steps are nearly right."""
ZOOMS = (0.8, 1.35)
CUT_SHORT = 0.1
SOURCE_UM_PER_PX = (0.12, 1.0)
SOURCE_SIZES_PX = ((640, 480), (1392, 976), (320, 240), (1392, 976))
FRAMES = 3


class Read(NamedTuple):
    """What the network sees of one source, and the truth."""

    looks: list[Look]
    um_per_px: float


def train_scale(
    out: Path,
    *,
    epochs: int = EPOCHS,
    tiles: int = TILES,
    seed: int = 0,
    processes: int = 2,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Draw tiles, train, fit the pooling on held-out sources, score on others, write the model file.

    A training that was killed goes on from ``OUT.ckpt``, kept after each epoch, after its tiles are drawn again.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(processes)
    first = seed * 1_000_000
    drawn = draw_all(draw_tile, range(first, first + tiles), processes, progress)
    recipe = f"spermscope train scale --out scale.spermscope --seed {seed} --epochs {epochs} --tiles {tiles}"
    checkpoint = Checkpoint(out.with_suffix(".ckpt"), recipe)
    network, prior = fit(drawn, epochs, seed, progress, checkpoint)
    sources = read_sources(network, range(first + 900_000, first + 900_000 + 2 * HELD_OUT), progress)
    held, unseen = sources[:HELD_OUT], sources[HELD_OUT:]
    written = write_scale(out, network, fit_pooling(held, prior), unseen, recipe, seed)
    checkpoint.done()
    return written


def write_scale(out: Path, network: ScaleNet, pooling: Pooling, unseen: list[Read], recipe: str, seed: int) -> Path:
    """Score on ``unseen`` sources and write the model file."""
    card = ModelCard(
        kind="scale",
        name="scale",
        version=__version__,
        um_per_px=float(np.exp(bin_centres(BINS).mean())),
        trained_on="simulated pictures of phase contrast, bright field and Hoffman relief; no real picture",
        recipe=recipe,
        seed=seed,
        intended_use="Estimating um per pixel, 0.12-1.0, from pictures of human sperm. Research use only.",
        limits="Trained on simulation alone. Serves detection and tracking; lengths and speeds need a measured scale.",
        scores=score(unseen, pooling),
        constants={
            "prior": pooling.prior.tolist(),
            "doubt": pooling.doubt,
            "weight": pooling.weight,
            "floor": pooling.floor,
            "steep": pooling.steep,
            "full": pooling.full,
        },
    )
    tile = draw_source(np.random.default_rng(1), 0.4, (TILE_PX, TILE_PX), 1, 5.0)[0][0]
    example = {"tile": torch.from_numpy(see([tile] * 2))}
    outputs = ["logits"]
    graph = to_onnx(network, example, outputs, {"tile": {0: "batch", 2: "height", 3: "width"}})
    return write_model(out, card, {"model": graph}, golden("model", network, example, outputs))


class _Asked(nn.Module):
    """Sum of all targets, kept with the network."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(BINS))
        self.total: Tensor


def fit(
    tiles: list[Tile], epochs: int, seed: int, progress: Progress, checkpoint: Checkpoint | None = None
) -> tuple[ScaleNet, NDArray[np.float64]]:
    """The network after one cosine cycle of cross-entropy, and the mean target, which is its prior."""
    device = fastest_device()
    rng, generator = np.random.default_rng([seed, 23]), torch.Generator(device)
    flat = torch.from_numpy(np.stack([tile.flat for tile in tiles]))[:, None].to(device)
    inverted = torch.tensor([INVERTED if tile.either_sign else 0.0 for tile in tiles], device=device)
    um_per_px = torch.tensor([tile.um_per_px for tile in tiles], device=device)
    network = ScaleNet().to(device, memory_format=torch.channels_last)
    asked = _Asked().to(device)
    loop = Loop([network, asked], 3e-3, epochs, len(tiles), BATCH, progress)
    for batch in loop.batches(rng, checkpoint):
        rows = torch.from_numpy(batch).to(device)
        generator.manual_seed(int(rng.integers(2**62)))
        zoomed, px = zoom(flat[rows].float(), generator)
        seen = cut_short(disturbed(zoomed, inverted[rows], generator), generator)
        target = soft_steps(um_per_px[rows] * px)
        asked.total += target.sum(0)
        with mixed_precision(device):
            logits = network(seen.to(memory_format=torch.channels_last))
        loop.descend(nn.functional.cross_entropy(logits.float(), target))
    return network.eval().cpu(), (asked.total / asked.total.sum()).double().cpu().numpy()


def soft_steps(um_per_px: Tensor) -> Tensor:
    """``(B,)`` scales to ``(B, 32)`` targets: Gaussians in log um/px; what lies outside of the range is at its end."""
    centres = torch.from_numpy(bin_centres(BINS).astype(np.float32)).to(um_per_px.device)
    at = um_per_px.log().clamp(centres[0], centres[-1])[:, None]
    return torch.softmax(-0.5 * ((centres - at) / (SOFTNESS * (centres[1] - centres[0]))) ** 2, 1)


def zoom(flat: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """``(B, 1, 288, 288)`` to ``(B, 1, 192, 192)``, zoomed, mirrored and turned, and how many pixels are now one.

    Of two places in a tile the fuller one is taken: little is learned from empty ones.
    """
    count, device = len(flat), flat.device
    low, high = np.log(ZOOMS)
    drawn = torch.rand((count, 4), generator=generator, device=device)
    px = torch.exp(-(low + (high - low) * drawn[:, 0]))
    share = px * TILE_PX / SIDE_PX
    mirrored = torch.where(drawn[:, 1:3] < 0.5, -1.0, 1.0) * share[:, None]
    axes = torch.diag_embed(mirrored)
    axes = torch.where((drawn[:, 3] < 0.5)[:, None, None], axes.flip(1), axes)
    room = (1.0 - share)[:, None, None] * torch.empty((count, 2, 2), device=device).uniform_(-1, 1, generator=generator)
    views = torch.stack([_view(flat, axes, room[:, place]) for place in (0, 1)])
    fuller = views[..., ::4, ::4].abs().mean((2, 3, 4)).argmax(0)
    return views[fuller, torch.arange(count, device=device)], px


def _view(flat: Tensor, axes: Tensor, middle: Tensor) -> Tensor:
    """The square of ``flat`` (-1 to 1) round ``middle (B, 2)`` with half axes ``axes (B, 2, 2)``."""
    grid = nn.functional.affine_grid(
        torch.cat([axes, middle[:, :, None]], 2), [len(flat), 1, TILE_PX, TILE_PX], align_corners=False
    )
    return nn.functional.grid_sample(flat, grid, align_corners=False, padding_mode="reflection")


def cut_short(seen: Tensor, generator: torch.Generator) -> Tensor:
    """Every tenth tile is smaller than others and padded with background, as those of small pictures are."""
    sizes = torch.rand((len(seen), 3), generator=generator, device=seen.device)
    kept = torch.where(sizes[:, :1] < CUT_SHORT, 0.5 + 0.5 * sizes[:, 1:], 1.0) * TILE_PX
    at = torch.arange(TILE_PX, device=seen.device)
    inside = (at[:, None] < kept[:, 0, None, None]) & (at < kept[:, 1, None, None])
    return seen * inside[:, None]


def read_sources(network: ScaleNet, seeds: range, progress: Progress) -> list[Read]:
    """One source for each of ``seeds``."""
    found: list[Read] = []
    for number in seeds:
        rng = np.random.default_rng([number, 22])
        um_per_px = float(np.exp(rng.uniform(*np.log(SOURCE_UM_PER_PX))))
        size = SOURCE_SIZES_PX[int(rng.integers(len(SOURCE_SIZES_PX)))]
        images, _ = draw_source(rng, um_per_px, size, FRAMES, draw_crowd(rng, um_per_px, size))
        with torch.no_grad():
            looks = look_at(images, lambda tiles: network(torch.from_numpy(tiles)).numpy())
        found.append(Read(looks, um_per_px))
        progress(len(found), len(seeds))
    return found


def fit_pooling(sources: list[Read], prior: NDArray[np.float64]) -> Pooling:
    """The pooling under which the true scales of ``sources`` are most likely."""
    centres = bin_centres(BINS)

    def pooling(numbers: NDArray[np.float64]) -> Pooling:
        doubt, weight, floor = np.exp(np.clip(numbers[:3], (-6.0, -9.0, -9.0), (-0.1, 3.0, 0.0)))
        return Pooling(prior, float(doubt), float(weight), float(floor), float(numbers[3]), float(numbers[4]))

    def surprise(numbers: NDArray[np.float64]) -> float:
        pooled = [np.log(pooling(numbers).pool(read.looks)) for read in sources]
        true = np.log([read.um_per_px for read in sources])
        return -float(np.mean([np.interp(at, centres, found) for at, found in zip(true, pooled, strict=True)]))

    return pooling(
        minimize(surprise, np.array([-4.0, -0.5, -2.8, 4.0, 0.7]), method="Nelder-Mead", options={"maxiter": 400}).x
    )


def score(sources: list[Read], pooling: Pooling) -> dict[str, float | list[float]]:
    """Over sources, each ``[value, low, high]`` (95 %, bootstrap): median error, share within 30 %, share covered."""
    found = [(conclude(pooling.pool(read.looks)), read.um_per_px) for read in sources]
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
