"""One source's session while it is made: opened on its scale, every frame kept, a folder at its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from spermscope.calibration import Calibration, find_calibration
from spermscope.conclusion import Conditions, conclude
from spermscope.grade import Grader, open_grader
from spermscope.pipeline import scale_reason
from spermscope.runtime import Model
from spermscope.settings import Settings
from spermscope.store import SessionWriter
from spermscope.summary import Summary
from spermscope.tally import Tally
from spermscope.types import GRADES, Cell, SourceProfile, Step
from spermscope.video import Source, open_source
from spermscope.video.reader import Reader


class Sitting:
    """Tables and totals of one source, frame by frame, then its session folder.

    Raises
    ------
    ValueError
        When the folder exists or cannot be written; ``begun`` says that ``begin_folder`` has made it already.
    """

    def __init__(
        self,
        source: Source,
        calibration: Calibration | None,
        settings: Settings,
        conditions: Conditions,
        folder: Path,
        *,
        stills: bool = False,
        begun: bool = False,
    ) -> None:
        self._source = source
        self._calibration = calibration
        self._settings = settings
        self._conditions = conditions
        self._stills = stills
        scale = source.profile.scale
        self._reason = scale_reason(scale, settings.accept_estimated_scale)
        accepted = scale.source == "estimated" and not self._reason
        self._mark = "um on an estimated scale, accepted" if accepted else ""
        self.writer = SessionWriter(folder, um_allowed=not self._reason and not stills, mark=self._mark, begun=begun)
        self.writer.write_source(source.address)
        self.tally = Tally(settings.track.confirm_hits)

    def add(self, step: Step) -> None:
        """Keep one frame; OSError where the disk takes no more."""
        self.writer.write(step)
        self.tally.add_step(step)

    def add_cells(self, cells: Iterable[Cell]) -> None:
        """Keep the cells whose tracks the end has ended; OSError where the disk takes no more."""
        last = tuple(cells)
        self.tally.add_cells(last)
        self.writer.write_cells(last)

    def end(self, models: tuple[Model, ...], because: str = "", warnings: Sequence[str] = ()) -> Summary:
        """Make the folder.

        ``because`` says why it is only a part of the source, '' where it is whole; ``warnings`` join the source's.
        """
        summary = conclude(
            self._source,
            models,
            self._settings,
            self._conditions,
            self.tally,
            calibration=self._calibration,
            reason=self._reason,
            mark=self._mark,
            because=because or self._source.cut_because,
            stills=self._stills,
        )
        more = [line for line in warnings if line not in summary.warnings]
        summary = summary.model_copy(update={"warnings": [*summary.warnings, *more]})
        self.writer.finish(summary)
        return summary


def open_calibrated(
    address: str | Path,
    *,
    um_per_px: float | None = None,
    optics: str | None = None,
    fps: float | None = None,
    stills: bool = False,
    reader: Reader | None = None,
) -> tuple[Source, Calibration | None]:
    """The source, as ``open_source`` gives it, and the calibration that its scale comes from, if any.

    Raises
    ------
    ValueError
        When it cannot be opened, or does not fit the calibration.
    """
    calibration = find_calibration(optics) if optics else None
    scale = calibration.scale if calibration else None
    source = open_source(address, um_per_px=um_per_px, scale=scale, fps=fps, stills=stills, reader=reader)
    if calibration:
        try:
            calibration.check(source.profile.width_px, source.profile.height_px)
        except ValueError:
            source.close()
            raise
    return source, calibration


def own_grader(
    profile: SourceProfile, settings: Settings, model: Model | None, *, stills: bool = False
) -> Grader | None:
    """The grader of the user's model, None for the shipped one.

    Raises
    ------
    ValueError
        When a session could not hold its grades.
    """
    if model is None:
        return None
    if stills:
        raise ValueError(f"{model.card.name}: expected a recording to grade, found stills, which have no time")
    grader = open_grader(profile, settings, model)
    if model.card.grades != GRADES:
        found = " ".join(model.card.grades) or "none"
        raise ValueError(f"{model.card.name}: expected the grades {' '.join(GRADES)}, found {found}")
    return grader
