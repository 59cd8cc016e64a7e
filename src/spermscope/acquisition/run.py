"""A live run from its start to its session folder: capture, analysis and recording, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spermscope.acquisition.replay import Replay
from spermscope.acquisition.shown import Shown
from spermscope.assessment import Assessed, Progress
from spermscope.conclusion import Conditions
from spermscope.runtime import Model
from spermscope.settings import Settings
from spermscope.types import Clip, SourceProfile
from spermscope.video.reader import Reader

State = Literal["starting", "running", "lost", "ended"]


@dataclass(frozen=True, slots=True)
class Figures:
    """How a run is doing now, for a status bar.

    ``state``: ``starting`` until the first frame is analysed; ``lost`` while the camera gives nothing and is looked
    for; ``ended`` when nothing more will come. ``fps`` and ``analysed_fps`` are frames that came and that were analysed
    in a second, over the last 5 s; ``delay_ms`` is the median of the last 5 s from arrival to analysed; NaN where there
    is nothing to tell them from. ``captured`` counts the frames that came; ``dropped_analysis`` those that came while
    the run went on and were not analysed, ``dropped_recording`` those that the recording misses. ``recorded_s`` are
    seconds in the recording; ``disk_left_s`` how long the disk lasts at the present rate, NaN where not known.
    ``engine`` and ``precision`` name what computes; ``warnings`` are lines for the user, oldest first.
    """

    state: State
    fps: float
    analysed_fps: float
    delay_ms: float
    captured: int
    dropped_analysis: int
    dropped_recording: int
    recording: bool
    recorded_s: float
    disk_left_s: float
    engine: str
    precision: str
    source: str
    warnings: tuple[str, ...]


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
        One line: an unknown ``optics``, or two different samples.
    """

    replay: Replay

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
        raise NotImplementedError

    def start(self) -> None:
        """Begin, and return at once; what goes wrong later is told by ``figures``.

        Raises
        ------
        ValueError
            One line: the folder exists or cannot be made.
        """
        raise NotImplementedError

    @property
    def place(self) -> Path:
        """Where the session's files lie now: beside ``folder``, named ``.partial``, until the run is finished."""
        raise NotImplementedError

    @property
    def profile(self) -> SourceProfile | None:
        """What the first frames told; None before."""
        raise NotImplementedError

    @property
    def models(self) -> tuple[Model, ...]:
        """The models in use, detector first; none before the profile is known."""
        raise NotImplementedError

    def newest(self) -> Shown | None:
        """The latest analysed frame; None before the first."""
        raise NotImplementedError

    def figures(self) -> Figures:
        """How the run is doing now."""
        raise NotImplementedError

    def clip(self, track_id: int) -> Clip | None:
        """The latest crops of a cell in view, up to a whole clip; None for another, or before its first crop."""
        raise NotImplementedError

    def note(self, kind: str, **facts: Any) -> None:
        """Append a chained row to ``decisions.jsonl``; it is on the disk when this returns.

        The row holds ``kind``, ``when`` (UTC, ISO) and ``who`` (the operator), and ``facts``, which go before these.

        Raises
        ------
        OSError
            When it could not be written.
        """
        raise NotImplementedError

    def record(self, on: bool) -> None:
        """Begin or end the lossless recording in ``place``/video; before the first frame it begins with it.

        Why it does not begin, or ended by itself, is told by ``figures``.
        """
        raise NotImplementedError

    def finish(self, progress: Progress = lambda done, total: None) -> Assessed:
        """Stop everything and make the session folder, as ``assess`` does; waits for what is under way.

        After a crash of the analysis the folder holds what was done before, marked as not complete.

        Raises
        ------
        ValueError
            One line: no frame ever came, so there is no session; its folder is removed.
        """
        raise NotImplementedError
