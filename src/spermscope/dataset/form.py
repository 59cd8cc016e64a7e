"""What ``dataset.json`` says: the grades, and the one form that all clips of a set have."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, field_validator

from spermscope.types import GRADES
from spermscope.whole_files import put_text

FILE = "dataset.json"
SHARD = 4096
"""Clips in one file at most: 1.5 GB of pictures."""


class Form(BaseModel):
    """Grades, best first, and the form of every clip.

    ``um_per_px`` is the clips' own scale, None where nobody knows it. ``raters_known`` is False where votes were
    made from shares: they give the right distributions, and who gave which is made up.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    grades: tuple[str, ...] = Field(default=GRADES, min_length=2)
    length: PositiveInt = 16
    size_px: PositiveInt = 150
    rate_hz: PositiveFloat = 15.0
    um_per_px: PositiveFloat | None = 0.5
    clips_a_shard: int = Field(default=SHARD, ge=1, le=SHARD)
    raters_known: bool = True

    @field_validator("grades")
    @classmethod
    def _distinct(cls, grades: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(grades)) < len(grades) or not all(grades):
            raise ValueError(f"expected different names, found {', '.join(grades)}")
        return grades


def read_form(folder: Path) -> Form:
    """The form of the set in ``folder``.

    Raises
    ------
    ValueError
        When there is no ``dataset.json``, or it says something else; names the file and the key.
    """
    path = folder / FILE
    if not path.is_file():
        raise ValueError(f"{folder}: expected a data set with {FILE}, found none")
    try:
        return Form.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {where}: {first['msg']}, found {first['input']!r}") from error


def write_form(folder: Path, form: Form) -> None:
    """Write ``dataset.json``, whole or not at all."""
    put_text(folder / FILE, form.model_dump_json(indent=1))
