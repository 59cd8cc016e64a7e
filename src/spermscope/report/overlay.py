"""The video with marks: brackets beside each head, its trail, its number and its predicted grade."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from spermscope.summary import DEMONSTRATION
from spermscope.types import GRADES, SourceProfile, Step
from spermscope.video.recorder import Recorder

TRAIL_FRAMES = 40
BLUE, GREY, INK, PAPER = (86, 180, 233), (170, 170, 170), (20, 20, 20), (255, 243, 214)


class OverlayWriter:
    """Writes one frame for each step, with marks that never cover the head. Colours are RGB."""

    def __init__(self, path: Path, profile: SourceProfile, *, demonstration: bool) -> None:
        rate_hz = profile.rate_hz if np.isfinite(profile.rate_hz) else 15.0
        self._demonstration = demonstration
        self._recorder = Recorder(path, profile.width_px, profile.height_px, rate_hz, codec="mpeg4", colour=True)
        self._recorder.__enter__()
        self._trails: dict[int, deque[tuple[float, float]]] = {}
        self._letters: dict[int, str] = {}

    def write(self, step: Step) -> None:
        """Draw one step on its own frame."""
        picture = cv2.cvtColor(step.frame.image, cv2.COLOR_GRAY2RGB)
        grades = step.grades
        for track_id, mode, unlike in zip(
            grades.track_id.tolist(), grades.mode.tolist(), grades.unlike.tolist(), strict=True
        ):
            self._letters[track_id] = "?" if unlike else GRADES[mode]
        alive = set(step.tracks.track_id.tolist())
        for gone in self._trails.keys() - alive:
            self._trails.pop(gone)
            self._letters.pop(gone, None)
        for row in np.flatnonzero(step.tracks.confirmed).tolist():
            self._mark(picture, step, row)
        if self._demonstration:
            cv2.rectangle(picture, (0, 0), (picture.shape[1], 20), PAPER, -1)
            cv2.putText(picture, DEMONSTRATION, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (90, 54, 0), 1, cv2.LINE_AA)
        self._recorder.write(picture, step.frame.time_s)

    def _mark(self, picture: NDArray[np.uint8], step: Step, row: int) -> None:
        track_id = int(step.tracks.track_id[row])
        x, y = step.tracks.xy_px[row].tolist()
        trail = self._trails.setdefault(track_id, deque(maxlen=TRAIL_FRAMES))
        trail.append((x, y))
        colour = BLUE if step.tracks.observed[row] else GREY
        if len(trail) > 1:
            points = np.rint(np.array(trail) * 16).astype(np.int32)[:, None]
            cv2.polylines(picture, [points], False, colour, 1, cv2.LINE_AA, 4)
        reach = max(9.0, 0.9 * float(step.tracks.wh_px[row].max()))
        for side in (-1, 1):
            bar = round(x + side * reach)
            ends = (bar, round(y - 0.5 * reach)), (bar, round(y + 0.5 * reach))
            cv2.line(picture, *ends, colour, 1, cv2.LINE_AA)
        label = f"{track_id} {self._letters.get(track_id, '')}".strip()
        at = (round(x + reach + 3), round(y - 0.4 * reach))
        cv2.putText(picture, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, INK, 2, cv2.LINE_AA)
        cv2.putText(picture, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, colour, 1, cv2.LINE_AA)

    def close(self) -> None:
        """Finish the file."""
        self._recorder.__exit__(None, None, None)

    def __enter__(self) -> OverlayWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
