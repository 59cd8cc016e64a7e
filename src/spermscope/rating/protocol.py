"""What a rating study asks, of whom, and in which order: ``study.json``, frozen once the study has started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator
from pydantic_core import ErrorDetails

from spermscope.whole_files import put_text

FILE = "study.json"
REASONS = ("out_of_focus", "not_a_sperm", "overlapped", "too_short", "tail_unseen")
"""Why a clip cannot be judged."""
View = Literal["head", "field"]


class Wording(BaseModel):
    """One text in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: str = Field(min_length=1, max_length=2000)
    ja: str = Field(min_length=1, max_length=2000)


class GradeText(BaseModel):
    """A grade's code, what raters read beside it, and clips that show what it means; these are not rated.

    In a study anchors are hashes; in a protocol that is given to a new one, names of clips too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(pattern=r"^[A-Za-z0-9]{1,8}$")
    label: Wording
    anchors: tuple[str, ...] = ()


QUESTION = Wording(
    en="How desirable is this sperm for injection, by its shape and its movement?",
    ja="形態と運動から見て、この精子は顕微授精の候補としてどの程度望ましいですか。",
)
GRADES = tuple(
    GradeText(code=code, label=Wording(en=en, ja=ja))
    for code, en, ja in (
        ("A", "A: most desirable", "A:最も望ましい"),
        ("B", "B: desirable", "B:望ましい"),
        ("C", "C: in between", "C:どちらともいえない"),
        ("D", "D: less desirable", "D:あまり望ましくない"),
        ("E", "E: least desirable", "E:最も望ましくない"),
    )
)


class Protocol(BaseModel):
    """The frozen rules of a study.

    ``view`` is what a clip's second is seen by: following the head, or a fixed field. ``raters`` is how many seats
    there are; ``raters_per_clip`` how many of them see a clip (None: all). ``repeats_share`` of a rater's clips come
    again, at least ``block`` presentations later where there are as many. Every order follows from ``seed``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: PositiveInt = 1
    question: Wording = QUESTION
    grades: tuple[GradeText, ...] = Field(default=GRADES, min_length=2, max_length=9)
    reasons: tuple[str, ...] = REASONS
    view: View = "head"
    trail: bool = False
    raters: int = Field(default=40, ge=1, le=999)
    raters_per_clip: PositiveInt | None = None
    repeats_share: float = Field(default=0.08, ge=0.0, le=0.25)
    block: int = Field(default=50, ge=2)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        codes = [grade.code for grade in self.grades]
        if len(set(codes)) < len(codes):
            raise ValueError(f"expected different grades, found {', '.join(codes)}")
        if unknown := [reason for reason in self.reasons if reason not in REASONS]:
            raise ValueError(f"expected reasons of {', '.join(REASONS)}, found {', '.join(unknown)}")
        if self.raters_per_clip is not None and self.raters_per_clip > self.raters:
            raise ValueError(f"expected {self.raters} raters a clip at most, found {self.raters_per_clip}")
        return self

    def has_seat(self, pseudonym: str) -> bool:
        """Whether that is one of its raters, R001 to the last."""
        number = pseudonym[1:]
        seat = int(number) if number.isascii() and number.isdecimal() else 0
        return 1 <= seat <= self.raters and pseudonym == f"R{seat:03d}"

    @property
    def codes(self) -> tuple[str, ...]:
        """The grades' codes, best first."""
        return tuple(grade.code for grade in self.grades)

    @property
    def view_name(self) -> str:
        """As votes name it: ``head``, ``field``, ``head+trail`` or ``field+trail``."""
        return f"{self.view}+trail" if self.trail else self.view


class StudyFile(BaseModel):
    """All of ``study.json``: which study, whose signature counts, the protocol, and whether its clips are simulated.

    The others stand in a package alone: whose it is, his ``order`` (hashes in turn), and the study it came from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    study_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    public_key: str = Field(pattern=r"^[0-9a-f]{64}$")
    protocol: Protocol = Protocol()
    simulated: bool = False
    pseudonym: str | None = Field(default=None, pattern=r"^R[0-9]{3}$")
    order: tuple[str, ...] = ()
    parent: str | None = Field(default=None, pattern=r"^[0-9a-f]{16}$")


def read_study_file(folder: Path) -> StudyFile:
    """What ``study.json`` says.

    Raises
    ------
    ValueError
        When there is none, or it says something else; names the file and the key.
    """
    path = folder / FILE
    if not path.is_file():
        raise ValueError(f"{folder}: expected a rating study with {FILE}, found none")
    try:
        return StudyFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path}: {_first(error)}") from error


def read_protocol(path: Path | None, given: dict[str, Any]) -> Protocol:
    """A protocol from a JSON file (None: the usual one), with what is ``given`` in place of the file's.

    Raises
    ------
    ValueError
        When it is none; names the file and the key.
    """
    try:
        there = Protocol() if path is None else Protocol.model_validate_json(path.read_bytes())
        return Protocol.model_validate(there.model_dump() | given)
    except ValidationError as error:
        raise ValueError(f"{path or 'protocol'}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {_told(first)}" if where else _told(first)


def _told(error: ErrorDetails) -> str:
    """What was expected and what was found."""
    kind, line = error["type"], error["msg"]
    if kind == "missing":
        return "expected a value, found none"
    if kind == "extra_forbidden":
        return "expected no such key, found it"
    if kind == "value_error":
        return line.removeprefix("Value error, ")
    if kind == "json_invalid":
        return f"expected JSON, found something else: {line.removeprefix('Invalid JSON: ')}"
    found = json.dumps(error["input"], ensure_ascii=False, default=str)
    return f"expected another value, found {found[:60]}: {line[:1].lower()}{line[1:]}"


def write_study_file(folder: Path, study: StudyFile) -> None:
    """Write ``study.json``, whole or not at all."""
    put_text(folder / FILE, study.model_dump_json(indent=1))
