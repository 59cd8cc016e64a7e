"""The recipe of the shipped detector: simulated pictures alone, minutes of a graphics card or hours of two cores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logit
from torch import Tensor, nn

from spermscope import __version__
from spermscope.detect import decode, match_heads
from spermscope.drawing import Progress, draw_all
from spermscope.model_file import ModelCard, write_model
from spermscope.models.heatmap import HeatmapAtWork, HeatmapNet, heatmap_loss
from spermscope.normalise import in_blocks
from spermscope.simulate.optics import KINDS, Kind
from spermscope.training.checkpoint import Checkpoint
from spermscope.training.export import golden, to_onnx
from spermscope.training.lessons import BOX, CARE, HEAT, WEIGHT, Lessons
from spermscope.training.loop import fastest_device, mixed_precision
from spermscope.training.pictures import WORKING_UM_PER_PX, Picture, draw_picture
from spermscope.training.targets import draw_lesson

PICTURES = 24000
STEPS = 20000
HELD_OUT = 300
BATCH = 32
F1_FOR_RECALL = 0.002
"""What a lower threshold may cost in single frames' F1."""
KEPT_EVERY = 400
"""Steps."""
CALIBRATED_FROM = 0.05
"""Weaker peaks than this are not looked at when scores are calibrated."""
MAPS = ["heat", "rest"]
Calibration = tuple[float, float]
Maps = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Of one picture, as ``detect.decode`` reads them."""


def train_detector(
    out: Path,
    *,
    steps: int = STEPS,
    pictures: int = PICTURES,
    seed: int = 0,
    without: Kind | None = None,
    processes: int = 2,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Draw pictures, train on the graphics card where there is one, and write the model file (``write_detector``).

    A training that was killed goes on from ``OUT.ckpt``, which is kept every 400 steps, after its pictures are drawn
    again. With ``without`` no picture of that contrast method is learned from.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(processes)
    drawn = draw_all(draw_lesson, range(seed * 1_000_000, seed * 1_000_000 + pictures), processes, progress)
    lessons = Lessons([lesson for lesson in drawn if lesson.picture.look != without], fastest_device())
    recipe = f"spermscope train detector --out detector.spermscope --seed {seed} --steps {steps} --pictures {pictures}"
    recipe += f" --without {without}" if without else ""
    network = fit(lessons, steps, seed, out, progress, recipe)
    first = seed * 1_000_000 + 900_000
    held = draw_all(draw_picture, range(first, first + HELD_OUT), processes, progress)
    unseen = draw_all(draw_picture, range(first + HELD_OUT, first + 2 * HELD_OUT), processes, progress)
    written = write_detector(
        out, network, [picture for picture in held if picture.look != without], unseen, recipe, seed
    )
    out.with_suffix(".ckpt").unlink(missing_ok=True)
    return written


def write_detector(
    out: Path, network: HeatmapNet, held: list[Picture], unseen: list[Picture], recipe: str, seed: int
) -> Path:
    """Calibrate scores and choose the threshold on ``held`` pictures, score on ``unseen`` ones, write the file."""
    at_work = HeatmapAtWork(network).eval()
    calibration = calibrate(at_work, held)
    threshold = choose_threshold(at_work, held, calibration)
    card = ModelCard(
        kind="detector",
        name="heatmap",
        version=__version__,
        um_per_px=WORKING_UM_PER_PX,
        trained_on="simulated pictures of phase contrast, bright field and Hoffman relief; no real picture",
        recipe=recipe,
        seed=seed,
        intended_use="Finding sperm heads in microscope pictures at 0.2-0.7 um per pixel. Research use only.",
        limits="Trained on simulation alone; box sizes are rough; clumps and heads cut by the border are missed.",
        scores=score(at_work, unseen, threshold, calibration)
        | {
            f"f1_{look}": score(at_work, [p for p in unseen if p.look == look], threshold, calibration)["f1"]
            for look in KINDS
        },
        constants={"threshold": threshold, "calibration": list(calibration)},
    )
    example = {"blocks": torch.cat([blocks_of(picture)[:, :32, :32] for picture in held[:2]])}
    graph = to_onnx(at_work, example, MAPS, {"blocks": {0: "batch", 1: "height", 2: "width"}})
    return write_model(out, card, {"model": graph}, golden("model", at_work, example, MAPS))


def blocks_of(picture: Picture) -> Tensor:
    """``(1, h, w, 16)``: as the exported network reads it."""
    return torch.from_numpy(in_blocks(picture.flat.astype(np.float32)))


def fit(
    lessons: Lessons, steps: int, seed: int, out: Path, progress: Progress = lambda done, total: None, recipe: str = ""
) -> HeatmapNet:
    """AdamW, one cosine cycle, bf16 where the machine multiplies it; returns the running average of the weights.

    Goes on from ``OUT.ckpt``, of the same seed and ``recipe``, where there is one.

    Raises
    ------
    ValueError
        When the checkpoint is of another training.
    """
    device = lessons.flat.device
    generator = torch.Generator(device).manual_seed(seed)
    network = HeatmapNet().to(device, memory_format=torch.channels_last).train()
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998)
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.06)
    parts = {"network": network, "average": average, "optimizer": optimizer, "schedule": schedule}
    checkpoint = Checkpoint(out.with_suffix(".ckpt"), f"seed {seed}, {steps} steps, {len(lessons)} pictures, {recipe}")
    for step in range(_resumed(checkpoint, parts, generator), steps):
        flat, maps = lessons.batch(BATCH, generator)
        with mixed_precision(device):
            output = network(flat.to(memory_format=torch.channels_last))
        loss = heatmap_loss(output, maps[:, HEAT], maps[:, BOX], maps[:, WEIGHT], maps[:, CARE]).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        progress(step + 1, steps)
        if step % KEPT_EVERY == KEPT_EVERY - 1:
            states = {name: part.state_dict() for name, part in parts.items()}
            checkpoint.keep(step=step + 1, generator=generator.get_state(), **states)
    torch.optim.swa_utils.update_bn(lessons.plain(BATCH, 40), average)
    best: HeatmapNet = average.module.eval().cpu()
    return best


def _resumed(checkpoint: Checkpoint, parts: dict[str, Any], generator: torch.Generator) -> int:
    """The step to go on with."""
    state = checkpoint.kept()
    if state is None:
        return 0
    for name, part in parts.items():
        part.load_state_dict(state[name])
    generator.set_state(state["generator"])
    return int(state["step"])


def calibrate(network: nn.Module, pictures: list[Picture]) -> Calibration:
    """Slope and shift of the logit after which a score is the share of peaks like it that are heads (Platt 1999).

    ``network`` is one at work (``models.heatmap.HeatmapAtWork``).
    """
    logits, heads = [], []
    for output, picture in zip(_outputs(network, pictures), pictures, strict=True):
        seen = decode(*output, CALIBRATED_FROM, WORKING_UM_PER_PX)
        seen = seen.where(seen.sperm)
        near, false = _matched(picture, seen.xy_px)
        logits.append(logit(seen.score[np.concatenate([near[:, 1], false])].astype(np.float64)))
        heads.append(np.repeat([1.0, 0.0], [len(near), len(false)]))
    x, y = np.concatenate(logits), np.concatenate(heads)

    def surprise(line: NDArray[np.float64]) -> float:
        z = line[0] * x + line[1]
        return float(np.mean(np.logaddexp(0.0, z) - y * z))

    slope, shift = minimize(surprise, [1.0, 0.0], method="Nelder-Mead").x.tolist()
    return round(max(slope, 0.05), 4), round(shift, 4)


def choose_threshold(network: nn.Module, pictures: list[Picture], calibration: Calibration) -> float:
    """The lowest threshold, in steps of 0.05, whose F1 on ``pictures`` is within ``F1_FOR_RECALL`` of the best.

    A false hit of one frame seldom lives long enough to count; a head that is missed is lost.
    """
    outputs = _outputs(network, pictures)
    thresholds = [round(0.05 * number, 2) for number in range(3, 13)]
    f1 = [rates(count_hits(outputs, pictures, threshold, calibration)[0].sum(axis=0))[2] for threshold in thresholds]
    return lowest_as_good(thresholds, f1)


def lowest_as_good(thresholds: list[float], f1: list[float]) -> float:
    """The lowest of rising ``thresholds`` whose F1 is within ``F1_FOR_RECALL`` of the best."""
    return next(threshold for threshold, value in zip(thresholds, f1, strict=True) if value >= max(f1) - F1_FOR_RECALL)


def score(
    network: nn.Module, pictures: list[Picture], threshold: float, calibration: Calibration
) -> dict[str, float | list[float]]:
    """Recall, precision and F1, each ``[value, low, high]`` (95 %, bootstrap over pictures), and median distance."""
    counts, far_px = count_hits(_outputs(network, pictures), pictures, threshold, calibration)
    rng = np.random.default_rng(0)
    again = np.array([rates(counts[rng.integers(0, len(counts), len(counts))].sum(axis=0)) for _ in range(1000)])
    table = zip(rates(counts.sum(axis=0)), *np.quantile(again, (0.025, 0.975), axis=0), strict=True)
    found: dict[str, float | list[float]] = {
        name: [round(float(value), 4) for value in row]
        for name, row in zip(("recall", "precision", "f1"), table, strict=True)
    }
    return found | {"distance_um": round(float(np.median(far_px)) * WORKING_UM_PER_PX, 4) if len(far_px) else np.nan}


def _outputs(network: nn.Module, pictures: list[Picture]) -> list[Maps]:
    with torch.no_grad():
        found = (network(blocks_of(picture)) for picture in pictures)
        return [(heat[0].numpy(), rest[0].numpy()) for heat, rest in found]


def count_hits(
    outputs: list[Maps], pictures: list[Picture], threshold: float, calibration: Calibration
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """``(N, 3)`` hits, heads and judged detections of each picture, and every hit's distance in working pixels."""
    counts, far = [], [np.empty(0)]
    for output, picture in zip(outputs, pictures, strict=True):
        seen = decode(*output, threshold, WORKING_UM_PER_PX, calibration)
        seen_px = seen.xy_px[seen.sperm]
        near, false = _matched(picture, seen_px)
        judged = picture.xy_px[picture.kind == 0]
        counts.append((len(near), len(judged), len(near) + len(false)))
        far.append(np.hypot(*(judged[near[:, 0]] - seen_px[near[:, 1]]).T))
    return np.array(counts, np.int64), np.concatenate(far)


def _matched(picture: Picture, seen_px: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``(M, 2)`` pairs (judged head, detection), and the false detections; one on what is not judged is neither."""
    judged, unjudged = picture.xy_px[picture.kind == 0], picture.xy_px[picture.kind == -1]
    near = match_heads(judged, seen_px, 3.0 / WORKING_UM_PER_PX)
    rest = np.setdiff1d(np.arange(len(seen_px)), near[:, 1])
    free = match_heads(unjudged, seen_px[rest], 4.0 / WORKING_UM_PER_PX)
    return near, np.delete(rest, free[:, 1])


def rates(counts: NDArray[np.int64]) -> tuple[float, float, float]:
    """Recall, precision and F1 of hits, heads and detections."""
    hits, heads, found = (float(count) for count in counts)
    return hits / max(heads, 1.0), hits / max(found, 1.0), 2.0 * hits / max(heads + found, 1.0)
