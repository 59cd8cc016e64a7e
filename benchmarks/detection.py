"""Detection on real pictures beside the box detector, where the recordings lie beside the checkout.

``python -m benchmarks.detection``. visem52: a phase-contrast clip with boxes on sampled frames; a hit is a centre
inside a class-0 box, one to one; hits on boxes of class 1 and 2 (clusters, small heads) are left out; unlabelled sperm
count as false, so precision is a lower bound. The scale is the one that the source estimates; the threshold is the
shipped one, chosen on simulated pictures. The simulation's looks were built, and the rule by which faint tracks count
was set, with this clip in view: it is no unseen test. icsi-stills: bright field and Hoffman stills without licence,
measured only; their scale is typed in as 5.0 um for the median box.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from spermscope.detect import open_detector
from spermscope.pipeline import Pipeline
from spermscope.settings import Settings
from spermscope.types import Frame, Scale
from spermscope.video import open_source

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def in_boxes(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """``(N, B)``: is the point inside the box ``(cx, cy, w, h)``."""
    return np.all(np.abs(points[:, None] - boxes[None, :, :2]) <= boxes[None, :, 2:] / 2, axis=2)


def hits(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Rows of points that hit a box, one to one, as many as possible."""
    if not len(points) or not len(boxes):
        return np.empty(0, int)
    inside = in_boxes(points, boxes)
    rows, columns = linear_sum_assignment(~inside)
    return rows[inside[rows, columns]]


def read_boxes(path: Path, key: str, size: tuple[float, float]) -> dict[str, np.ndarray]:
    """Rows ``(class, cx, cy, w, h)`` in pixels by image or frame."""
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    for row in csv.DictReader(path.open(encoding="utf-8")):
        numbers = [float(row[name]) for name in ("cx", "cy", "w", "h")]
        scaled = [numbers[0] * size[0], numbers[1] * size[1], numbers[2] * size[0], numbers[3] * size[1]]
        boxes[row[key]].append([float(row.get("class", 0)), *scaled])
    return {name: np.array(rows) for name, rows in boxes.items()}


def count(points: np.ndarray, boxes: np.ndarray) -> tuple[int, int, int]:
    """Hits, class-0 boxes, and detections that are not on a box of another class."""
    sperm, others = boxes[boxes[:, 0] == 0, 1:], boxes[boxes[:, 0] != 0, 1:]
    hit = hits(points, sperm)
    rest = np.setdiff1d(np.arange(len(points)), hit)
    beside = len(hits(points[rest], others)) if len(rest) else 0
    return len(hit), len(sperm), len(points) - beside


def score(name: str, counts: list[tuple[int, int, int]]) -> None:
    """Print a row."""
    hit, boxes, found = np.sum(counts, axis=0)
    recall, precision = hit / boxes, hit / max(found, 1)
    f1 = 2 * recall * precision / max(recall + precision, 1e-9)
    sys.stdout.write(f"| {name} | {boxes} | {recall:.3f} | {precision:.3f} | {f1:.3f} |\n")


def visem() -> None:
    """The clip, network and boxes."""
    boxes = read_boxes(DATA / "visem52" / "boxes.csv", "frame", (640, 480))
    with open_source(DATA / "visem52" / "visem52_dev.mp4") as source:
        sys.stdout.write(f"visem52: scale {source.profile.scale}\n\n")
        detectors = {m: open_detector(source.profile, Settings(detect={"method": m})) for m in ("network", "boxes")}
        counts: dict[str, list[tuple[int, int, int]]] = {name: [] for name in detectors}
        for frame in source:
            if str(frame.index) in boxes:
                for name, detector in detectors.items():
                    seen = detector.detect(frame)
                    counts[name].append(count(seen.xy_px[seen.sperm], boxes[str(frame.index)]))
    for name, rows in counts.items():
        score(f"visem52, {name}", rows)
    score("visem52, network and tracks", tracks(boxes))


def tracks(boxes: dict[str, np.ndarray]) -> list[tuple[int, int, int]]:
    """The same for the centres of tracks that count, as ``tracks.csv`` has them."""
    rows: dict[int, list[list[float]]] = {}
    young: dict[int, list[tuple[int, list[float]]]] = defaultdict(list)
    with open_source(DATA / "visem52" / "visem52_dev.mp4") as source:
        for step in Pipeline(source.profile).run(source):
            live = step.tracks
            for row, track_id in enumerate(live.track_id.tolist()):
                young[track_id].append((step.frame.index, live.xy_px[row].tolist()))
                if live.confirmed[row]:
                    for frame, place in young.pop(track_id):
                        rows.setdefault(frame, []).append(place)
    return [count(np.array(rows.get(int(name), [])).reshape(-1, 2), box) for name, box in boxes.items()]


def stills() -> None:
    """The stills, network and boxes, at a typed scale for each picture size."""
    sizes = {p.name: cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in sorted((DATA / "icsi-stills").glob("*.jpg"))}
    fractions = read_boxes(DATA / "icsi-stills" / "boxes.csv", "image", (1.0, 1.0))
    counts: dict[str, list[tuple[int, int, int]]] = {"network": [], "boxes": []}
    median: dict[tuple[int, ...], list[float]] = defaultdict(list)
    for name, image in sizes.items():
        if name in fractions:
            median[image.shape] += (fractions[name][:, 3] * image.shape[1]).tolist()
    for name, image in sizes.items():
        if name not in fractions:
            continue
        scale = Scale(5.0 / float(np.median(median[image.shape])), "given")
        boxes = fractions[name] * [1, image.shape[1], image.shape[0], image.shape[1], image.shape[0]]
        with open_source(DATA / "icsi-stills" / name, um_per_px=scale.um_per_px, stills=True) as source:
            profile = replace(source.profile, scale=scale)
        for method, rows in counts.items():
            seen = open_detector(profile, Settings(detect={"method": method})).detect(Frame(image, 0, 0.0))
            rows.append(count(seen.xy_px[seen.sperm], boxes))
    for name, rows in counts.items():
        score(f"icsi-stills, {name}", rows)


def main() -> None:
    """Print the table."""
    if not DATA.is_dir():
        sys.stdout.write("no recordings beside the checkout: nothing measured\n")
        return
    sys.stdout.write("| pictures, detector | boxes | recall | precision | F1 |\n|---|---|---|---|---|\n")
    visem()
    stills()


if __name__ == "__main__":
    main()
