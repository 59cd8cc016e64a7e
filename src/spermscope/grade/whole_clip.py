"""The whole-clip grader: a network that looks at all crops of a clip at once, run anew as the clip moves on."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.clips import MODEL_PX, central_lift, to_model_input
from spermscope.grade.answers import (
    answer,
    crops_apart,
    displacements,
    doubt_of,
    golden_shape,
    rate_reason,
    unlike_above,
)
from spermscope.grade.sparing import Sparing
from spermscope.model_file import ModelCard
from spermscope.runtime import Model
from spermscope.settings import Settings
from spermscope.types import Clip, Crops, Grades, SourceProfile

BATCH = 8
"""Clips that the network sees at once: a bound on its memory."""

_Crop = tuple[NDArray[np.uint8], float, NDArray[np.float64], bool]


class WholeClipGrader:
    """Keeps the latest crops of each track and looks at them all when T are there, and again every half of a clip.

    Nothing that the network works out serves a second time, so a grade costs a whole clip's work. Every half of a clip
    (0.53 s of 16 crops at 15 Hz) each crop is looked at twice, half of what is seen is new, and a grade is at
    most as old as that; at every crop it would cost eight times as much. A network with fewer crops a second than are
    cut takes those that count back from the last at its own rate.
    """

    def __init__(self, profile: SourceProfile, settings: Settings, model: Model) -> None:
        self.model = model
        self.reason = rate_reason(profile)
        self._apart = crops_apart(model.card, settings.clip)
        self._settings = settings.clip
        length = _length(model)
        self.first = (length - 1) * self._apart + 1
        self.span = length * self._apart
        self.every = max(1, self.span // 2)
        if self.first > settings.clip.length:
            raise ValueError(
                f"{model.card.name}: expected a network of clips that {settings.clip.length} crops at "
                f"{settings.clip.rate_hz:g} Hz hold, found one that needs {self.first}"
            )
        self._moves = "model/in/motion" in model.golden
        self._far, self._doubt = unlike_above(model.card), doubt_of(model.card)
        self._kept: dict[int, deque[_Crop]] = {}
        self._count: Counter[int] = Counter()
        self._sparing = Sparing()

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self.model.card

    def step(self, crops: Crops, *, late: bool = False) -> Grades:
        """See ``Grader``."""
        if self.reason:
            return Grades.empty(len(self.card.grades))
        due = []
        for row, track_id in enumerate(crops.track_id.tolist()):
            kept = self._kept.setdefault(track_id, deque(maxlen=self.first))
            kept.append((crops.frames[row], float(crops.time_s[row]), crops.xy_um[row], bool(crops.observed[row])))
            self._count[track_id] += 1
            since = self._count[track_id] - self.first
            if since >= 0 and since % self.every == 0:
                due.append(track_id)
        turn = self._sparing.whose_turn(due, late=late)
        return self.grade_clips([self._clip(track_id) for track_id in due if track_id in turn])

    def grade_clips(self, clips: list[Clip]) -> Grades:
        """See ``Grader``; of clips that are longer than the network's, the end counts.

        Raises
        ------
        ValueError
            When a clip is too short.
        """
        shortest = min((len(clip.frames) for clip in clips), default=self.first)
        if shortest < self.first:
            raise ValueError(f"{self.card.name}: expected clips of {self.first} crops or more, found {shortest}")
        if not clips:
            return Grades.empty(len(self.card.grades))
        return Grades.joined([self._grade(clips[at : at + BATCH]) for at in range(0, len(clips), BATCH)])

    def forget(self, track_ids: NDArray[np.int64]) -> None:
        """See ``Grader``."""
        for track_id in track_ids.tolist():
            self._kept.pop(track_id, None)
            self._count.pop(track_id, None)
        self._sparing.forget(track_ids.tolist())

    def _clip(self, track_id: int) -> Clip:
        frames, times_s, xy_um, observed = zip(*self._kept[track_id], strict=True)
        return Clip(
            track_id,
            np.stack(frames),
            np.array(times_s),
            np.stack(xy_um),
            np.array(observed),
            self._settings.um_per_px,
        )

    def _grade(self, clips: list[Clip]) -> Grades:
        """A row for each clip, from the crops that count back from its last."""
        seen = slice(-self.first, None, self._apart)
        inputs: dict[str, NDArray[Any]] = {"pictures": to_model_input(np.stack([clip.frames[seen] for clip in clips]))}
        if self._moves:
            inputs["motion"] = np.stack(
                [displacements(clip.time_s[seen], clip.xy_um[seen], clip.observed[seen]) for clip in clips]
            )
        out = self.model.run("model", inputs)
        return answer(
            [clip.track_id for clip in clips],
            [float(clip.time_s[-1]) for clip in clips],
            out | {"logits": out["logits"][:, None]},
            np.median(central_lift(inputs["pictures"]), axis=1),
            self._far,
            self._doubt,
        )


def _length(model: Model) -> int:
    """T of the network's golden clip; refused in one line where that is no clip, or no outputs of a grader."""
    shape = golden_shape(model, "model/in/pictures")
    if len(shape) != 4 or shape[2:] != (MODEL_PX, MODEL_PX):
        raise ValueError(f"{model.card.name}: expected clips (B, T, {MODEL_PX}, {MODEL_PX}), found {shape}")
    for name in ("embedding", "distance"):
        golden_shape(model, f"model/out/{name}")
    logits, grades = golden_shape(model, "model/out/logits"), model.card.grades
    if len(logits) != 3 or logits[2] != len(grades):
        raise ValueError(f"{model.card.name}: expected logits (B, M, {len(grades)}), found {logits}")
    return shape[1]
