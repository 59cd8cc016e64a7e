"""A live run from its start to its session folder: capture, analysis and recording, each in a thread of its own."""

from __future__ import annotations

import math
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spermscope.acquisition.analysis import Analysis
from spermscope.acquisition.capture import Capture, Opening, Taken
from spermscope.acquisition.corrections import write_corrected
from spermscope.acquisition.decision_table import write_decisions
from spermscope.acquisition.disk import expected_bytes_per_s, seconds_left
from spermscope.acquisition.figures import Figures, State
from spermscope.acquisition.meter import Meter
from spermscope.acquisition.newest import Every, HandOver, Newest
from spermscope.acquisition.notes import Notes
from spermscope.acquisition.recording import Recording
from spermscope.acquisition.replay import Replay
from spermscope.acquisition.segments import SegmentedRecorder
from spermscope.acquisition.shown import Shown
from spermscope.acquisition.telling import Telling
from spermscope.calibration import Calibration
from spermscope.conclusion import Conditions
from spermscope.runtime import Model, engine_name
from spermscope.settings import Settings
from spermscope.store import begin_folder, partial_of
from spermscope.summary import Summary
from spermscope.types import Clip, SourceProfile
from spermscope.video import Source
from spermscope.video.open import open_reader as reader_of
from spermscope.video.reader import Reader

if TYPE_CHECKING:
    from spermscope.assessment import Assessed, Progress

CAMERA_ENDS_S = 5.0
"""A camera that hangs is not waited for any longer."""
NOTE_EVERY_S = 1.0
PATIENCE_S = 0.05
"""What a frame may wait for those before it; then a newer one takes its place. Less than a frame's time at 15 fps."""


class LiveRun:
    """One source, watched live, into one session folder. Made, started and finished once; any thread may ask it.

    Parameters
    ----------
    address
        As ``open_source`` takes it.
    folder
        Where the session will stand; must not exist. Until ``finish`` all lies in ``place``.
    um_per_px, optics, fps, settings, conditions, grader
        As ``assess`` takes them.
    sample, operator
        Codes, never names. ``sample`` is written into the conditions.
    paced
        A file or a simulation is played at its own times, as a camera would give it, and what cannot be analysed in
        time is dropped; else every frame is analysed and the session is the one that ``assess`` makes.
    open_reader
        How the source is opened, each time anew; by its address unless given.

    Raises
    ------
    ValueError
        One line: two different samples.
    """

    def __init__(
        self,
        address: str,
        folder: Path,
        *,
        um_per_px: float | None = None,
        optics: str | None = None,
        fps: float | None = None,
        settings: Settings | None = None,
        conditions: Conditions | None = None,
        grader: Model | None = None,
        sample: str = "",
        operator: str = "",
        paced: bool = True,
        open_reader: Callable[[], Reader] | None = None,
    ) -> None:
        known = conditions or Conditions()
        if sample and known.sample not in ("", sample):
            raise ValueError(f"sample: expected one, found {known.sample} and {sample}")
        self.address, self.folder, self.operator = address, Path(folder), operator
        self.conditions = known.model_copy(update={"sample": sample or known.sample})
        self._frames: HandOver[Taken] = Newest(PATIENCE_S) if paced else Every()
        opening = Opening(address, open_reader or (lambda: reader_of(address, fps=fps)), um_per_px, optics, fps)
        self._capture = Capture(opening, self, paced=paced)
        self._analysis = Analysis(
            self._frames, settings or Settings(), self.conditions, grader, self.folder, self._on_failed, paced=paced
        )
        self._telling = Telling(partial_of(self.folder) / "events.jsonl")
        self._recording = Recording(partial_of(self.folder) / "video", segmented, self._telling.say)
        self._decisions = Notes(partial_of(self.folder) / "decisions.jsonl")
        self._threads = {"capture": threading.Thread(target=self._take_frames, name="capture", daemon=True)}
        self._source: Source | None = None
        self._came = Meter()
        self._lost = self._over = False
        self._because = ""
        self._missed = self._unrecorded = 0
        self._noted_s = -math.inf

    @property
    def sample(self) -> str:
        """The sample's code, '' where there is none."""
        return self.conditions.sample

    @property
    def place(self) -> Path:
        """Where the session's files lie now: beside ``folder``, named ``.partial``, until the run is finished."""
        return self.folder if self.folder.exists() else partial_of(self.folder)

    @property
    def profile(self) -> SourceProfile | None:
        """What the first frames told; None before."""
        return self._source.profile if self._source else None

    @property
    def models(self) -> tuple[Model, ...]:
        """The models in use, detector first; none before they are loaded."""
        return self._analysis.models

    @property
    def replay(self) -> Replay:
        """What was shown in the last half minute."""
        return self._analysis.replay

    def start(self) -> None:
        """Begin, and return at once; what goes wrong later is told by ``figures``.

        Raises
        ------
        ValueError
            One line: the folder exists or cannot be made.
        """
        begin_folder(self.folder)
        self._telling.note("started")
        self._analysis.begin()
        self._threads["capture"].start()

    def tell_when_shown(self, tell: Callable[[], None]) -> None:
        """Call ``tell`` whenever ``newest`` is another, in the thread that analyses: it must return at once."""
        self._analysis.on_shown = tell

    def newest(self) -> Shown | None:
        """The latest analysed frame; None before the first."""
        return self._analysis.newest

    def figures(self) -> Figures:
        """How the run is doing now."""
        models = self.models
        return Figures(
            state=self._state(),
            fps=self._came.rate_hz,
            analysed_fps=self._analysis.delays.rate_hz,
            delay_ms=1000.0 * self._analysis.delays.median,
            captured=self._capture.captured,
            dropped_analysis=self._frames.dropped + self._capture.dropped,
            dropped_recording=self._recording.dropped + self._unrecorded,
            late=self._analysis.late,
            recording=self._recording.on,
            recorded_s=self._recording.recorded_s,
            disk_left_s=self._disk_left_s(),
            engine=engine_name(),
            precision=", ".join(dict.fromkeys(model.precision for model in models)),
            source=self.address,
            warnings=self._warnings(),
        )

    def clip(self, track_id: int) -> Clip | None:
        """The latest crops of a cell in view, up to a whole clip; None for another, or before its first crop."""
        return self._analysis.clip(track_id)

    def note(self, kind: str, **facts: Any) -> None:
        """Append a chained row to ``decisions.jsonl``; it is on the disk when this returns.

        The row holds ``kind``, ``when`` (UTC, ISO) and ``who`` (the operator), and ``facts``, which go before these.

        Raises
        ------
        OSError
            When it could not be written.
        ValueError
            When the run has been finished.
        """
        self._decisions.add(kind, **{"who": self.operator} | facts)

    def withhold(self, reason: str) -> None:
        """From the next frame on no cell gets a grade, anywhere: ``reason`` stands in its place; '' ends that."""
        self._analysis.withheld = reason
        self._telling.note("withheld", reason=reason)

    def record(self, on: bool) -> None:
        """Begin or end the lossless recording in ``place``/video; before the first frame it begins with it.

        Why it does not begin, or ended by itself, is told by ``figures``.
        """
        self._telling.unsay("not_recording")
        self._recording.switch(on)

    def finish(self, progress: Progress = lambda done, total: None, *, language: str = "en") -> Assessed:
        """Stop everything and make the session folder, as ``assess`` does; waits for what is under way.

        ``progress`` is called with steps done, of three. After a crash of the analysis the folder holds what was done
        before, marked as not complete.

        Raises
        ------
        ValueError
            One line: it was never started, or no frame was ever analysed, so there is no session. Its folder is
            removed, save for a recording, which stays in ``place``.
        """
        if self._threads["capture"].ident is None:
            raise ValueError(f"{self.folder}: expected a run that was started, found one that was not")
        self._capture.stop()
        self._threads["capture"].join(timeout=CAMERA_ENDS_S)
        self._frames.close()
        progress(0, 3)
        if "analysis" in self._threads:
            self._threads["analysis"].join()
        self._recording.end()
        progress(1, 3)
        self._note_drops()
        self._telling.note("ended")
        self._telling.close()
        self._decisions.close()
        try:
            summary = self._analysis.end(self._because, self._warnings())
        except ValueError:
            if not (partial_of(self.folder) / "video").exists():
                shutil.rmtree(partial_of(self.folder), ignore_errors=True)
            raise
        self._conclude_decisions(summary)
        progress(2, 3)
        from spermscope.assessment import Assessed  # with the report and its charts, which take a second to load
        from spermscope.report import write_report

        write_report(self.folder, language)
        progress(3, 3)
        return Assessed(self.folder, summary)

    def _conclude_decisions(self, summary: Summary) -> None:
        """The tables of what people decided; a row that was edited is told, and costs nothing of the session."""
        sitting = self._analysis.sitting
        try:
            write_decisions(self.folder)
            if sitting is not None:
                write_corrected(self.folder, sitting.tally, summary.concentration)
        except (ValueError, OSError) as error:
            self._telling.say("decisions", f"the decisions could not be read: {error}")

    def on_source(self, source: Source, calibration: Calibration | None) -> None:
        """See ``capture.Receiver``."""
        profile = source.profile
        self._telling.note(
            "profile", width_px=profile.width_px, height_px=profile.height_px, um_per_px=profile.scale.um_per_px
        )
        if self._source is None:
            self._source = source
            args = (source, calibration, self._capture.ready.set)
            analysis = threading.Thread(target=self._analysis.run, args=args, name="analysis", daemon=True)
            self._threads["analysis"] = analysis
            analysis.start()
        else:
            sides = f"{profile.width_px}x{profile.height_px}"
            self._telling.say(
                "resized", f"the pictures have another size now, {sides}: what was seen before is another field"
            )
            if profile.scale.source == "estimated" != self._source.profile.scale.source:
                self._telling.say(
                    "scale", f"the scale that was given is not known to hold at {sides}: it is estimated there"
                )

    def on_frame(self, taken: Taken) -> None:
        """See ``capture.Receiver``."""
        self._came.add(taken.taken_s)
        missed, self._missed = self._capture.dropped - self._missed, self._capture.dropped
        self._unrecorded += missed if self._recording.on else 0
        self._recording.put(taken)
        self._frames.put(taken)
        if taken.taken_s - self._noted_s > NOTE_EVERY_S:
            self._noted_s = taken.taken_s
            self._note_drops()

    def on_lost(self, reason: str) -> None:
        """See ``capture.Receiver``."""
        self._lost = True
        self._recording.gap(reason)
        self._telling.say("lost", f"the camera is lost and is being sought: {reason}", reason=reason)

    def on_back(self, after_s: float) -> None:
        """See ``capture.Receiver``."""
        self._lost = False
        self._telling.unsay("lost")
        self._telling.say("back", f"the camera was lost for {after_s:.1f} s", after_s=round(after_s, 3))

    def on_told(self, line: str) -> None:
        """See ``capture.Receiver``."""
        self._telling.say("told", line)

    def _on_failed(self, line: str) -> None:
        self._telling.say("failed", line)

    def _take_frames(self) -> None:
        """The capture thread's work."""
        try:
            self._capture.run()
        except Exception as error:  # whatever a source does, the run ends in good order
            self._because = str(error) or type(error).__name__
            self._telling.say("source", self._because)
        finally:
            self._over, self._lost = True, False
            self._capture.ready.set()
            self._frames.close()
            self._recording.switch(False)

    def _state(self) -> State:
        if self._over:
            analysis = self._threads.get("analysis")
            return "running" if analysis and analysis.is_alive() else "ended"
        if self._lost:
            return "lost"
        return "running" if self._analysis.newest or self._analysis.because else "starting"

    def _disk_left_s(self) -> float:
        if self._recording.on and not math.isnan(self._recording.disk_left_s):
            return self._recording.disk_left_s
        profile = self.profile
        if profile is None:
            return math.nan
        need = expected_bytes_per_s(profile.width_px, profile.height_px, profile.rate_hz)
        return seconds_left(self.place, need)

    def _warnings(self) -> tuple[str, ...]:
        source = self._source.warnings if self._source else []
        return tuple(dict.fromkeys(filter(None, (*source, *self._telling.lines, self._recording.warning))))

    def _note_drops(self) -> None:
        """What was dropped so far, and had to do with fewer grades."""
        unseen = self._frames.dropped + self._capture.dropped
        self._telling.note_drops(unseen, self._recording.dropped + self._unrecorded, self._analysis.late)


def segmented(folder: Path, profile: SourceProfile) -> SegmentedRecorder:
    """The recorder of a run: lossless, in segments that survive."""
    return SegmentedRecorder(folder, profile.width_px, profile.height_px, profile.rate_hz, scale=profile.scale)
