"""Detection on real pictures beside the box detector, where the recordings lie beside the checkout.

``python -m benchmarks.detection [visem] [stills] [--model FILE ...] [--int8] [--pictures DIR]``. A hit is a centre
inside a labelled box, one to one. Shipped detector unless models are given; with several, by their files' names, a row
each. ``--pictures`` draws misses (yellow) and false alarms (red) into DIR.

visem52: a phase-contrast clip with boxes on sampled frames, read with no scale given; what lies on boxes of class 1
and 2 (clusters, small heads) is left out; unlabelled sperm count as false, so precision is a lower bound. A track's
score is the mean score of its points. Intervals by blocks of four labelled frames. Then the pictures are moved by a few
pixels, which changes nothing but how they lie on the network's grid: mean of five places (lowest-highest). The
simulation's looks and the tracker's rules were built with this clip in view: it is no unseen test. icsi-stills: bright
field and Hoffman stills without licence, measured only; the scale is the one that is estimated from all pictures of a
size, then one typed in, as 6.5 um for the size's median box (boxes reach round the head's fringe).
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.average_precision import HEADER, Judged, average_precision, best_f1, judge, rates, row
from spermscope.detect import FAINT, BoxDetector, Detector, HeatmapDetector
from spermscope.model_file import shipped
from spermscope.pipeline import Pipeline
from spermscope.polarity import PolarityVote
from spermscope.runtime import Model, load_model
from spermscope.settings import Settings
from spermscope.several_scales import SeveralScales
from spermscope.types import Frame, Scale, SourceProfile
from spermscope.video import open_source
from spermscope.video.folder import ImageFolder
from spermscope.video.probe import probe
from spermscope.video.stills import StillScales

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EVERYTHING = 0.05
"""Share of the threshold down to which detections are scored."""
BLOCK = 4
BOX_UM = 6.5
PLACES_PX = ((0, 0), (1, 0), (3, 5), (7, 2), (11, 8))
"""By which the pictures of the clip are moved to the right and down."""


@dataclass(frozen=True)
class Seen:
    """Centres and scores in one picture, with the boxes ``(class, cx, cy, w, h)`` that it has."""

    name: str
    image: np.ndarray
    xy_px: np.ndarray
    score: np.ndarray
    boxes: np.ndarray

    def judged(self) -> Judged:
        """Hits on boxes of class 0; what lies on others is excused."""
        sperm, others = (self.boxes[which, 1:] for which in (self.boxes[:, 0] == 0, self.boxes[:, 0] != 0))
        far = np.hypot(*(self.xy_px[:, None] - sperm[None, :, :2]).transpose(2, 0, 1))
        return judge(self.score, inside(self.xy_px, sperm), far, inside(self.xy_px, others).any(axis=1))


def inside(points: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """``(N, B)``: is the point inside the box ``(cx, cy, w, h)``."""
    return np.all(np.abs(points[:, None] - boxes[None, :, :2]) <= boxes[None, :, 2:] / 2, axis=2)


def read_boxes(path: Path, key: str) -> dict[str, np.ndarray]:
    """Rows ``(class, cx, cy, w, h)`` in fractions of the picture, by image or frame."""
    boxes: dict[str, list[list[float]]] = defaultdict(list)
    for line in csv.DictReader(path.open(encoding="utf-8")):
        boxes[line[key]].append([float(line.get("class", 0)), *(float(line[name]) for name in ("cx", "cy", "w", "h"))])
    return {name: np.array(rows) for name, rows in boxes.items()}


def in_pixels(boxes: np.ndarray, image: np.ndarray) -> np.ndarray:
    """The same boxes in pixels of ``image``."""
    height, width = image.shape
    return boxes * np.array([1, width, height, width, height])


def detectors(models: dict[str, Model]) -> dict[str, tuple[float, Model | None]]:
    """Name, threshold and model of each network and of the hand-set boxes."""
    found = {
        "network" if len(models) == 1 else f"network {name}": (
            float(np.ravel(model.card.constants["threshold"])[0]),
            model,
        )
        for name, model in models.items()
    }
    return {**found, "difference of boxes": (0.0, None)}


def open_one(profile: SourceProfile, model: Model | None) -> Detector:
    """Every detection worth a score."""
    return HeatmapDetector(profile, Settings(), model, EVERYTHING) if model else BoxDetector(profile, Settings())


def visem(models: dict[str, Model], pictures: Path | None) -> None:
    """The clip as it is, and then moved: single frames with one polarity voted, and tracks."""
    boxes = read_boxes(DATA / "visem52" / "boxes.csv", "frame")
    places: dict[str, list[tuple[float, ...]]] = {}
    for name, (threshold, model) in detectors(models).items():
        for place in PLACES_PX if model else PLACES_PX[:1]:
            found = {"single frames": (single_frames(boxes, model, place), threshold)}
            if model:
                counted, every = tracks(boxes, model, place)
                found |= {"every track": (every, 0.0), "tracks that count": (counted, 0.0)}
            for what, (frames, least) in found.items():
                judged = [seen.judged() for seen in frames]
                if place == (0, 0):
                    sys.stdout.write(row(f"visem52, {name}, {what}", judged, least, BLOCK))
                    sys.stdout.flush()
                measures = average_precision(judged), best_f1(judged), *rates(judged, least)
                places.setdefault(f"{name}, {what}", []).append(measures)
            if model and place == (0, 0):
                draw(counted, pictures, 0.0)
    sys.stdout.write("\n| visem52, five places | AP | best F1 | recall | precision | F1 |\n|---|---|---|---|---|---|\n")
    for name, rows in places.items():
        if len(rows) == len(PLACES_PX):
            parts = [f"{np.mean(part):.3f} ({min(part):.3f}-{max(part):.3f})" for part in zip(*rows, strict=True)]
            sys.stdout.write(f"| {name} | {' | '.join(parts)} |\n")


def moved(image: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """The picture further right and down; its border stands where nothing is known."""
    right, down = place
    kept = image[: image.shape[0] - down, : image.shape[1] - right]
    return cv2.copyMakeBorder(kept, down, 0, right, 0, cv2.BORDER_REPLICATE)


def labelled(boxes: np.ndarray, image: np.ndarray, place: tuple[int, int]) -> np.ndarray:
    """The boxes in pixels where they lie in the moved picture; those whose middle left it are no more."""
    there = in_pixels(boxes, image) + np.array([0, *place, 0, 0])
    return there[np.all(there[:, 1:3] < image.shape[::-1], axis=1)]


def single_frames(boxes: dict[str, np.ndarray], model: Model | None, place: tuple[int, int]) -> list[Seen]:
    """Detections in the labelled frames after the polarity vote of the frames before."""
    found = []
    with open_source(DATA / "visem52" / "visem52_dev.mp4") as source:
        detector, vote = open_one(source.profile, model), PolarityVote(source.profile.scale.um_per_px)
        for frame in source:
            if str(frame.index) not in boxes and frame.index >= 32:
                continue
            there = replace(frame, image=moved(frame.image, place))
            seen = vote.step(there, detector.detect(there))
            seen = seen.where(seen.sperm)
            if str(frame.index) in boxes:
                own = labelled(boxes[str(frame.index)], frame.image, place)
                found.append(Seen(f"visem52_{frame.index}", there.image, seen.xy_px, seen.score, own))
    return found


def tracks(boxes: dict[str, np.ndarray], model: Model, place: tuple[int, int]) -> tuple[list[Seen], list[Seen]]:
    """Centres of the tracks that count, as ``tracks.csv`` has them, and of every track."""
    places: dict[int, list[tuple[int, list[float]]]] = defaultdict(list)
    scores: dict[int, list[float]] = defaultdict(list)
    counted: set[int] = set()
    images: dict[int, np.ndarray] = {}
    with open_source(DATA / "visem52" / "visem52_dev.mp4") as source:
        pipeline = Pipeline(source.profile, detector=HeatmapDetector(source.profile, Settings(), model, FAINT))
        for frame in source:
            step = pipeline.step(replace(frame, image=moved(frame.image, place)))
            live = step.tracks
            for line, track_id in enumerate(live.track_id.tolist()):
                if live.observed[line]:
                    scores[track_id].append(float(step.detections.score[live.detection[line]]))
                if live.confirmed[line]:
                    counted.add(track_id)
                if str(frame.index) in boxes:
                    places[frame.index].append((track_id, live.xy_px[line].tolist()))
                    images[frame.index] = step.frame.image
    found: tuple[list[Seen], list[Seen]] = ([], [])
    for index, image in images.items():
        own = labelled(boxes[str(index)], image, place)
        for every, rows in enumerate(found):
            here = [(t, xy) for t, xy in places[index] if every or t in counted]
            xy_px = np.array([xy for _, xy in here]).reshape(-1, 2)
            score = np.array([np.mean(scores[t]) for t, _ in here])
            rows.append(Seen(f"visem52_{index}", image, xy_px, score, own))
    return found


def stills(models: dict[str, Model], pictures: Path | None) -> None:
    """The stills, all together and by camera."""
    folder = DATA / "icsi-stills"
    boxes = read_boxes(folder / "boxes.csv", "image")
    images = {name: cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE) for name in sorted(boxes)}
    sizes: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, image in images.items():
        sizes[image.shape].append(name)
    estimated = StillScales(ImageFolder.of_folder(folder, stills=True, fps=None))
    for given in (False, True):
        profiles = {}
        for size, names in sizes.items():
            alike = [images[name] for name in names]
            widths = np.concatenate([boxes[name][:, 3] * size[1] for name in names])
            scale = Scale(BOX_UM / float(np.median(widths)), "given") if given else estimated.of_size(alike[0])
            sys.stdout.write(f"{size[1]}x{size[0]}: {scale}\n" if not given else "")
            profile = probe(alike, range(len(names)), scale, "index")
            for name in names:
                own = scale if given else estimated.of(images[name])
                sys.stdout.write(f"- {name}: {own}\n" if own != scale else "")
                profiles[name] = replace(profile, scale=own)
        for name, (threshold, model) in detectors(models).items():
            seen = [still(n, image, profiles[n], model, in_pixels(boxes[n], image)) for n, image in images.items()]
            label = f"icsi-stills, scale {'given' if given else 'estimated'}, {name}"
            sys.stdout.write(row(label, [one.judged() for one in seen], threshold))
            if model:
                for camera in sorted({one.name[:2] for one in seen}):
                    part = [one.judged() for one in seen if one.name.startswith(camera)]
                    sys.stdout.write(row(f"- camera {camera}", part, threshold))
                draw(seen, pictures if given else None, threshold)


def still(name: str, image: np.ndarray, profile: SourceProfile, model: Model | None, boxes: np.ndarray) -> Seen:
    """One picture by itself."""
    sized = replace(profile, width_px=image.shape[1], height_px=image.shape[0])
    if model is None:
        detector: Detector = BoxDetector(sized, Settings())
    else:
        detector = SeveralScales(sized, Settings(), model, EVERYTHING)
    seen = detector.detect(Frame(image, 0, 0.0))
    seen = seen.where(seen.sperm)
    return Seen(name, image, seen.xy_px, seen.score, boxes)


def draw(pictures: list[Seen], folder: Path | None, threshold: float) -> None:
    """Boxes that were hit green, missed ones yellow, others grey; detections that hit white, false ones red."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for seen in pictures:
        canvas = cv2.cvtColor(seen.image, cv2.COLOR_GRAY2BGR)
        sure = seen.score >= threshold
        on = inside(seen.xy_px[sure], seen.boxes[:, 1:])
        for number, (kind, x, y, w, h) in enumerate(seen.boxes.tolist()):
            colour = (160, 160, 160) if kind else (0, 200, 0) if on[:, number].any() else (0, 220, 255)
            corners = ((round(x - w / 2), round(y - h / 2)), (round(x + w / 2), round(y + h / 2)))
            cv2.rectangle(canvas, *corners, colour, 1)
        for (x, y), hit in zip(seen.xy_px[sure].tolist(), on.any(axis=1).tolist(), strict=True):
            cv2.circle(canvas, (round(x), round(y)), 4, (255, 255, 255) if hit else (0, 0, 255), 1)
        cv2.imwrite(str(folder / f"{Path(seen.name).stem}.png"), canvas)


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("sets", nargs="*", help="visem, stills; both when not named")
    words.add_argument("--model", type=Path, nargs="+", default=[shipped("detector")])
    words.add_argument("--int8", action="store_true", help="their int8 variants")
    words.add_argument("--pictures", type=Path)
    asked = words.parse_args()
    if not DATA.is_dir():
        sys.stdout.write("no recordings beside the checkout: nothing measured\n")
        return
    precision = "int8" if asked.int8 else "f32"
    models = {path.stem: load_model(path, threads=2, precision=precision) for path in asked.model}
    sys.stdout.write(HEADER)
    for name in asked.sets or ["visem", "stills"]:
        {"visem": visem, "stills": stills}[name](models, asked.pictures)


if __name__ == "__main__":
    main()
