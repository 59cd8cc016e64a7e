"""The streaming grader: every crop is encoded once, and a head sees the latest second of what came of it."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.clips import MOTION_FEATURES, central_lift, to_model_input
from spermscope.grade.answers import (
    OFF,
    answer,
    crops_apart,
    displacements,
    doubt_of,
    golden_shape,
    rate_reason,
    unlike_above,
)
from spermscope.grade.sparing import Sparing
from spermscope.model_file import Arrays, ModelCard
from spermscope.runtime import Model
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


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the head makes of one row of looks at a cell: its outputs, and how far the centre stood out, the median.

    ``crop``: the number of the crop that ends the row.
    """

    crop: int
    out: Arrays
    lift: float


class StreamingGrader:
    """Encodes every crop once that is due at the model's rate, and lets the head see the last second of tokens.

    Crops come at the clip's rate, tokens at the model card's: at half of it every second crop is encoded, and a track
    is graded anew with each token. A whole clip's tokens count back from its last crop.

    With ``settings.grade.every_crop`` the crops between are rows of looks of their own: each ends a crop earlier and
    has no look in common with the others. A grade is the mean of the latest reading of each row.
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
        self._rows = self.every if settings.grade.every_crop else 1
        self._far, self._doubt = unlike_above(model.card), doubt_of(model.card)
        self._kept: dict[int, deque[_Look]] = {}
        self._read: dict[int, deque[_Reading]] = {}
        self._count: Counter[int] = Counter()
        self._sparing = Sparing()
        self._late = False

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self.model.card

    def step(self, crops: Crops, *, late: bool = False) -> Grades:
        """See ``Grader``. Whose turn it is not although it is due lacks a token there for as long as it would count."""
        if self.reason or not len(crops):
            return Grades.empty(len(self.card.grades))
        ids = crops.track_id.tolist()
        # How many crops later the next one comes that the model needs: 0 where it is this one.
        ahead = {one: -self._count[one] % self.every for one in ids}
        # What lies between is left out first; a cell whose turn it is, when that has not helped.
        spare, self._late = late and (self._late or self._rows == 1), late
        turn = self._sparing.whose_turn((one for one in ids if not ahead[one]), late=spare)
        due = np.array([one in turn or (0 < ahead[one] < self._rows and not late) for one in ids])
        self._count.update(ids)
        looks = self._look(crops.frames, due, crops.time_s, crops.xy_um, crops.observed)
        for track_id, look in zip(ids, looks, strict=True):
            self._kept.setdefault(track_id, deque(maxlen=self.span)).append(look)
        ready = [one for one, new in zip(ids, due, strict=True) if new and len(self._kept[one]) >= self._least]
        rows = [list(self._kept[one])[ahead[one] - self.span :] for one in ready]
        for one, reading in zip(ready, self._read_rows(rows, [self._count[one] for one in ready]), strict=True):
            self._read.setdefault(one, deque(maxlen=self._rows)).appendleft(reading)
        told = [one for one in ready if len(self._kept[one]) >= self.first]
        ends_s = [self._kept[one][-1].time_s for one in told]
        return self._mean(told, ends_s, [self._latest(self._read[one]) for one in told])

    def grade_clips(self, clips: list[Clip]) -> Grades:
        """See ``Grader``."""
        looks: list[list[_Look]] = []
        readings: list[list[_Reading]] = [[] for _ in clips]
        for clip in clips:
            last = slice(-self.span, None)
            due = np.arange(len(clip.frames))[::-1][last] % self.every < self._rows
            looks.append(self._look(clip.frames[last], due, clip.time_s[last], clip.xy_um[last], clip.observed[last]))
        for earlier in range(self._rows):
            whose = [at for at, row in enumerate(looks) if not earlier or len(row) - earlier >= self._least]
            rows = [looks[at][: len(looks[at]) - earlier] for at in whose]
            for at, reading in zip(whose, self._read_rows(rows, [-earlier] * len(rows)), strict=True):
                readings[at].append(reading)
        return self._mean([clip.track_id for clip in clips], [clip.time_s[-1] for clip in clips], readings)

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """See ``Grader``."""
        for track_id in track_ids.tolist():
            self._kept.pop(track_id, None)
            self._read.pop(track_id, None)
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

    def _read_rows(self, rows: list[list[_Look]], crops: list[int]) -> list[_Reading]:
        """A reading of each row of looks, which ends with the crop of that number: of it the row's looks count back."""
        if not rows:
            return []
        count, length = len(rows), self.span
        tokens = np.zeros((count, length, self._token), np.float32)
        motion = np.zeros((count, length, MOTION_FEATURES), np.float32)
        valid = np.zeros((count, length), np.float32)
        lift = np.empty(count)
        for row, looks in enumerate(rows):
            for place in range(1, len(looks) + 1, self.every):
                if (token := looks[-place].token) is not None:
                    tokens[row, -place], valid[row, -place] = token, 1.0
        lengths = np.array([len(looks) for looks in rows])
        for seen in np.unique(lengths).tolist():
            which = np.flatnonzero(lengths == seen)
            table = np.array([[look.numbers for look in rows[row]] for row in which.tolist()])
            time_s, xy_um, observed, lifts = table[..., 0], table[..., 1:3], table[..., 3] > 0, table[..., 4]
            motion[which, length - seen :] = displacements(time_s, xy_um, observed)
            lift[which] = np.nanmedian(lifts[:, :: -self.every], axis=1)
        out = self.model.run("head", {"tokens": tokens, "motion": motion, "valid": valid})
        each = [{name: array[row] for name, array in out.items()} for row in range(count)]
        return [_Reading(*one) for one in zip(crops, each, lift.tolist(), strict=True)]

    def _latest(self, readings: deque[_Reading]) -> list[_Reading]:
        """The newest first, and of the rest those that end less than ``every`` crops before it."""
        return [one for one in readings if readings[0].crop - one.crop < self.every]

    def _mean(self, track_ids: list[int], ends_s: list[float], readings: list[list[_Reading]]) -> Grades:
        """A grade of each track by its readings, one at least; where a row has none the newest stands for it."""
        if not track_ids:
            return Grades.empty(len(self.card.grades))
        whole = [(*some, *[some[0]] * (self._rows - len(some))) for some in readings]
        out = {name: np.array([[one.out[name] for one in some] for some in whole]) for name in whole[0][0].out}
        out = {name: array if name == "logits" else array.mean(axis=1) for name, array in out.items()}
        lift = np.array([[one.lift for one in some] for some in whole]).mean(axis=1)
        return answer(track_ids, ends_s, out, lift, self._far, self._doubt)
