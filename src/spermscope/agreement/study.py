"""A rating study that is over, as arrays: what agreement is computed from and a report is written of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spermscope.agreement.coefficient import Floats, Ints
from spermscope.labels import MISSING, vote_counts


@dataclass(frozen=True, slots=True)
class Repeats:
    """P clips that a rater was shown again unawares: ``rater (P,)``, ``clip (P,)`` and ``grade (P, 2)``, -1 missing."""

    rater: Ints
    clip: Ints
    grade: Ints


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the protocol and the study's record say; None or '' where it is not known.

    ``view`` is ``head``, ``field``, ``head+trail`` or ``field+trail``; ``anchors`` counts example clips, ``per_clip``
    the raters that a clip was meant for (None: all of ``seats``). ``started`` and ``locked`` are UTC.
    """

    question: str = ""
    labels: tuple[str, ...] = ()
    view: str = ""
    anchors: int | None = None
    seats: int | None = None
    per_clip: int | None = None
    repeats_share: float | None = None
    block: int | None = None
    seed: int | None = None
    protocol_version: int | None = None
    started: str = ""
    locked: str = ""
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class AgreementStudy:
    """N clips and R raters; ``(N, R)`` arrays hold each rater's first answer on a clip, corrections applied.

    ``votes`` are grade indices (0 best) or -1; where there is none, ``reasons`` has the index of why he could not judge
    it, or -1. ``due`` is whether the clip was in his order at all, ``blocks`` counts the blocks of his order from 0 (-1
    unknown), ``time_s`` is what an answer took (NaN unknown). ``donors (N,)`` are any numbers.

    Raises
    ------
    ValueError
        When shapes do not fit, or a vote is no grade or stands beside a reason.
    """

    name: str
    clips: tuple[str, ...]
    donors: Ints
    raters: tuple[str, ...]
    grades: tuple[str, ...]
    reason_names: tuple[str, ...]
    votes: Ints
    reasons: Ints
    due: NDArray[np.bool_]
    blocks: Ints
    time_s: Floats
    repeats: Repeats
    facts: StudyFacts = StudyFacts()

    def __post_init__(self) -> None:
        shape = (len(self.clips), len(self.raters))
        for name in ("votes", "reasons", "due", "blocks", "time_s"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"study: expected {name} of shape {shape}, found {getattr(self, name).shape}")
        if self.donors.shape != shape[:1]:
            raise ValueError(f"study: expected a donor for each of {shape[0]} clips, found {self.donors.shape}")
        vote_counts(self.votes, len(self.grades))
        vote_counts(self.reasons, len(self.reason_names))
        if ((self.votes != MISSING) & (self.reasons != MISSING)).any():
            raise ValueError("study: expected a grade or a reason, found both for one clip and rater")
        if (((self.votes != MISSING) | (self.reasons != MISSING)) & ~self.due).any():
            raise ValueError("study: expected answers on clips of a rater's order, found one on another")
        count = len(self.repeats.clip)
        if self.repeats.rater.shape != (count,) or self.repeats.grade.shape != (count, 2):
            raise ValueError(f"study: expected a rater and two grades for each of {count} repeats")
        vote_counts(self.repeats.grade, len(self.grades))

    @property
    def missing(self) -> NDArray[np.bool_]:
        """``(N, R)``: what was due and was not answered."""
        return self.due & (self.votes == MISSING) & (self.reasons == MISSING)

    @property
    def counts(self) -> Ints:
        """``(N, K)`` votes by grade."""
        return vote_counts(self.votes, len(self.grades))
