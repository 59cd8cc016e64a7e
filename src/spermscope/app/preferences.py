"""What the application remembers from one start to the next: one file, which never stops a start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from platformdirs import user_config_path, user_documents_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spermscope.whole_files import put_text


class Preferences(BaseModel):
    """Everything that is remembered; no code of a sample and no name of a person is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    language: Literal["en", "ja"] = "en"
    opacity: float = Field(default=1.0, ge=0.1, le=1.0, description="of the overlay")
    folder: str = Field(default="", description="that holds the session folders; the user's documents when empty")
    address: str = Field(default="", max_length=4000, description="the source that was chosen last")
    optics: str = Field(default="", max_length=80, description="name of the calibrated scale, '' for none")
    um_per_px: float | None = Field(default=None, ge=0.03, le=2.5)
    camera_fps: float | None = Field(default=None, gt=0, le=10000, description="what the camera is set to; checked")
    operator: str = Field(default="", max_length=40, description="a code, never a name")
    precision: Literal["int8", "f32"] = Field(default="int8", description="int8 computes twice as fast")
    preparation: str = Field(default="", max_length=200)
    ejaculate: bool = False
    temperature_c: float | None = Field(default=None, ge=-20, le=80)
    depth_um: float | None = Field(default=None, gt=0, le=10000)

    @property
    def sessions(self) -> Path:
        """The folder that holds the session folders."""
        return Path(self.folder) if self.folder else user_documents_path() / "spermscope"


def preferences_path() -> Path:
    """Where they are kept; ``SPERMSCOPE_CONFIG`` names another folder."""
    folder = os.environ.get("SPERMSCOPE_CONFIG")
    return (Path(folder) if folder else user_config_path("spermscope", appauthor=False)) / "live.json"


def read_preferences() -> tuple[Preferences, Path | None]:
    """What was kept, and where a file that cannot be read was put aside, None where there was no such file.

    Never raises: without a readable file all is as on the first start.
    """
    path = preferences_path()
    try:
        return Preferences.model_validate_json(path.read_bytes()), None
    except FileNotFoundError:
        return Preferences(), None
    except (ValidationError, OSError):
        return Preferences(), _put_aside(path)


def _put_aside(path: Path) -> Path:
    """The broken file under a new name; under its own where it cannot be renamed."""
    for number in range(1, 1000):
        aside = path.with_name(f"{path.stem}.broken-{number}{path.suffix}")
        if not aside.exists():
            try:
                os.replace(path, aside)
            except OSError:
                return path
            return aside
    return path


def keep_preferences(preferences: Preferences) -> None:
    """Keep them, whole or not at all.

    Raises
    ------
    OSError
        When the folder cannot be written.
    """
    path = preferences_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    put_text(path, preferences.model_dump_json(indent=1))
