"""A picture looked at at several scales: where its scale is in doubt, so is what one look shows.

At each scale it is looked at as it is and mirrored three ways, so that what hangs on how a head lies on the network's
grid averages out. A head's score is its mean over the looks, each weighing as much as its scale is likely (what a look
does not show scores 0 there). Likely is what the stated scale and its interval say, normal in log um/px, times what the
looks themselves say: at the right scale the detector is surest of what it sees. A look costs as much as a frame of
video, so this is for pictures that stand by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spermscope.detect import SAME_HEAD_UM, BoxDetector, Detector, HeatmapDetector, threshold_of
from spermscope.model_file import shipped
from spermscope.runtime import Model, load_in
from spermscope.settings import Settings
from spermscope.types import Detections, Frame, Scale, SourceProfile

LOOKS_AT = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
"""Standard deviations of the scale at which is looked."""
HEADS_DIFFER = 0.13
"""Standard deviation, in log um, that is left where the scale is measured, since heads are not of one size; the network
learned from scales that were off by as much."""
SURE = 8.0
"""E-folds of likelihood that a scale gains for a sureness of 1. On 160 simulated sources of known scale 6 to 10 told it
best (seeds 900000 to 900159 of ``training.scale``)."""
MOST_PX = 1_000_000
"""Working pixels of a picture that are looked at to tell the scale; its middle is, where it has more."""
UNSURE, UNSURE_WEIGHT = 0.45, 0.3
"""Sureness of a look that shows nothing, and how much score it takes to outweigh it."""
MIRRORS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
"""Steps down and across a picture."""
FAINTEST = 0.3
"""Share of the threshold down to which a single look is read."""


def open_still_detector(profile: SourceProfile, settings: Settings, model: Model | None = None) -> Detector:
    """The detector of pictures that stand by themselves; the shipped network unless ``model`` is given."""
    if settings.detect.method == "boxes":
        return BoxDetector(profile, settings)
    return SeveralScales(
        profile, settings, model or load_in(shipped("detector"), settings.precision, threads=settings.threads)
    )


class SeveralScales:
    """See the module. Scores are shares of heads, as those of ``HeatmapDetector``; down to ``share`` of its threshold.

    A single look is read down to ``FAINTEST`` of the threshold.
    """

    def __init__(self, profile: SourceProfile, settings: Settings, model: Model, share: float = 1.0) -> None:
        self.model = model
        um_per_px, error = profile.scale.um_per_px, profile.scale.relative_error
        spread = np.hypot(HEADS_DIFFER, np.log1p(error) / 1.96 if np.isfinite(error) else 0.0)
        scales = um_per_px * np.exp(spread * LOOKS_AT)
        self._likely = np.exp(-0.5 * LOOKS_AT**2)
        self._looks = [
            HeatmapDetector(replace(profile, scale=Scale(scale, "given")), settings, model, FAINTEST)
            for scale in scales.tolist()
        ]
        self._least = share * threshold_of(settings, model)
        self._apart_px = SAME_HEAD_UM / um_per_px

    def detect(self, frame: Frame) -> Detections:
        """See ``Detector``."""
        looks = [look for scale in self._looks for look in mirrored(scale, frame)]
        sure = np.array([sureness(look) for look in looks]).reshape(len(self._looks), len(MIRRORS)).mean(axis=1)
        likely = np.repeat(self._likely * np.exp(SURE * sure), len(MIRRORS))
        seen = mean_of(looks, likely / likely.sum(), self._apart_px)
        return seen.where(seen.score >= self._least)


def mirrored(detector: Detector, frame: Frame) -> list[Detections]:
    """What the detector sees of the frame and of its mirror images, all in the frame's own pixels."""
    last = np.array([frame.image.shape[1], frame.image.shape[0]], np.float32) - 1
    looks = []
    for down, across in MIRRORS:
        seen = detector.detect(replace(frame, image=np.ascontiguousarray(frame.image[::down, ::across])))
        xy = np.where([across < 0, down < 0], last - seen.xy_px, seen.xy_px)
        looks.append(replace(seen, xy_px=xy))
    return looks


def sureness(seen: Detections) -> float:
    """Mean score of heads, each weighing by its score: of two looks at a picture the better one is surer, 0..1."""
    score = seen.score[seen.sperm].astype(np.float64)
    return float(((score**2).sum() + UNSURE_WEIGHT * UNSURE) / (score.sum() + UNSURE_WEIGHT))


def sureness_at(
    images: Sequence[NDArray[np.uint8]], scales_um_per_px: NDArray[np.float64], model: Model
) -> NDArray[np.float64]:
    """``(S,)`` how sure the detector is of the pictures, on average, if they are taken at each of those scales."""
    return np.array([np.mean([_sure(image, scale, model) for image in images]) for scale in scales_um_per_px.tolist()])


def _sure(image: NDArray[np.uint8], um_per_px: float, model: Model) -> float:
    share = min(1.0, float(np.sqrt(MOST_PX / image.size)) * model.card.um_per_px / um_per_px)
    height, width = (max(1, int(share * side)) for side in image.shape)
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    middle = np.ascontiguousarray(image[top : top + height, left : left + width])
    profile = SourceProfile(width, height, float("nan"), Scale(um_per_px, "given"), 0, 0.0, 0.0)
    return sureness(HeatmapDetector(profile, Settings(), model, FAINTEST).detect(Frame(middle, 0, 0.0)))


def mean_of(looks: list[Detections], weight: NDArray[np.float64], apart_px: float) -> Detections:
    """One row for what several looks show within ``apart_px`` of each other, of one label: score is the weighted mean.

    ``weight`` sums to 1. Place and box are those of the row that adds most.
    """
    every = Detections(
        *(np.concatenate([getattr(look, name) for look in looks]) for name in ("xy_px", "wh_px", "score", "sperm"))
    )
    adds = every.score * np.repeat(weight, [len(look) for look in looks])
    look_of = np.repeat(np.arange(len(looks)), [len(look) for look in looks])
    if not len(every):
        return every
    # Labels lie far apart in the third coordinate.
    tree = cKDTree(np.column_stack([every.xy_px, np.where(every.sperm, 0.0, 1e6)]))
    near = tree.query_ball_point(tree.data, apart_px)
    left, kept, score = np.ones(len(every), np.bool_), [], []
    for row in np.argsort(-adds, kind="stable").tolist():
        if not left[row]:
            continue
        members = [other for other in near[row] if left[other]]
        best = np.zeros(len(looks))
        np.maximum.at(best, look_of[members], adds[members])
        left[members] = False
        kept.append(row)
        score.append(best.sum())
    return replace(every.where(np.array(kept)), score=np.array(score, np.float32))
