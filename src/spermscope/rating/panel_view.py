"""What the panel of a data set judged: its question, its grades and its view, as an export keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import ValidationError

from spermscope.dataset import Dataset
from spermscope.rating.protocol import GRADES, GradeText, Protocol, StudyFile, Wording
from spermscope.rating.sheets import COLUMNS, Floats, Frames, Sheet, field_of
from spermscope.rating.values import SheetInfo

FILE = "protocol.json"
"""Beside an exported data set's clips."""


def panel_protocol(data: Dataset) -> Protocol:
    """The protocol that the votes were gathered by; the usual one, with the data set's grades, where none is kept.

    Raises
    ------
    ValueError
        When the file says something else, or has other grades.
    """
    path = data.folder / FILE
    if not path.is_file():
        return _usual(tuple(data.grades))
    try:
        found = StudyFile.model_validate_json(path.read_bytes()).protocol
    except ValidationError as error:
        raise ValueError(f"{path}: expected a protocol as rate export writes it, found something else") from error
    if found.codes != tuple(data.grades):
        raise ValueError(
            f"{path}: expected the data set's grades {', '.join(data.grades)}, found {', '.join(found.codes)}"
        )
    return found


def _usual(codes: tuple[str, ...]) -> Protocol:
    labels = {grade.code: grade.label for grade in GRADES}
    grades = (
        GradeText.model_construct(code=code, label=labels.get(code) or Wording(en=code, ja=code)) for code in codes
    )
    return Protocol().model_copy(update={"grades": tuple(grades)})


def can_be_shown(data: Dataset, row: int, protocol: Protocol) -> bool:
    """Whether a clip has the displacements that the protocol's view needs."""
    return (protocol.view == "head" and not protocol.trail) or bool(np.isfinite(_path_px(data, row)).all())


def as_shown(data: Dataset, row: int, protocol: Protocol) -> tuple[Frames, SheetInfo]:
    """A clip's frames in the protocol's view, laid out by its displacements, and how they are played; without a name.

    Raises
    ------
    ValueError
        When the view needs displacements and they are unknown.
    """
    one, path_px = data.clips([row]), _path_px(data, row)
    frames, time_s = one.frames[0], one.time_s[0]
    if protocol.view == "field":
        frames, path_px = field_of(frames, path_px)
    sheet = Sheet(
        hash="",
        content="",
        name="",
        donor="",
        sample="",
        columns=COLUMNS,
        width_px=frames.shape[2],
        height_px=frames.shape[1],
        um_per_px=data.form.um_per_px,
        time_s=tuple(np.round(time_s - time_s[0], 6).tolist()),
        path_px=tuple(map(tuple, np.round(path_px, 3).tolist())),
    )
    return frames, sheet.info(Path(), protocol.view, protocol.trail)


def _path_px(data: Dataset, row: int) -> Floats:
    """The head's path from the clip's first crop, not finite where it is unknown."""
    xy_um = data.clips([row]).xy_um[0].astype(np.float64)
    return (xy_um - xy_um[0]) / (data.form.um_per_px or np.nan)
