"""One source in, one session folder out: pipeline, store and report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from spermscope.calibration import Calibration
from spermscope.conclusion import Conditions
from spermscope.detect import Detector
from spermscope.pipeline import Pipeline
from spermscope.report import write_report
from spermscope.report.overlay import OverlayWriter
from spermscope.runtime import Model
from spermscope.settings import Settings
from spermscope.several_scales import open_still_detector
from spermscope.sitting import Sitting, open_calibrated, own_grader
from spermscope.summary import Summary
from spermscope.types import Frame, Grades, Scale, StagePosition, Step, Tracks
from spermscope.video import Source

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Assessed:
    """What came of one source: its session folder, its summary, and whether it is whole."""

    folder: Path
    summary: Summary

    @property
    def complete(self) -> bool:
        """False when only a part of the source could be assessed."""
        return self.summary.complete

    def as_json(self) -> dict[str, Any]:
        """Folder and summary as plain values."""
        return {"folder": str(self.folder), "summary": self.summary.model_dump(mode="json")}

    def print_table(self, console: Console) -> None:
        """A short table of the main figures, and where the report is."""
        summary = self.summary
        table = Table(show_header=False)
        table.add_row("frames", f"{summary.frames} in {summary.duration_s or 0:.1f} s")
        table.add_row("cells followed", f"{summary.cells}, {summary.mean_in_view or 0:.1f} in view on average")
        if summary.concentration:
            table.add_row("concentration", summary.concentration.sentence)
        for name, share in (summary.motility or {}).items():
            table.add_row(name, f"{100 * share.share:.0f} % ({share.interval}) of cell-seconds")
        if summary.hyperactivated:
            share = summary.hyperactivated
            table.add_row("hyperactivated", f"{100 * share.share:.0f} % ({share.interval}) of cell-seconds")
        for name, reason in summary.not_computed.items():
            table.add_row(name, reason)
        table.add_row("predicted ratings", f"{summary.graded} cells")
        for grade, part in (summary.sample_distribution or {}).items():
            table.add_row(f"  grade {grade}", f"{100 * part:.0f} %")
        if summary.demonstration:
            table.add_row("", summary.demonstration_text)
        for warning in summary.warnings:
            table.add_row("note", warning)
        if not summary.complete:
            table.add_row("NOT COMPLETE", summary.incomplete_because)
        console.print(table)
        console.print(f"report: {self.folder / 'report.html'}", soft_wrap=True, highlight=False)


def assess_all(sources: Sequence[str], out: Path, **options: Any) -> list[Assessed]:
    """Assess one source into ``out``, or several into the numbered folders ``out/01``, ``out/02`` ...

    The folders are numbered, not named after the files: a file name may name a person.
    """
    if len(sources) == 1:
        return [assess(sources[0], out, **options)]
    if out.exists():
        raise ValueError(f"{out}: expected a new folder, found one that exists")
    asked = {name: options[name] for name in ("um_per_px", "optics", "fps", "stills") if name in options}
    rules, model = options.get("settings") or Settings(), options.get("grader")
    for source in sources:
        with open_calibrated(source, **asked)[0] as opened:
            own_grader(opened.profile, rules, model, stills=asked.get("stills", False))
    out.mkdir(parents=True)
    return [assess(source, out / f"{number:02d}", **options) for number, source in enumerate(sources, 1)]


def assess(
    address: str | Path,
    out: str | Path,
    *,
    um_per_px: float | None = None,
    optics: str | None = None,
    fps: float | None = None,
    stills: bool = False,
    settings: Settings | None = None,
    conditions: Conditions | None = None,
    grader: Model | None = None,
    overlay: bool = False,
    language: str = "en",
    progress: Progress = lambda done, total: None,
) -> Assessed:
    """Take one source through the pipeline into the session folder ``out``.

    Cells are graded by the model ``grader``, the shipped demonstration unless one is given. A truncated source, a full
    disk or an interruption leaves a folder with what is done, marked as not complete.

    Raises
    ------
    ValueError
        One line, before anything is written: the source cannot be opened or does not fit the calibrated ``optics``, the
        model is no grader of such clips, or ``out`` exists or cannot be written.
    """
    rules, known, folder = settings or Settings(), conditions or Conditions(), Path(out)
    source, calibration = open_calibrated(address, um_per_px=um_per_px, optics=optics, fps=fps, stills=stills)
    with source:
        own = own_grader(source.profile, rules, grader, stills=stills)
        if stills:
            steps: _Stills | Pipeline = _Stills(source, rules, calibration)
        else:
            steps = Pipeline(source.profile, rules, grader=own, who_reason=known.who_reason(source.profile.scale))
        sitting = Sitting(source, calibration, rules, known, folder, stills=stills)
        because = _run(source, steps, sitting, overlay, progress)
        summary = sitting.end(steps.models, because)
    write_report(folder, language)
    return Assessed(folder, summary)


def _run(source: Source, steps: Pipeline | _Stills, sitting: Sitting, overlay: bool, progress: Progress) -> str:
    """Every frame, and the cells that are alive at the end; why it stopped early, '' when it did not."""
    because = ""
    with ExitStack() as stack:
        film = None
        if overlay:
            path = sitting.writer.partial / "overlay.mkv"
            film = stack.enter_context(OverlayWriter(path, source.profile, demonstration=steps.demonstration))
        try:
            for step in steps.run(source):
                sitting.add(step)
                if film is not None:
                    film.write(step)
                progress(step.frame.index + 1, source.frame_count)
        except KeyboardInterrupt:
            because = "interrupted"
        except OSError as error:
            because = f"could not go on after frame {sitting.tally.frames}: {error.strerror or error}"
        except BaseException:
            sitting.writer.abandon()
            raise
        try:
            sitting.add_cells(steps.finish())
        except OSError as error:
            because = because or f"could not write the last cells: {error.strerror or error}"
    return because


class _Stills:
    """Each picture by itself: detections, nothing that needs time."""

    def __init__(self, source: Source, settings: Settings, calibration: Calibration | None) -> None:
        self._source = source
        self._settings = settings
        self._calibration = calibration
        first = open_still_detector(source.profile, settings)
        self._model = getattr(first, "model", None)
        self._detectors = {source.profile.scale: first}
        self.models = () if self._model is None else (self._model,)
        self.demonstration = False

    def run(self, source: Source) -> Any:
        """A step for each picture."""
        for frame in source:
            yield self._step(frame)

    def finish(self) -> tuple[()]:
        """No cell is followed."""
        return ()

    def _step(self, frame: Frame) -> Step:
        if self._calibration:
            self._calibration.check(frame.image.shape[1], frame.image.shape[0])
        none, pairs = np.empty(0), np.empty((0, 2))
        ids, flags = np.empty(0, np.int64), np.empty(0, np.bool_)
        tracks = Tracks(ids, pairs, pairs, pairs, none, flags, flags, ids)
        scale = self._source.scale_of(frame.image)
        place = StagePosition(frame.index, 0.0, 0.0, "cut", float("nan"), frame.index, scale.um_per_px)
        return Step(frame, place, self._detector(scale).detect(frame), tracks, Grades.empty(), {})

    def _detector(self, scale: Scale) -> Detector:
        if scale not in self._detectors:
            profile = replace(self._source.profile, scale=scale)
            self._detectors[scale] = open_still_detector(profile, self._settings, self._model)
        return self._detectors[scale]
