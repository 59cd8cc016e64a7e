"""The streaming grader: every crop is encoded once, and a head sees the latest second of what came of it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.clips import MOTION_FEATURES, central_lift, to_model_input
from spermscope.grade.answers import OFF, answer, crops_apart, displacements, golden_shape, rate_reason, unlike_above
from spermscope.grade.sparing import Sparing
from spermscope.runtime import Model, ModelCard
from spermscope.settings import Settings
from spermscope.types import Clip, Crops, Grades, SourceProfile

CROPS_HZ = 15.0
"""Rate of the crops whose displacements the head reads; the card's rate is that of its tokens."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What is kept of one crop; ``token`` is None where none was due.

    ``numbers``: its time in s, x and y in um, 1 where it was observed, and how far its centre stands out (NaN where no
    token was due).
    """

    token: NDArray[np.float32] | None
    numbers: tuple[float, ...]

    @property
    def time_s(self) -> float:
        """When it was taken."""
        return self.numbers[0]


class StreamingGrader:
    """Encodes every crop once that is due at the model's rate, and lets the head see the last second of tokens.

    Crops come at the clip's rate, tokens at the model card's: at half of it every second crop is encoded, and a track
    is graded anew with each token. A whole clip's tokens count back from its last crop.
    """

    def __init__(self, profile: SourceProfile, settings: Settings, model: Model) -> None:
        self.model = model
        self.reason = rate_reason(profile)
        self.every = crops_apart(model.card, settings.clip)
        if abs(settings.clip.rate_hz / CROPS_HZ - 1.0) > OFF:
            raise ValueError(
                f"{model.card.name}: expected {CROPS_HZ:g} crops a second, found {settings.clip.rate_hz:g}"
            )
        self.span, self._token = golden_shape(model, "head/in/tokens")[1:]
        self._least = settings.grade.min_crops
        if settings.clip.length < self._least:
            raise ValueError(
                f"{model.card.name}: expected clips of {self._least} crops or more, found {settings.clip.length}"
            )
        self.first = 1 + -(-(self._least - 1) // self.every) * self.every
        self._far = unlike_above(model.card)
        self._kept: dict[int, deque[_Look]] = {}
        self._count: Counter[int] = Counter()
        self._sparing = Sparing()

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self.model.card

    def step(self, crops: Crops, *, late: bool = False) -> Grades:
        """See ``Grader``. Whose turn it is not although it is due lacks a token there for as long as it would count."""
        if self.reason or not len(crops):
            return Grades.empty(len(self.card.grades))
        ids = crops.track_id.tolist()
        turn = self._sparing.whose_turn((one for one in ids if self._count[one] % self.every == 0), late=late)
        due = np.array([track_id in turn for track_id in ids])
        self._count.update(ids)
        looks = self._look(crops.frames, due, crops.time_s, crops.xy_um, crops.observed)
        for track_id, look in zip(ids, looks, strict=True):
            self._kept.setdefault(track_id, deque(maxlen=self.span)).append(look)
        ready = [track_id for track_id, new in zip(ids, due, strict=True) if new]
        ready = [track_id for track_id in ready if len(self._kept[track_id]) >= self._least]
        return self._grade(ready, [list(self._kept[track_id]) for track_id in ready])

    def grade_clips(self, clips: list[Clip]) -> Grades:
        """See ``Grader``."""
        found = []
        for clip in clips:
            last = slice(-self.span, None)
            due = np.arange(len(clip.frames))[::-1][last] % self.every == 0
            found.append(self._look(clip.frames[last], due, clip.time_s[last], clip.xy_um[last], clip.observed[last]))
        return self._grade([clip.track_id for clip in clips], found)

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """See ``Grader``."""
        for track_id in track_ids.tolist():
            self._kept.pop(track_id, None)
            self._count.pop(track_id, None)
        self._sparing.forget(track_ids.tolist())

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
        numbers = np.column_stack([time_s, xy_um, observed, lift]).tolist()
        return [_Look(token, tuple(row)) for token, row in zip(tokens, numbers, strict=True)]

    def _grade(self, track_ids: list[int], batch: list[list[_Look]]) -> Grades:
        """A row for each track; every list holds at least one token and ends with the latest crop."""
        if not batch:
            return Grades.empty(len(self.card.grades))
        count, length = len(batch), self.span
        tokens = np.zeros((count, length, self._token), np.float32)
        motion = np.zeros((count, length, MOTION_FEATURES), np.float32)
        valid = np.zeros((count, length), np.float32)
        lift = np.empty(count)
        for row, looks in enumerate(batch):
            for place, look in enumerate(looks, length - len(looks)):
                if look.token is not None:
                    tokens[row, place], valid[row, place] = look.token, 1.0
        lengths = np.array([len(looks) for looks in batch])
        for seen in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == seen)
            table = np.array([[look.numbers for look in batch[row]] for row in rows.tolist()])
            time_s, xy_um, observed, lifts = table[..., 0], table[..., 1:3], table[..., 3] > 0, table[..., 4]
            motion[rows, length - seen :] = displacements(time_s, xy_um, observed)
            lift[rows] = np.nanmedian(lifts, axis=1)
        out = self.model.run("head", {"tokens": tokens, "motion": motion, "valid": valid})
        return answer(track_ids, [looks[-1].time_s for looks in batch], out, lift, self._far)
