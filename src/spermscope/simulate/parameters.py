"""What a scene is made of, and how a ``sim:`` address says it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spermscope.simulate.camera import Camera


class SceneSettings(BaseModel):
    """What a scene is made of; every field can be set in a ``sim:`` address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width_px: int = Field(default=640, ge=16, le=8192)
    height_px: int = Field(default=480, ge=16, le=8192)
    um_per_px: float = Field(default=0.45, gt=0.02, le=5)
    fps: float = Field(default=50.0, gt=0, le=1000)
    duration_s: float = Field(default=5.0, gt=0, le=36000)
    cells: float = Field(default=30, ge=0, le=5000, description="mean number in view")
    seed: int = Field(default=0, ge=0)
    optics: Literal["phase", "brightfield", "hoffman", "random"] = "phase"
    progressive: float = Field(default=0.4, ge=0)
    hyperactivated: float = Field(default=0.05, ge=0)
    circling: float = Field(default=0.05, ge=0)
    nonprogressive: float = Field(default=0.2, ge=0)
    immotile: float = Field(default=0.3, ge=0)
    speed_um_s: float = Field(default=0.0, ge=0, le=500, description="of progressive cells; 0 = drawn for each")
    debris: float = Field(default=1.0, ge=0, le=50)
    drift_um_s: float = Field(default=0.0, ge=-200, le=200)
    jump_at_s: float = Field(default=0.0, ge=0, description="the stage moves to another field; 0 = never")
    defocus_um: float = Field(default=1.0, ge=0, le=20, description="standard deviation of heights")
    clutter: float = Field(default=0.0, ge=0, le=20, description="1 = a tissue preparation")
    sensor_dust: int = Field(default=0, ge=0, le=500)
    flicker: float = Field(default=0.0, ge=0, le=0.5, description="of the lamp, relative amplitude")
    rolling_ms: float = Field(default=0.0, ge=0, le=100, description="read-out from the first row to the last")
    interlaced: bool = False
    dropped: float = Field(default=0.0, ge=0, le=0.9, description="share of frames that are lost")
    repeated: float = Field(default=0.0, ge=0, le=0.9, description="share of frames that show the one before again")
    h264_crf: int = Field(default=0, ge=0, le=51, description="0 = not compressed")

    def camera(self) -> Camera:
        """The camera and recorder."""
        return Camera(
            dust=self.sensor_dust,
            flicker=self.flicker,
            rolling_s=1e-3 * self.rolling_ms,
            interlaced=self.interlaced,
            dropped=self.dropped,
            repeated=self.repeated,
            h264_crf=self.h264_crf,
            seed=self.seed,
        )

    @staticmethod
    def parse(text: str) -> SceneSettings:
        """Read ``key=value,key=value``.

        Raises
        ------
        ValueError
            One line naming the key, what was expected and what was found.
        """
        given: dict[str, str] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            key, equals, value = item.partition("=")
            if not equals:
                raise ValueError(f"sim: expected key=value, found {item!r}")
            given[key.strip()] = value.strip()
        try:
            return SceneSettings.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0])
            if first["type"] == "extra_forbidden":
                raise ValueError(
                    f"sim: expected one of {', '.join(SceneSettings.model_fields)}, found {key!r}"
                ) from None
            raise ValueError(f"sim: {key}: {first['msg'].lower()}, found {first['input']!r}") from None
