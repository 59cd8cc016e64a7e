"""The thread that analyses: frames to steps, steps to the session's tables and to what is shown."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from spermscope.acquisition.capture import Taken
from spermscope.acquisition.giving_way import give_way
from spermscope.acquisition.meter import Meter
from spermscope.acquisition.newest import HandOver
from spermscope.acquisition.replay import Replay
from spermscope.acquisition.shown import Shown
from spermscope.acquisition.view import View
from spermscope.acquisition.withheld import ungraded, without_grades
from spermscope.calibration import Calibration
from spermscope.conclusion import Conditions
from spermscope.detect import Detector, open_detector
from spermscope.grade import open_grader
from spermscope.model_file import shipped
from spermscope.passing import CutOut, Placed, Seen
from spermscope.pipeline import MOST_UNGRADED, Pipeline
from spermscope.runtime import Model, load_in
from spermscope.settings import Settings
from spermscope.sitting import Sitting, own_grader
from spermscope.summary import Summary
from spermscope.types import Clip, Frame, SourceProfile, Step
from spermscope.video import Source

SEARCHES_APART = 100
"""Searches through what is younger for one through all that a run holds."""
LATE_FROM = 3
"""Frames whose cells wait for their grades, from which on fewer cells are graded, so that no frame is passed over."""
MOST_UNFOLLOWED = 1
"""Frames that may wait to be followed when the next one has been looked at."""
MOST_UNCUT = 1
"""Frames whose cells may wait to be cut out when the next frame is taken."""
MOST_BEHIND = 15
"""Frames that the tables may be behind what is shown; where the disk takes longer, the analysis waits for it."""


class Analysis:
    """Takes frames from ``frames`` through the pipeline into the session ``folder``, which was begun already.

    ``run`` is the thread's work: to see. It has others that locate the field while it seeks heads, that follow a
    frame's cells, cut them out and grade them while it looks at the next frame, and that keep what was found; those
    that cut, grade and keep give way to whatever else wants the processor. ``newest`` is the latest frame whose cells
    have their places; ``on_shown`` is called, in the thread that follows, when there is one. ``late`` counts the frames
    with which fewer cells were graded than were due, which happens only where frames are ``paced``. ``because`` says
    why the session holds only a part, '' when it is whole; ``on_failed(line)`` is called when that changes. While
    ``withheld`` holds a reason no cell gets a grade.
    """

    def __init__(
        self,
        frames: HandOver[Taken],
        settings: Settings,
        conditions: Conditions,
        grader: Model | None,
        folder: Path,
        on_failed: Callable[[str], None],
        *,
        paced: bool,
    ) -> None:
        self.newest: Shown | None = None
        self.on_shown: Callable[[], None] = lambda: None
        self.replay = Replay()
        self.delays = Meter()
        self.because = self.withheld = ""
        self.models: tuple[Model, ...] = ()
        self.sitting: Sitting | None = None
        self._frames, self._folder, self._on_failed = frames, folder, on_failed
        self._settings, self._conditions, self._own = settings, conditions, grader
        self._pipeline: Pipeline | None = None
        self._paced = paced
        self.late = 0
        self._dropped = 0
        self._followed: deque[Future[None]] = deque()
        self._cut_out: deque[Future[None]] = deque()
        self._graded: deque[Future[None]] = deque()
        self._kept: deque[Future[None]] = deque()

    def begin(self) -> None:
        """Load the models, in a thread, while the first frames are still awaited; before ``run``."""
        with_models = ThreadPoolExecutor(1, "models")
        self._loading = with_models.submit(self._load)
        with_models.shutdown(wait=False)

    def _load(self) -> tuple[Model | None, Model]:
        """Detector, if it is a network, and grader."""
        network, precision = self._settings.detect.method == "network", self._settings.precision
        detector = load_in(shipped("detector"), precision).prompt() if network else None
        return detector, (self._own or load_in(shipped("grader"), precision)).prompt()

    def run(self, source: Source, calibration: Calibration | None, ready: Callable[[], None]) -> None:
        """Open the models, call ``ready``, and analyse until no frame comes any more; never raises."""
        try:
            pipeline = self._open(source, calibration)
            _set_aside_what_stays()
            self._frames.begin()
            ready()
            with (
                ThreadPoolExecutor(1, "keep", give_way) as self._keeper,
                ThreadPoolExecutor(1, "grade", give_way) as self._grader,
                ThreadPoolExecutor(1, "cut", give_way) as self._cutter,
                ThreadPoolExecutor(1, "follow") as follower,
                ThreadPoolExecutor(1, "locate") as locator,
            ):
                self._all(pipeline, locator, follower)
        except Exception as error:  # the recording goes on, and what was done is kept
            self._fail(f"the analysis stopped: {str(error) or type(error).__name__}")
        finally:
            self._frames.close()
            ready()

    def clip(self, track_id: int) -> Clip | None:
        """The latest crops of a cell in view."""
        return self._pipeline.clip_so_far(track_id) if self._pipeline else None

    def end(self, because: str, warnings: Sequence[str]) -> Summary:
        """Make the session folder, once ``run`` has returned.

        Raises
        ------
        ValueError
            One line: the analysis never began.
        """
        if self._pipeline is None or self.sitting is None:
            raise ValueError(f"expected frames to analyse, found none: {because or self.because or 'none came'}")
        try:
            if not self.because:
                self.sitting.add_cells(ungraded(self._pipeline.finish(), self.withheld))
        except OSError as error:
            self._fail(f"could not write the last cells: {error.strerror or error}")
        return self.sitting.end(self._pipeline.models, self.because or because, warnings)

    def _open(self, source: Source, calibration: Calibration | None) -> Pipeline:
        profile = source.profile
        self._detector_model, self._grader_model = self._loading.result()
        own_grader(profile, self._settings, self._own)
        pipeline = Pipeline(
            profile,
            self._settings,
            detector=self._detector(profile),
            grader=open_grader(profile, self._settings, self._grader_model),
            who_reason=self._conditions.who_reason(profile.scale),
        )
        self.sitting = Sitting(source, calibration, self._settings, self._conditions, self._folder, begun=True)
        self.models = pipeline.models
        self._pipeline, self._view = pipeline, View(pipeline)
        return pipeline

    def _detector(self, profile: SourceProfile) -> Detector:
        """The detector, tried once, for the engine compiles a graph when it first sees a size."""
        detector = open_detector(profile, self._settings, self._detector_model, faint=True)
        detector.detect(Frame(np.full((profile.height_px, profile.width_px), 128, np.uint8), 0, 0.0))
        return detector

    def _all(self, pipeline: Pipeline, locator: Executor, follower: Executor) -> None:
        """See in this thread, while the frames before are followed and graded in others."""
        while (taken := self._next()) is not None:
            if taken.profile is not pipeline.profile:
                self._catch_up()
                self._renew(pipeline, taken.profile)
            dropped, self._dropped = self._frames.dropped - self._dropped, self._frames.dropped
            seen = pipeline.look(taken.frame, locator)
            _await(self._followed, MOST_UNFOLLOWED)
            self._followed.append(follower.submit(self._follow, pipeline, taken, seen, dropped))
        self._catch_up()

    def _next(self) -> Taken | None:
        """The frame to look at next, taken as late as can be: where grading is behind, that is waited for first."""
        _await(self._cut_out, MOST_UNCUT)
        _await(self._graded, MOST_UNGRADED)
        return self._frames.take()

    def _catch_up(self) -> None:
        """Wait until whatever was seen is followed, graded and kept."""
        for under_way in (self._followed, self._cut_out, self._graded, self._kept):
            _await(under_way, 0)

    def _follow(self, pipeline: Pipeline, taken: Taken, seen: Seen, dropped: int) -> None:
        placed, withheld = pipeline.place(seen), self.withheld
        self.newest = shown = self._view.show(placed.step, taken.taken_s, withheld)
        self.delays.add(shown.ready_s, shown.delay_s)
        self.on_shown()
        self._cut_out.append(self._cutter.submit(self._cut, pipeline, placed, shown, dropped, withheld))

    def _cut(self, pipeline: Pipeline, placed: Placed, shown: Shown, dropped: int, withheld: str) -> None:
        cut = pipeline.cut(placed)
        self._view.measure(placed.step)
        late = self._paced and sum(not one.done() for one in list(self._graded)) >= LATE_FROM
        self.late += late
        self._graded.append(self._grader.submit(self._grade, pipeline, cut, shown, dropped, withheld, late))

    def _renew(self, pipeline: Pipeline, profile: SourceProfile) -> None:
        grader = open_grader(profile, self._settings, self._grader_model)
        why_no_who = self._conditions.who_reason(profile.scale)
        ended = pipeline.renew(profile, detector=self._detector(profile), grader=grader, who_reason=why_no_who)
        cells = ungraded(ended, self.withheld)
        self._into(lambda sitting: sitting.add_cells(cells))
        self._view = View(pipeline)

    def _grade(self, pipeline: Pipeline, cut: CutOut, shown: Shown, dropped: int, withheld: str, late: bool) -> None:
        step = without_grades(replace(pipeline.grade(cut, late=late), dropped=dropped), withheld)
        self._view.learn(step)
        _await(self._kept, MOST_BEHIND)
        self._kept.append(self._keeper.submit(self._keep, step, shown))

    def _keep(self, step: Step, shown: Shown) -> None:
        """Into the session, until the disk takes no more, and into the replay; a slow disk delays no picture."""
        self._into(lambda sitting: sitting.add(step))
        self.replay.add(shown)

    def _into(self, add: Callable[[Sitting], None]) -> None:
        """Add to the session, until the disk takes no more; what is seen is shown all the same."""
        if self.because or self.sitting is None:
            return
        try:
            add(self.sitting)
        except OSError as error:
            frames = self.sitting.tally.frames
            self._fail(f"could not go on after frame {frames}: {error.strerror or error}")

    def _fail(self, line: str) -> None:
        self.because = line
        self._on_failed(line)


def _set_aside_what_stays() -> None:
    """Let Python's search for garbage seldom halt a picture.

    Going through what is loaded by now would take 70 ms, through what a run holds 25 ms, which one frame in a hundred
    would meet; little of that is garbage that only a search finds.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], SEARCHES_APART)


def _await(begun: deque[Future[None]], most: int) -> None:
    """Wait until no more than so many are still under way; whatever went wrong there is raised here."""
    while len(begun) > most:
        begun.popleft().result()
