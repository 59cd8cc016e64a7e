"""What a rater's page is told: never a clip's name, its donor, its file, or that it was there before."""

from __future__ import annotations

from typing import Any

from spermscope.rating.opening import Study
from spermscope.rating.values import Presentation, SheetInfo


def protocol_for(study: Study) -> dict[str, Any]:
    """Question, grades with the sheets of their anchor clips, reasons, and whether the clips are simulated."""
    protocol = study.protocol
    grades = [
        {
            "code": grade.code,
            "label": grade.label.model_dump(),
            "anchors": [sheet_of(study.clip(clip)) for clip in grade.anchors],
        }
        for grade in protocol.grades
    ]
    return {
        "version": protocol.version,
        "question": protocol.question.model_dump(),
        "grades": grades,
        "reasons": list(protocol.reasons),
        "simulated": study.file.simulated,
    }


def presentation_of(study: Study, presentation: Presentation) -> dict[str, Any]:
    """A clip's turn, and how to play its sheet."""
    return {
        "id": presentation.id,
        "number": presentation.number,
        "block": presentation.block,
        "sheet": sheet_of(study.clip(presentation.clip)),
    }


def sheet_of(info: SheetInfo) -> dict[str, Any]:
    """How a sheet is played."""
    return {
        "frames": info.frames,
        "columns": info.columns,
        "width_px": info.width_px,
        "height_px": info.height_px,
        "time_s": list(info.time_s),
        "head_px": [list(point) for point in info.head_px],
        "trail_px": [[list(point) for point in path] for path in info.trail_px],
    }
