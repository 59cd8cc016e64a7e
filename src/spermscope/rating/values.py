"""The values that go in and out of a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from spermscope.locale import text

Role = Literal["coordinator", "rater"]
State = Literal["draft", "open", "paused", "locked"]


class Refused(ValueError):
    """Something that may not be done; ``key`` says what for programs, ``sentence`` for people."""

    def __init__(self, key: str, **values: object) -> None:
        self.key, self.values = key, values
        super().__init__(self.sentence())

    def sentence(self, language: str = "en") -> str:
        """The reason in that language."""
        return text(f"refused_{self.key}", language, **self.values)


@dataclass(frozen=True, slots=True)
class SheetInfo:
    """A clip as it is shown: a lossless picture of all frames, row by row, ``columns`` in a row.

    Frame k lies at column ``k % columns``, row ``k // columns``, each ``width_px`` x ``height_px``; it is shown from
    ``time_s[k]`` (0 first) for the time to the next one, the last for the mean of these. In a fixed field, where others
    may swim too, ``head_px[k]`` is the head of the cell that is asked about; empty where the view follows the head,
    which is then in the middle. ``trail_px[k]`` is the path of the head up to frame k in that frame's own pixels; no
    trail unless the protocol asks for it.
    """

    hash: str
    path: str
    frames: int
    columns: int
    width_px: int
    height_px: int
    um_per_px: float | None
    time_s: tuple[float, ...]
    head_px: tuple[tuple[float, float], ...] = ()
    trail_px: tuple[tuple[tuple[float, float], ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: ``R001`` ... rates, ``C001`` ... coordinates."""

    pseudonym: str
    role: Role


@dataclass(frozen=True, slots=True)
class Presentation:
    """A clip's turn in a rater's order.

    ``number`` counts from 1, ``block`` too. ``id`` is all that a page needs to name: ``clip`` is the same when a clip
    comes again, so it stays on this side. ``replaces`` is the vote that was taken back, '' where none was.
    """

    id: str
    clip: str
    number: int
    block: int
    replaces: str = ""


class NewVote(BaseModel):
    """A vote as a page sends it: a grade's code, or a reason why the clip cannot be judged.

    ``id`` is drawn by the page, once a vote: sent again it counts once. ``replaces`` is the id of the vote that was
    taken back. ``elapsed_ms`` since the clip was first shown; the display in CSS pixels and device pixels per one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID
    presentation: str = Field(pattern=r"^[0-9a-f]{32}$")
    grade: str | None = Field(default=None, max_length=8)
    reason: str | None = Field(default=None, max_length=32)
    elapsed_ms: int = Field(ge=0, le=7 * 86_400_000)
    display_width_px: int = Field(ge=1, le=32_768)
    display_height_px: int = Field(ge=1, le=32_768)
    display_scale: float = Field(gt=0, le=16, allow_inf_nan=False)
    app_version: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$")
    protocol_version: int = Field(ge=1)
    replaces: UUID | None = None

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        if (self.grade is None) == (self.reason is None):
            raise ValueError("expected a grade or a reason, found " + ("neither" if self.grade is None else "both"))
        return self


@dataclass(frozen=True, slots=True)
class Receipt:
    """That a vote is on the disk: its place in the chain, signed by the study's key (all hex)."""

    vote: str
    study_id: str
    seq: int
    chain: str
    signature: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of a rater's presentations have a vote."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Drift:
    """A rater's votes in one block of presentations.

    ``mean_grade`` runs 1 (best) .. K, NaN where no grade was given; before the lock it and ``cannot_judge`` are told of
    finished blocks alone (NaN, None). ``median_ms`` is the time a vote took.
    """

    block: int
    votes: int
    mean_grade: float
    cannot_judge: int | None
    median_ms: float


@dataclass(frozen=True, slots=True)
class RaterProgress:
    """What a coordinator sees of a rater while the study runs: no single vote.

    ``pace_per_min`` over the latest 30 votes, NaN before two; ``last_time`` UTC, '' before the first vote.
    """

    pseudonym: str
    joined: bool
    done: int
    total: int
    pace_per_min: float
    last_time: str
    drift: tuple[Drift, ...] = ()


@dataclass(frozen=True, slots=True)
class VoteRow:
    """A vote that counts, corrections applied.

    ``occurrence`` counts from 1 how often the rater was shown that clip; ``grade`` is its index, 0 best, or
    ``labels.MISSING`` with a ``reason``; ``time`` is UTC.
    """

    id: str
    rater: str
    clip: str
    donor: str
    sample: str
    occurrence: int
    number: int
    block: int
    grade: int
    reason: str
    elapsed_ms: int
    time: str


@dataclass(frozen=True, slots=True)
class VotesTable:
    """All votes that count, by rater and number; ``clips`` are all rated clips' hashes with ``donors`` beside them."""

    protocol_version: int
    grades: tuple[str, ...]
    clips: tuple[str, ...]
    donors: tuple[str, ...]
    raters: tuple[str, ...]
    rows: tuple[VoteRow, ...]
