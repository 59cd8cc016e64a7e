"""The values that travel on the arrows from a frame to a grade.

Conventions, stated once. Origin top-left, pixel centres at integers; points are ``(x, y)``, images
``[row, column]``. Every physical name carries its unit: ``_px _um _s _ms _um_s _hz _deg``. Times are seconds
stamped at the source. NaN is "undefined" and a reason goes with it. Many of a kind is one array with a row per
item; one of a kind is a frozen dataclass. Grades are ordered best first: index 0 is A.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ScaleSource = Literal["given", "calibrated", "estimated"]
StageState = Literal["start", "still", "drift", "jump", "cut"]

GRADES = ("A", "B", "C", "D", "E")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _rows(count: int, **arrays: Array) -> None:
    for name, array in arrays.items():
        _require(len(array) == count, f"{name}: expected {count} rows, found {len(array)}")


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a pixel is, and how we know it.

    ``um_per_px`` is 0.03 (a 100x lens) to 2.5 (less than two pixels to a head). ``relative_error`` is the half-width of
    a 95 % interval as a fraction (0.15 = +-15 %); it is NaN for a scale that was typed in.
    """

    um_per_px: float
    source: ScaleSource
    relative_error: float = float("nan")

    def __post_init__(self) -> None:
        _require(
            bool(np.isfinite(self.um_per_px)) and 0.03 <= self.um_per_px <= 2.5,
            f"scale: expected 0.03 to 2.5 um per pixel, found {self.um_per_px:g}",
        )


@dataclass(frozen=True, slots=True)
class SourceProfile:
    """What the first frames of a source tell; probed once, then frozen and saved.

    ``polarity`` is +1 where heads are brighter than their surroundings, -1 where darker, 0 where unsettled.
    ``black_level`` and ``white_level`` are the source levels that became 0 and 255. ``background`` (grey levels)
    and ``contrast`` (robust standard deviation of the flattened picture, grey levels) describe the uint8 frames.
    ``rate_hz`` is the median rate of the probed frames, NaN when there is one frame.
    """

    width_px: int
    height_px: int
    rate_hz: float
    scale: Scale
    polarity: int
    background: float
    contrast: float
    black_level: float = 0.0
    white_level: float = 255.0
    time_source: Literal["container", "given", "nominal", "index"] = "container"


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: ``image (H, W) uint8`` grey and read-only, its index from 0 and its own time.

    ``repeated``: the source gave the picture before it once more.
    """

    image: NDArray[np.uint8]
    index: int
    time_s: float
    repeated: bool = False

    def __post_init__(self) -> None:
        _require(
            self.image.ndim == 2 and self.image.dtype == np.uint8,
            f"frame: expected (H, W) uint8, found {self.image.shape} {self.image.dtype}",
        )
        self.image.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Detections:
    """What was seen in one frame, a row per object, in source pixels.

    ``xy_px (N, 2)`` box centres, ``wh_px (N, 2)`` box sizes, ``score (N,)`` in 0..1, ``sperm (N,) bool`` the label
    (False is *other*: debris, round cells). N = 0 is normal.
    """

    xy_px: NDArray[np.float32]
    wh_px: NDArray[np.float32]
    score: NDArray[np.float32]
    sperm: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.score)
        _rows(count, xy_px=self.xy_px, wh_px=self.wh_px, sperm=self.sperm)
        _require(self.xy_px.shape == (count, 2), f"xy_px: expected ({count}, 2), found {self.xy_px.shape}")

    def __len__(self) -> int:
        return len(self.score)

    @staticmethod
    def empty() -> Detections:
        """No object, with the right shapes."""
        none = np.empty((0, 2), np.float32)
        return Detections(none, none.copy(), np.empty(0, np.float32), np.empty(0, np.bool_))

    def where(self, keep: NDArray[np.bool_]) -> Detections:
        """The rows that ``keep (N,) bool`` selects."""
        return Detections(self.xy_px[keep], self.wh_px[keep], self.score[keep], self.sperm[keep])


@dataclass(frozen=True, slots=True)
class StagePosition:
    """Where the field of view lies in its map when a frame was taken.

    A point at pixel ``p`` of the frame lies at ``p * um_per_px + (x_um, y_um)`` in the map, so drift is removed.
    ``field`` numbers the fields from 0 as they are first seen; one that is visited again keeps its number. ``map``
    counts coordinate systems from 0: places in one map can be compared, those in two maps cannot, since how they lie
    to each other was not seen. ``focus`` is a sharpness score (``stage.focus``), higher is sharper, NaN where
    nothing is in view; comparable within one source only.
    """

    field: int
    x_um: float
    y_um: float
    state: StageState
    focus: float
    map: int
    um_per_px: float


@dataclass(frozen=True, slots=True)
class Tracks:
    """The cells alive in one frame, a row each, and those that ended with it.

    ``observed`` is False where a row is the tracker's prediction. ``confirmed`` is False for a track too young to
    be counted. ``detection (N,)`` is the row in the frame's sperm detections, -1 where predicted.
    ``xy_um (N, 2)`` is in the map frame. ``ended_id`` and ``ended_why`` name tracks that stopped here
    (``lost``, ``ambiguous``, ``left``, ``jump``, ``cut``, ``end``).
    """

    track_id: NDArray[np.int64]
    xy_px: NDArray[np.float64]
    wh_px: NDArray[np.float64]
    xy_um: NDArray[np.float64]
    confidence: NDArray[np.float64]
    observed: NDArray[np.bool_]
    confirmed: NDArray[np.bool_]
    detection: NDArray[np.int64]
    ended_id: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    ended_why: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _rows(
            len(self.track_id),
            xy_px=self.xy_px,
            wh_px=self.wh_px,
            xy_um=self.xy_um,
            confidence=self.confidence,
            observed=self.observed,
            confirmed=self.confirmed,
            detection=self.detection,
        )
        _require(len(self.ended_id) == len(self.ended_why), "ended_why: expected one reason for each ended id")

    def __len__(self) -> int:
        return len(self.track_id)


@dataclass(frozen=True, slots=True)
class Crops:
    """Head-centred pictures that fell due in one frame, a row per cell, at the clip scale.

    ``frames (N, S, S) uint8``, ``time_s (N,)`` each crop's own time, ``xy_um (N, 2)`` drift-free head position,
    ``observed (N,) bool``.
    """

    track_id: NDArray[np.int64]
    frames: NDArray[np.uint8]
    time_s: NDArray[np.float64]
    xy_um: NDArray[np.float64]
    observed: NDArray[np.bool_]

    def __post_init__(self) -> None:
        _rows(len(self.track_id), frames=self.frames, time_s=self.time_s, xy_um=self.xy_um, observed=self.observed)

    def __len__(self) -> int:
        return len(self.track_id)


@dataclass(frozen=True, slots=True)
class Clip:
    """What a rater sees of one cell: T (up to 16) crops at 15 Hz, 150 x 150 px at the clip scale.

    ``frames (T, 150, 150) uint8``, ``time_s (T,)``, ``xy_um (T, 2)`` drift-free, ``observed (T,) bool``.
    """

    track_id: int
    frames: NDArray[np.uint8]
    time_s: NDArray[np.float64]
    xy_um: NDArray[np.float64]
    observed: NDArray[np.bool_]
    um_per_px: float
    donor: str = ""
    sample: str = ""

    def __post_init__(self) -> None:
        _require(
            self.frames.ndim == 3 and self.frames.dtype == np.uint8,
            f"clip: expected (T, H, W) uint8, found {self.frames.shape} {self.frames.dtype}",
        )
        _rows(len(self.frames), time_s=self.time_s, xy_um=self.xy_um, observed=self.observed)


@dataclass(frozen=True, slots=True)
class Grades:
    """Predicted distributions of expert grades, a row per cell.

    ``probabilities (N, K)``: rows sum to 1, best grade first, the mean over the model's M heads.
    ``uncertainty (N,)``: the model's own doubt, the standard error of ``expected_grade`` (``doubt.py``).
    ``unlike (N,) bool``: the cell is unlike anything in training, so its row is not to be shown as a grade.
    ``embedding (N, D)``.
    """

    track_id: NDArray[np.int64]
    time_s: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    uncertainty: NDArray[np.float64]
    unlike: NDArray[np.bool_]
    embedding: NDArray[np.float32]

    def __post_init__(self) -> None:
        _rows(
            len(self.track_id),
            time_s=self.time_s,
            probabilities=self.probabilities,
            uncertainty=self.uncertainty,
            unlike=self.unlike,
            embedding=self.embedding,
        )

    def __len__(self) -> int:
        return len(self.track_id)

    def row(self, number: int) -> Grades:
        """One cell's."""
        return Grades(*(getattr(self, name)[number : number + 1] for name in self.__slots__))

    @staticmethod
    def joined(parts: Sequence[Grades]) -> Grades:
        """The rows of one or more parts."""
        return Grades(*(np.concatenate([getattr(part, name) for part in parts]) for name in Grades.__slots__))

    @staticmethod
    def empty(grades: int = len(GRADES), width: int = 0) -> Grades:
        """No grade, with the right shapes."""
        return Grades(
            np.empty(0, np.int64),
            np.empty(0),
            np.empty((0, grades)),
            np.empty(0),
            np.empty(0, np.bool_),
            np.empty((0, width), np.float32),
        )

    @property
    def expected_grade(self) -> NDArray[np.float64]:
        """``(N,)`` mean grade, 1 (A) .. K."""
        return self.probabilities @ np.arange(1.0, self.probabilities.shape[1] + 1.0)

    @property
    def mode(self) -> NDArray[np.int64]:
        """``(N,)`` index of the most probable grade; a tie goes to the worse."""
        count = self.probabilities.shape[1]
        best: NDArray[np.int64] = count - 1 - np.argmax(self.probabilities[:, ::-1], axis=1)
        return best

    @property
    def entropy(self) -> NDArray[np.float64]:
        """``(N,)`` in nats: the experts' predicted disagreement, 0 .. ln K."""
        p = self.probabilities
        nats: NDArray[np.float64] = -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0), axis=1)
        return nats


@dataclass(frozen=True, slots=True)
class Kinematics:
    """How one track moved. NaN where it was not computed; ``why`` gives the reason by field name.

    Ratios are fractions in 0..1. ``who_motility`` is one of ``rapid slow non-progressive immotile`` or empty,
    ``hyperactivated`` is ``yes``, ``no`` or empty.
    """

    vcl_um_s: float
    vsl_um_s: float
    vap_um_s: float
    lin: float
    str_: float
    wob: float
    alh_um: float
    bcf_hz: float
    mad_deg: float
    twitch_um: float
    tail_movement: float
    hyperactivated: str
    who_motility: str
    duration_s: float
    n_frames: int
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell when its track has ended: everything that its row in ``sperm.csv`` says.

    ``why`` is how the track ended; ``identity`` is ``ambiguous`` where a merge could not be resolved, else
    ``clear``. ``seen_s`` counts observed cell-seconds in the whole track. ``grade`` has one row, or none with the
    reason in ``not_graded``. ``clip`` holds exactly the crops that ``grade`` was given for.
    """

    track_id: int
    field: int
    first_frame: int
    last_frame: int
    first_time_s: float
    last_time_s: float
    seen_s: float
    why: str
    identity: Literal["clear", "ambiguous"]
    kinematics: Kinematics
    grade: Grades
    not_graded: str
    clip: Clip | None


@dataclass(frozen=True, slots=True)
class Step:
    """Everything the pipeline knows about one frame; what an overlay is painted from.

    ``finished`` are the confirmed cells whose tracks ended with this frame.
    """

    frame: Frame
    stage: StagePosition
    detections: Detections
    tracks: Tracks
    grades: Grades
    timings_ms: Mapping[str, float]
    finished: tuple[Cell, ...] = ()
    dropped: int = 0
