"""Crops to predicted distributions of expert grades, as they come (streaming) or for whole clips."""

from __future__ import annotations

from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spermscope.clips import MOTION_FEATURES, central_lift, motion_features, to_model_input
from spermscope.runtime import Model, ModelCard, load_model, shipped
from spermscope.settings import Settings
from spermscope.types import Clip, Crops, Grades, SourceProfile

LEAST_RATE_HZ = 12.0
LEAST_LIFT = 0.35
"""Where less stands out at the centre there is no head to grade: three times what pure noise shows."""


class Grader(Protocol):
    """Grades cells.

    ``reason`` says why nothing is graded on this source, '' when it is. ``step`` is called once a frame with the crops
    that fell due and answers for those tracks that have enough of them; ``grade_clips`` grades exactly the given crops;
    ``forget`` lets go of ended tracks.
    """

    reason: str
    model: Model

    def step(self, crops: Crops) -> Grades:
        """Running grades of the tracks in ``crops``; may have fewer rows."""
        ...

    def grade_clips(self, clips: list[Clip]) -> Grades:
        """One row for each clip, in order."""
        ...

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """Drop what is kept of these tracks."""
        ...


def open_grader(profile: SourceProfile, settings: Settings, model: Model | None = None) -> Grader:
    """The streaming grader; the shipped demonstration model unless ``model`` is given."""
    return StreamingGrader(profile, settings, model or load_model(shipped("grader"), threads=settings.threads))


class StreamingGrader:
    """Encodes every crop once, keeps its token, and lets the head see the last second of tokens."""

    def __init__(self, profile: SourceProfile, settings: Settings, model: Model) -> None:
        self.model = model
        self.reason = ""
        if np.isfinite(profile.rate_hz) and profile.rate_hz < LEAST_RATE_HZ:
            self.reason = f"not graded: {profile.rate_hz:.3g} fps is below {LEAST_RATE_HZ:g}"
        self._length = settings.clip.length
        self._least = settings.grade.min_crops
        self._unlike_above = float(np.ravel(model.card.constants["unlike_above"])[0])
        self._kept: dict[int, deque[tuple[NDArray[np.float32], float, float, float, bool, float]]] = {}

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self.model.card

    def step(self, crops: Crops) -> Grades:
        """See ``Grader``."""
        if self.reason or not len(crops):
            return Grades.empty(len(self.card.grades))
        tokens, lift = self._encode(crops.frames)
        ready = []
        for row, track_id in enumerate(crops.track_id.tolist()):
            kept = self._kept.setdefault(track_id, deque(maxlen=self._length))
            x, y = crops.xy_um[row].tolist()
            kept.append((tokens[row], float(crops.time_s[row]), x, y, bool(crops.observed[row]), float(lift[row])))
            if len(kept) >= self._least:
                ready.append(track_id)
        if not ready:
            return Grades.empty(len(self.card.grades))
        parts = [list(zip(*self._kept[track_id], strict=True)) for track_id in ready]
        batch = [(np.stack(p[0]), np.array(p[1]), np.column_stack([p[2], p[3]]), np.array(p[4])) for p in parts]
        return self._grade(np.array(ready, np.int64), batch, [float(np.median(p[5])) for p in parts])

    def grade_clips(self, clips: list[Clip]) -> Grades:
        """See ``Grader``."""
        if not clips:
            return Grades.empty(len(self.card.grades))
        tokens, lift = self._encode(np.concatenate([clip.frames for clip in clips]))
        edges = np.cumsum([len(clip.frames) for clip in clips])[:-1]
        parts, lifts = np.split(tokens, edges), np.split(lift, edges)
        batch = [(part, clip.time_s, clip.xy_um, clip.observed) for part, clip in zip(parts, clips, strict=True)]
        ids = np.array([clip.track_id for clip in clips], np.int64)
        return self._grade(ids, batch, [float(np.median(part)) for part in lifts])

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """See ``Grader``."""
        for track_id in track_ids.tolist():
            self._kept.pop(track_id, None)

    def _encode(self, frames: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Tokens, and how far each crop's centre stands out."""
        inputs = to_model_input(frames)
        return self.model.run("encoder", {"picture": inputs[:, None]})["token"], central_lift(inputs)

    def _grade(
        self,
        track_ids: NDArray[np.int64],
        batch: list[tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]],
        lift: list[float],
    ) -> Grades:
        count = len(batch)
        tokens = np.zeros((count, self._length, batch[0][0].shape[1]), np.float32)
        motion = np.zeros((count, self._length, MOTION_FEATURES), np.float32)
        valid = np.zeros((count, self._length), np.float32)
        for row, (token, time_s, xy_um, observed) in enumerate(batch):
            last = slice(self._length - len(token), self._length)
            tokens[row, last], valid[row, last] = token, 1.0
            motion[row, last] = motion_features(time_s, xy_um, observed)
        out = self.model.run("head", {"tokens": tokens, "motion": motion, "valid": valid})
        logits = out["logits"].astype(np.float64)
        each = np.exp(logits - logits.max(axis=2, keepdims=True))
        each /= each.sum(axis=2, keepdims=True)
        means = each @ np.arange(1.0, each.shape[2] + 1.0)
        return Grades(
            track_id=track_ids,
            time_s=np.array([time_s[-1] for _, time_s, _, _ in batch]),
            probabilities=each.mean(axis=1),
            uncertainty=means.std(axis=1),
            unlike=(out["distance"] > self._unlike_above) | (np.array(lift) < LEAST_LIFT),
            embedding=out["embedding"],
        )
