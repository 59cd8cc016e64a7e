"""Settings of every stage: typed, frozen, unknown keys refused, saved with each result."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError, model_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StageSettings(_Frozen):
    """How drift, jumps and cuts are told apart."""

    width_px: int = Field(default=320, ge=32, description="width that pictures are shrunk to")
    remembered_frames: int = Field(default=25, ge=3, description="frames that say how alike neighbours usually are")
    remembered_views: int = Field(default=48, ge=1, description="views by which fields are recognised, the latest ones")
    cut_share: float = Field(default=0.5, gt=0, lt=1, description="of the usual likeness: below it a field ends")
    least_likeness: float = Field(default=0.2, ge=0, description="usual likeness below which no cut can be told")
    sure_ratio: float = Field(default=1.6, ge=1, description="peak over chance that supports a shift")
    settle_s: float = Field(default=0.5, ge=0, description="age of a key frame at which swimmers have left their place")
    search_um: float = Field(default=8.0, gt=0, description="a drift may differ this much from the expected place")
    jump_um: float = Field(default=12.0, gt=0, description="a shift between two frames beyond this is a jump")
    still_um_s: float = Field(default=0.5, gt=0, description="slower than this the stage stands still")
    acceleration_um_s2: float = Field(default=2.0, gt=0, description="of the drift, standard deviation")
    jitter_um: float = Field(default=0.3, gt=0, description="of one registration, standard deviation")


class DetectSettings(_Frozen):
    """Which detections count."""

    method: Literal["network", "boxes"] = Field(default="network", description="boxes needs no model")
    threshold: float | None = Field(
        default=None, gt=0, lt=1, description="score from which a head is sure; the model card's when not given"
    )
    box_contrast: float = Field(default=0.5, gt=0, description="least lift of a head over its surroundings (boxes)")


class TrackSettings(_Frozen):
    """The tracker, in micrometres and seconds, so that one setting serves every frame rate."""

    off_um: float = Field(default=0.5, gt=0, description="error of a place, standard deviation")
    beats_hz: tuple[PositiveFloat, ...] = Field(
        default=(6.0, 9.0, 12.0, 15.0), min_length=1, description="strokes of a head in a second: what to expect"
    )
    beat_lasts_s: float = Field(default=0.2, gt=0, description="time over which a beat keeps its phase")
    trust_s: float = Field(default=1.0, gt=0, description="time over which what is known of a head's beat is forgotten")
    beat_um: float = Field(default=1.5, gt=0, description="beat and localisation of a new track, standard deviation")
    least_beat_um: float = Field(default=0.8, gt=0, description="beat and localisation, at least")
    widest_beat_um: float = Field(default=5.0, gt=0, description="beat and localisation, at most")
    beat_s: float = Field(default=0.3, gt=0, description="time over which a track's own beat is learned")
    wander_um2_s3: float = Field(default=170.0, gt=0, description="variance that a second adds to a path's velocity")
    rest_um2_s3: float = Field(default=2.0, gt=0, description="the same of a head that lies still")
    start_speed_um_s: float = Field(default=40.0, gt=0, description="of a new track, standard deviation")
    gate: float = Field(default=9.0, gt=0, description="squared Mahalanobis distance")
    reach_um: float = Field(default=20.0, gt=0, description="no point farther than this from its prediction")
    loose_gate: float = Field(default=20.0, gt=0, description="gate for a lonely track and a lonely point")
    loose_um: float = Field(default=12.0, gt=0, description="reach for a lonely track and a lonely point")
    young_price: float = Field(default=4.0, ge=0, description="added cost of a track that is not confirmed yet")
    confirm_hits: int = Field(default=5, ge=1, description="points before a track counts")
    confirm_score: float = Field(default=0.8, ge=0, le=1, description="mean score before a track counts")
    doubt_um: float = Field(default=6.0, ge=0, description="a point so near to an unseen head may be that head's")
    seen_share: float = Field(default=0.8, gt=0, lt=1, description="of the frames in which a head shows as a point")
    look_hz: float = Field(
        default=50.0, gt=0, description="frames closer in time count less in telling head from chance"
    )
    chance_s: float = Field(default=0.5, gt=0, description="time over which the density of chance points is learned")
    confirm_belief: float = Field(default=8.0, ge=0, description="log odds of a head before a track counts")
    most_belief: float = Field(default=25.0, gt=0, description="log odds at most: what a track has to lose")
    least_belief: float = Field(default=-2.0, lt=0, description="log odds below which a track ends")
    max_gap_s: float = Field(default=0.3, gt=0, description="unseen for longer, a confirmed track ends")
    young_gap_s: float = Field(default=0.12, gt=0, description="unseen for longer, an unconfirmed track ends")
    merge_um: float = Field(default=4.0, gt=0, description="heads nearer than this may show as one")
    merge_s: float = Field(default=1.0, ge=0, description="hidden by a neighbour for longer, a head is lost")
    sure_margin: float = Field(
        default=3.0, ge=0, description="twice the log likelihood by which one story of a parting must lead"
    )
    unsure_s: float = Field(default=0.4, ge=0, description="a parting not told by then is ambiguous")
    stroke_hz: float = Field(default=15.0, gt=0, description="points closer in time count less in telling a parting")
    start_score: float = Field(default=0.5, ge=0, le=1, description="least score of a point that starts a track")
    faint_gate: float = Field(
        default=2.0, gt=0, description="squared Mahalanobis distance of a point too faint to start a track"
    )

    @model_validator(mode="after")
    def _in_order(self) -> TrackSettings:
        if not self.least_beat_um <= self.widest_beat_um:
            raise ValueError(f"expected least_beat_um <= widest_beat_um, here {self.widest_beat_um:g}")
        return self


class ClipSettings(_Frozen):
    """What a rater and the grader see of one cell."""

    size_px: int = Field(default=150, description="side of a clip, pixels")
    um_per_px: float = Field(default=0.5, description="scale of a clip")
    rate_hz: float = Field(default=15.0, description="crops per second")
    length: int = Field(default=16, description="crops in a clip")


class GradeSettings(_Frozen):
    """When a grade is given."""

    min_crops: int = Field(default=12, ge=1, description="crops that a grade needs: three quarters of a clip")
    every_crop: bool = Field(
        default=False,
        description="look at the crops between those that a streaming model needs, too: a grade is the mean of both "
        "rows, and is renewed twice as often, at twice the price",
    )


class TailSettings(_Frozen):
    """Where and when a tail's movement is looked for."""

    near_um: float = Field(default=3.0, ge=0, description="from the head: nearer, the head itself is seen")
    far_um: float = Field(default=6.0, gt=0, description="from the head: farther, another cell's tail may be seen")
    ground_um: float = Field(default=10.0, gt=0, le=20, description="from the head: what the tail is compared with")
    soft_um: float = Field(default=3.5, gt=0, le=10, description="width of the blur against noise")
    stay_um: float = Field(default=2.5, gt=0, le=10, description="a head that goes farther within a second swims")
    neighbour_um: float = Field(default=6.0, ge=0, description="what lies nearer to another head is left out")
    window_s: float = Field(default=1.0, gt=0, description="time that one value is taken from")
    least_rate_hz: float = Field(default=10.0, gt=0, description="different pictures a second, at least")

    @model_validator(mode="after")
    def _in_order(self) -> TailSettings:
        if not self.near_um < self.far_um <= self.ground_um:
            raise ValueError(f"expected near_um < far_um <= ground_um, here {self.far_um:g}")
        return self


class KinematicsSettings(_Frozen):
    """Windows and gates of the kinematics."""

    beat_rate_hz: float = Field(default=50.0, gt=0, description="least rate for VCL, LIN, WOB, ALH, BCF and MAD")
    window_s: float = Field(default=0.2, gt=0, description="window of the average path from that rate on")
    slow_window_s: float = Field(default=0.34, gt=0, description="window of the average path below it, and for WHO")
    noise_um: float = Field(default=0.15, ge=0, description="localisation noise; twice it is the beat's dead band")
    who_s: float = Field(default=1.0, gt=0, description="time over which the WHO distance is taken")
    rapid_um_s: float = Field(default=25.0, gt=0, description="rapid progressive from here")
    slow_um_s: float = Field(default=5.0, gt=0, description="slow progressive from here")
    still_um_s: float = Field(default=1.5, ge=0, description="slower and without scatter is immotile")
    still_um: float = Field(default=0.32, ge=0, description="scatter about a straight second that counts as movement")
    tail_ratio: float = Field(default=2.5, ge=1, description="tail movement from which a still head's cell moves")

    hyper_vcl_um_s: float = Field(default=150.0, gt=0, description="hyperactivated: VCL at least")
    hyper_lin: float = Field(default=0.5, ge=0, le=1, description="hyperactivated: LIN at most")
    hyper_alh_um: float = Field(default=7.0, gt=0, description="hyperactivated: greatest ALH at least")
    history_s: float = Field(default=60.0, gt=0, description="latest seconds of a track that its numbers come from")


class Settings(_Frozen):
    """Every stage's settings; the whole is written into ``session.json``."""

    accept_estimated_scale: bool = Field(
        default=False, description="report um values on an estimated scale, each marked"
    )
    precision: Literal["f32", "int8"] = Field(
        default="f32", description="int8: whole numbers where a model has them and this machine computes them: faster"
    )
    threads: int = Field(
        default=2, ge=1, le=64, description="frames in which heads are sought at once, each on one core"
    )

    stage: StageSettings = StageSettings()
    detect: DetectSettings = DetectSettings()
    track: TrackSettings = TrackSettings()
    clip: ClipSettings = ClipSettings()
    grade: GradeSettings = GradeSettings()
    tail: TailSettings = TailSettings()
    kinematics: KinematicsSettings = KinematicsSettings()


def live_settings(precision: Literal["f32", "int8"] = "int8") -> Settings:
    """What the live window watches with: a grade is renewed with every crop."""
    return Settings(precision=precision, grade=GradeSettings(every_crop=True))


def load_settings(path: Path) -> Settings:
    """Read settings from a TOML file whose tables are named after the stages.

    Raises
    ------
    ValueError
        One line naming the file, the key and what was expected.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        return Settings.model_validate(raw)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path}: expected TOML, found {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {where}: {first['msg']}, found {first['input']!r}") from error
