"""One frame in, one step out: stage, detect, track, clips, grade; the one place where px become um."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spermscope.clips import Clipper
from spermscope.detect import Detector, open_detector
from spermscope.ending import Ending, Left
from spermscope.grade import Grader, open_grader
from spermscope.history import Histories
from spermscope.passing import NOTHING, Clock, CutOut, Ended, Located, Placed, Seen
from spermscope.polarity import PolarityVote
from spermscope.runtime import Model
from spermscope.settings import Settings
from spermscope.stage import StageFollower
from spermscope.tails import Tails
from spermscope.track import Followed, Tracker
from spermscope.types import (
    Cell,
    Clip,
    Detections,
    Frame,
    Grades,
    Kinematics,
    Scale,
    SourceProfile,
    StagePosition,
    Step,
    Tracks,
)
from spermscope.video import Source
from spermscope.video.prefetch import compute_ahead

MOST_UNGRADED = 4
"""Frames whose cells may wait for their grades; where grading takes longer, what comes before it waits."""


def scale_reason(scale: Scale, accept_estimated: bool) -> str:
    """Why um and WHO values are withheld on this scale; empty when they are not."""
    if scale.source != "estimated" or accept_estimated:
        return ""
    error = f" ± {100 * scale.relative_error:.0f} %" if np.isfinite(scale.relative_error) else ""
    return f"scale estimated, {scale.um_per_px:.2f} um/px{error}; calibrate"


class Pipeline:
    """Sees, follows, measures and grades one source, a frame at a time.

    State belongs to the instance. ``step`` must be called in order of time; ``finish`` once, after the last
    frame. The same object serves recorded and live sources. ``who_reason`` says why cells get no WHO grade, '' where
    they do.
    """

    def __init__(
        self,
        profile: SourceProfile,
        settings: Settings | None = None,
        *,
        detector: Detector | None = None,
        grader: Grader | None = None,
        who_reason: str = "",
    ) -> None:
        self.settings = settings or Settings()
        self._who_reason = who_reason
        self._stage = StageFollower(profile.scale.um_per_px, self.settings.stage)
        # Heads fainter than a threshold that the user set continue tracks, but start none.
        start_score = max(self.settings.track.start_score, self.settings.detect.threshold or 0.0)
        self._tracker = Tracker(self.settings.track.model_copy(update={"start_score": start_score}))
        self._histories = Histories(self.settings.kinematics.history_s)
        self._sizes: dict[int, NDArray[np.float32]] = {}
        self._field = 0
        self._look_at(profile, detector, grader)

    def renew(
        self,
        profile: SourceProfile,
        *,
        detector: Detector | None = None,
        grader: Grader | None = None,
        who_reason: str = "",
    ) -> tuple[Cell, ...]:
        """Go on with pictures of another profile, after a cut: the cells whose tracks it ends; ids and fields go on."""
        cells = self._end_all("cut")
        self._stage.cut(profile.scale.um_per_px)
        self._sizes.clear()
        self._who_reason = who_reason
        self._look_at(profile, detector, grader)
        return cells

    def _look_at(self, profile: SourceProfile, detector: Detector | None, grader: Grader | None) -> None:
        """Make what hangs on the profile."""
        self.profile = profile
        self.detector = detector or open_detector(profile, self.settings, faint=True)
        self.grader = grader or open_grader(profile, self.settings)
        self._um_per_px = profile.scale.um_per_px
        self._polarity = PolarityVote(self._um_per_px)
        self._clipper = Clipper(self._um_per_px, self.settings.clip, first=self.grader.first, every=self.grader.every)
        self._tails = Tails(self._um_per_px, self.settings.tail, self.settings.clip)
        um_reason = scale_reason(profile.scale, self.settings.accept_estimated_scale)
        self._ending = Ending(self.grader, self.settings.kinematics, um_reason, self._who_reason)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models in use."""
        found = (getattr(part, "model", None) for part in (self.detector, self.grader))
        return tuple(model for model in found if model is not None)

    @property
    def demonstration(self) -> bool:
        """Whether a model in use was not trained on experts; every surface must then say so."""
        return any(model.card.demonstration for model in self.models)

    def step(self, frame: Frame) -> Step:
        """Take one frame through every stage.

        Raises
        ------
        ValueError
            When the frame's time does not lie after the previous one's, or its size differs from the profile's.
        """
        return self.grade(self.cut(self.place(self.look(frame))))

    def look(self, frame: Frame, beside: Executor | None = None) -> Seen:
        """The first part of ``step``; call it in order of time. May run while an earlier frame is in the other parts.

        With ``beside``, an executor of one thread, the field is located there while heads are sought here.
        """
        if beside is None:
            located = self._locate(frame, Clock())
            return Seen(located, self._detect(located))
        clock = Clock()
        place = beside.submit(self._locate, frame, clock)
        detections = self._seek(frame, clock)
        return Seen(place.result(), detections)

    def place(self, seen: Seen) -> Placed:
        """The second part, in the same order: cells get their places, and can be shown before they are graded."""
        frame, stage, clock = seen.located.frame, seen.located.stage, seen.located.clock
        with clock.lap("track"):
            detections = self._polarity.step(frame, seen.detections)
            cut = self._tracker.end_all(stage.state) if stage.state in ("jump", "cut") else NOTHING
            before, self._field = self._field, stage.field
            tracks = self._track(frame, stage, detections, cut)
            self._histories.add(frame, tracks)
        ended = tracks.ended_id[len(cut[0]) :], tracks.ended_why[len(cut[0]) :]
        step = Step(frame, stage, detections, tracks, Grades.empty(), dict(clock.laps_ms))
        return Placed(step, cut, before, ended, clock)

    def cut(self, placed: Placed) -> CutOut:
        """The third part, in the same order: cells are cut out, and what those that ended leave is gathered."""
        frame, tracks, clock = placed.step.frame, placed.step.tracks, placed.clock
        left = self._leave(*placed.cut, placed.field_before)
        with clock.lap("clips"):
            crops = self._clipper.step(frame, tracks)
            ids = crops.track_id.tolist()
            best = frozenset(one for one in ids if self._clipper.best_ends_s(one) == frame.time_s)
        with clock.lap("tails"):
            self._tails.step(frame, tracks, crops)
        left += self._leave(*placed.ended, placed.step.stage.field)
        return CutOut(placed.step, crops, best, left, clock)

    def grade(self, cut: CutOut, *, late: bool = False) -> Step:
        """The last part, in the same order: cells are graded, those that ended are measured.

        May run while later frames are in the other parts. Where it is ``late`` fewer cells are graded (``Grader``).
        """
        with cut.clock.lap("grade"):
            grades = self.grader.step(cut.crops, late=late)
            self._ending.keep_best(grades, cut.best)
        with cut.clock.lap("measure"):
            finished = tuple(self._ending.cell(left) for left in cut.left)
            self._ending.forget(cut.step.tracks.ended_id)
        return replace(cut.step, grades=grades, timings_ms=cut.clock.laps_ms, finished=finished)

    def finish(self) -> tuple[Cell, ...]:
        """End every live track (``why`` = ``end``) and give its cell."""
        return self._end_all("end")

    @property
    def too_few_crops(self) -> str:
        """Why a cell has no grade yet."""
        return self._ending.too_few_crops

    @property
    def unsettled(self) -> NDArray[np.int64]:
        """Cells in view of which it is open who is who."""
        return self._tracker.unsettled

    def age_s(self, track_id: int) -> float:
        """How long a cell in view has been followed."""
        return self._histories.age_s(track_id)

    def trail_px(self, track_id: int, stage: StagePosition, last_s: float = 1.0) -> NDArray[np.float64]:
        """``(n, 2)`` where a cell in view was lately, in the pixels of a frame that lies at ``stage``; n may be 0."""
        origin_um = np.array([stage.x_um, stage.y_um])
        return (self._histories.latest_um(track_id, last_s) - origin_um) / self._um_per_px

    def kinematics_so_far(self, track_id: int) -> Kinematics | None:
        """How a cell in view has moved; None for one that does not count yet."""
        path = self._histories.path(track_id)
        return self._ending.measure(path, self._tails.measured(track_id)) if path else None

    def clip_so_far(self, track_id: int) -> Clip | None:
        """The latest crops of a cell in view; None for one without. Any thread may call it."""
        return self._clipper.latest_clip(track_id)

    def run(self, source: Source) -> Iterator[Step]:
        """Step through a whole source; the cells that are alive at its end come with ``finish``.

        Threads seek heads in the next frames and grade the cells of the one before while this one's are followed.
        """
        located = (self._locate(frame, Clock()) for frame in source)
        seen = compute_ahead(self._detect, located, self.settings.threads)
        cut = (self.cut(self.place(Seen(where, heads))) for where, heads in seen)
        for _, step in compute_ahead(self.grade, cut, 1, MOST_UNGRADED):
            yield step

    def _locate(self, frame: Frame, clock: Clock) -> Located:
        """Where a frame lies in the map; in order of time."""
        with clock.lap("stage"):
            return Located(frame, self._stage.step(frame), clock)

    def _detect(self, located: Located) -> Detections:
        return self._seek(located.frame, located.clock)

    def _seek(self, frame: Frame, clock: Clock) -> Detections:
        """What a frame shows, whatever came before."""
        with clock.lap("detect"):
            return self.detector.detect(frame)

    def _track(self, frame: Frame, stage: StagePosition, seen: Detections, ended: Ended) -> Tracks:
        sperm = np.flatnonzero(seen.sperm)
        origin_um = np.array([stage.x_um, stage.y_um])
        xy_um = seen.xy_px[sperm].astype(np.float64) * self._um_per_px + origin_um
        height, width = frame.image.shape
        bounds_um = (*origin_um, *(origin_um + np.array([width, height]) * self._um_per_px))
        followed = self._tracker.step(frame.time_s, xy_um, seen.score[sperm], bounds_um=bounds_um)
        row = np.where(followed.detection >= 0, np.append(sperm, -1)[followed.detection], -1)
        return Tracks(
            track_id=followed.track_id,
            xy_px=(followed.xy_um - origin_um) / self._um_per_px,
            wh_px=self._box_sizes(followed, seen, row, ended[0]),
            xy_um=followed.xy_um,
            confidence=followed.confidence,
            observed=followed.observed,
            confirmed=followed.confirmed,
            detection=row,
            ended_id=np.concatenate([ended[0], followed.ended_id]),
            ended_why=ended[1] + followed.ended_why,
        )

    def _box_sizes(
        self, followed: Followed, seen: Detections, row: NDArray[np.int64], cut: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """``(M, 2)``: the detection's box where there is one, else the track's last one."""
        sizes = np.empty((len(row), 2))
        for number, (track_id, detection) in enumerate(zip(followed.track_id.tolist(), row.tolist(), strict=True)):
            if detection >= 0:
                self._sizes[track_id] = seen.wh_px[detection]
            sizes[number] = self._sizes[track_id]
        for track_id in [*cut.tolist(), *followed.ended_id.tolist()]:
            self._sizes.pop(track_id, None)
        return sizes

    def _leave(self, ids: NDArray[np.int64], whys: tuple[str, ...], field: int) -> tuple[Left, ...]:
        """What those tracks leave, of which nothing is kept here any more; nothing of one that never counted."""
        left = []
        for track_id, why in zip(ids.tolist(), whys, strict=True):
            path = self._histories.pop(track_id)
            if path is not None:
                clip, tail = self._clipper.best_clip(track_id), self._tails.measured(track_id)
                left.append(Left(track_id, why, field, path, clip, tail))
        self._clipper.forget(ids)
        self._tails.forget(ids)
        return tuple(left)

    def _end_all(self, why: str) -> tuple[Cell, ...]:
        ids, whys = self._tracker.end_all(why)
        cells = tuple(self._ending.cell(left) for left in self._leave(ids, whys, self._field))
        self._ending.forget(ids)
        return cells
