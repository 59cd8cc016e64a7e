"""Crops to predicted distributions of expert grades, as they come (streaming) or for whole clips."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
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

    ``reason`` says why nothing is graded on this source, '' when it is. A track is graded at its first crop and every
    ``every`` crops later, once it has enough. ``step`` is called once a frame with the crops
    that fell due and answers for those tracks that have enough of them; ``grade_clips`` grades exactly the given crops;
    ``forget`` lets go of ended tracks.
    """

    reason: str
    every: int
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
    return StreamingGrader(profile, settings, model or load_model(shipped("grader")))


@dataclass(frozen=True, slots=True)
class _Look:
    """What is kept of one crop; ``token`` is None where none was due."""

    token: NDArray[np.float32] | None
    lift: float
    time_s: float
    xy_um: NDArray[np.float64]
    observed: bool


class StreamingGrader:
    """Encodes every crop once that is due at the model's rate, and lets the head see the last second of tokens.

    Crops come at the clip's rate, tokens at the model card's: at half of it every second crop is encoded, and a track
    is graded anew with each token. A whole clip's tokens count back from its last crop.
    """

    def __init__(self, profile: SourceProfile, settings: Settings, model: Model) -> None:
        self.model = model
        self.reason = ""
        if np.isfinite(profile.rate_hz) and profile.rate_hz < LEAST_RATE_HZ:
            self.reason = f"not graded: {profile.rate_hz:.3g} fps is below {LEAST_RATE_HZ:g}"
        self._length = settings.clip.length
        self._least = settings.grade.min_crops
        self.every = max(1, round(settings.clip.rate_hz / (model.card.rate_hz or settings.clip.rate_hz)))
        self._unlike_above = float(np.ravel(model.card.constants["unlike_above"])[0])
        self._token = model.golden["head/in/tokens"].shape[-1]
        self._kept: dict[int, deque[_Look]] = {}
        self._count: Counter[int] = Counter()

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self.model.card

    def step(self, crops: Crops) -> Grades:
        """See ``Grader``."""
        if self.reason or not len(crops):
            return Grades.empty(len(self.card.grades))
        ids = crops.track_id.tolist()
        due = np.array([self._count[track_id] % self.every == 0 for track_id in ids])
        self._count.update(ids)
        looks = self._look(crops.frames, due, crops.time_s, crops.xy_um, crops.observed)
        for track_id, look in zip(ids, looks, strict=True):
            self._kept.setdefault(track_id, deque(maxlen=self._length)).append(look)
        ready = [track_id for track_id, new in zip(ids, due, strict=True) if new]
        ready = [track_id for track_id in ready if len(self._kept[track_id]) >= self._least]
        return self._grade(ready, [list(self._kept[track_id]) for track_id in ready])

    def grade_clips(self, clips: list[Clip]) -> Grades:
        """See ``Grader``."""
        found = []
        for clip in clips:
            due = np.arange(len(clip.frames))[::-1] % self.every == 0
            found.append(self._look(clip.frames, due, clip.time_s, clip.xy_um, clip.observed))
        return self._grade([clip.track_id for clip in clips], found)

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """See ``Grader``."""
        for track_id in track_ids.tolist():
            self._kept.pop(track_id, None)
            self._count.pop(track_id, None)

    def _look(
        self,
        frames: NDArray[np.uint8],
        due: NDArray[np.bool_],
        time_s: NDArray[np.float64],
        xy_um: NDArray[np.float64],
        observed: NDArray[np.bool_],
    ) -> list[_Look]:
        """Encode the crops that are due, all at once, and remember how far each one's centre stands out."""
        tokens: list[NDArray[np.float32] | None] = [None] * len(frames)
        lift = np.full(len(frames), np.nan)
        if due.any():
            inputs = to_model_input(frames[due])
            lift[due] = central_lift(inputs)
            for row, token in zip(
                np.flatnonzero(due), self.model.run("encoder", {"picture": inputs[:, None]})["token"], strict=True
            ):
                tokens[row] = token
        return [
            _Look(token, *rest)
            for token, *rest in zip(tokens, lift.tolist(), time_s.tolist(), xy_um, observed.tolist(), strict=True)
        ]

    def _grade(self, track_ids: list[int], batch: list[list[_Look]]) -> Grades:
        """A row for each track; every list holds at least one token and ends with the latest crop."""
        if not batch:
            return Grades.empty(len(self.card.grades))
        count, length = len(batch), self._length
        tokens = np.zeros((count, length, self._token), np.float32)
        motion = np.zeros((count, length, MOTION_FEATURES), np.float32)
        valid = np.zeros((count, length), np.float32)
        for row, looks in enumerate(batch):
            first = length - len(looks)
            for place, look in enumerate(looks, first):
                if look.token is not None:
                    tokens[row, place], valid[row, place] = look.token, 1.0
            motion[row, first:] = motion_features(
                np.array([look.time_s for look in looks]),
                np.array([look.xy_um for look in looks]),
                np.array([look.observed for look in looks]),
            )
        out = self.model.run("head", {"tokens": tokens, "motion": motion, "valid": valid})
        logits = out["logits"].astype(np.float64)
        each = np.exp(logits - logits.max(axis=2, keepdims=True))
        each /= each.sum(axis=2, keepdims=True)
        means = each @ np.arange(1.0, each.shape[2] + 1.0)
        lift = np.array([np.nanmedian([look.lift for look in looks]) for looks in batch])
        return Grades(
            track_id=np.array(track_ids, np.int64),
            time_s=np.array([looks[-1].time_s for looks in batch]),
            probabilities=each.mean(axis=1),
            uncertainty=means.std(axis=1),
            unlike=(out["distance"] > self._unlike_above) | (lift < LEAST_LIFT),
            embedding=out["embedding"],
        )
