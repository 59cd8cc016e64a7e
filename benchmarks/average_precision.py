"""How well scored detections find objects: one-to-one hits in order of score, and the area under their precision.

A detection hits the nearest free object that it lies on (``on (N, M)`` says which it lies on). One that lies on no free
object but on something that is not judged counts neither way. Average precision is the area under the precision
envelope over recall (as VOC 2010 has it); recall that is never reached adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Judged:
    """One picture: ``score`` and ``hit`` of its judged detections, and how many ``objects`` it has."""

    score: np.ndarray
    hit: np.ndarray
    objects: int


def judge(score: np.ndarray, on: np.ndarray, far: np.ndarray, excused: np.ndarray) -> Judged:
    """``on (N, M)`` bool, ``far (N, M)`` distances, ``excused (N,)`` bool: lies on what is not judged."""
    free = np.ones(on.shape[1], bool)
    kept, hit = [], []
    for row in np.argsort(-score, kind="stable"):
        candidates = np.flatnonzero(on[row] & free)
        if len(candidates):
            free[candidates[np.argmin(far[row, candidates])]] = False
        elif excused[row]:
            continue
        kept.append(score[row])
        hit.append(bool(len(candidates)))
    return Judged(np.array(kept, float), np.array(hit, bool), on.shape[1])


def average_precision(pictures: list[Judged]) -> float:
    """Of all pictures together; NaN where there is no object."""
    objects = sum(picture.objects for picture in pictures)
    if not objects:
        return float("nan")
    score = np.concatenate([picture.score for picture in pictures])
    hit = np.concatenate([picture.hit for picture in pictures])[np.argsort(-score, kind="stable")]
    found = np.cumsum(hit)
    precision = found / np.arange(1, len(hit) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(envelope[hit]) / objects)


def rates(pictures: list[Judged], threshold: float) -> tuple[float, float, float]:
    """Recall, precision and F1 of the detections from ``threshold`` on."""
    objects = sum(picture.objects for picture in pictures)
    found = sum(int((picture.score >= threshold).sum()) for picture in pictures)
    hits = sum(int((picture.hit & (picture.score >= threshold)).sum()) for picture in pictures)
    return hits / max(objects, 1), hits / max(found, 1), 2 * hits / max(objects + found, 1)


def best_f1(pictures: list[Judged]) -> float:
    """F1 at the threshold that suits these pictures best."""
    scores = np.unique(np.concatenate([picture.score for picture in pictures]))
    return max(rates(pictures, threshold)[2] for threshold in np.quantile(scores, np.linspace(0, 1, 101)))


def interval(pictures: list[Judged], measure, block: int = 1, times: int = 1000) -> tuple[float, float]:
    """95 % of ``measure`` over draws of blocks of ``block`` neighbouring pictures, with replacement."""
    rng = np.random.default_rng(0)
    blocks = [pictures[start : start + block] for start in range(0, len(pictures), block)]
    values = []
    for _ in range(times):
        drawn = rng.integers(0, len(blocks), len(blocks))
        values.append(measure([picture for number in drawn for picture in blocks[number]]))
    return tuple(np.nanquantile(values, (0.025, 0.975)))


def row(name: str, pictures: list[Judged], threshold: float, block: int = 1) -> str:
    """A line of a table: boxes, AP with its interval, best F1, then recall, precision and F1 at ``threshold``."""
    low, high = interval(pictures, average_precision, block, 300)
    boxes = sum(picture.objects for picture in pictures)
    recall, precision, f1 = rates(pictures, threshold)
    return (
        f"| {name} | {boxes} | {average_precision(pictures):.3f} ({low:.3f}-{high:.3f}) | {best_f1(pictures):.3f} | "
        f"{recall:.3f} | {precision:.3f} | {f1:.3f} |\n"
    )


HEADER = (
    "| pictures, detector | boxes | AP (95 %) | best F1 | recall | precision | F1 |\n|---|---|---|---|---|---|---|\n"
)
