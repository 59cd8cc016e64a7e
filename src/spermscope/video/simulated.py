"""Frames of a simulated scene, by an address such as ``sim:cells=60,fps=15``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.video.reader import Picture, TimeSource

_UNSCALED = "unscaled=1"


class Simulated:
    """A scene rendered frame by frame; see ``Reader``."""

    live = False
    mixed_sizes = False
    truncated = False
    paths: tuple[Path, ...] = ()

    def __init__(self, scene: Scene, *, scaled: bool) -> None:
        settings = scene.settings
        self.scene = scene
        self.warnings: list[str] = []
        self.time_source: TimeSource = "container"
        self.rate_hz = float(settings.fps)
        self.um_per_px = float(settings.um_per_px) if scaled else float("nan")
        self.frame_count: int | None = scene.frame_count

    def close(self) -> None:
        """Hold nothing between passes."""

    def pictures(self) -> Iterator[Picture]:
        """Yield the scene's frames with their times."""
        for _, time_s, image, _ in self.scene.frames():
            yield image, time_s


def open_simulated(parameters: str) -> Simulated:
    """The scene of ``parameters`` (``name=value`` by commas); ``unscaled=1`` keeps its scale to itself.

    Raises
    ------
    ValueError
        When a name is unknown or a value out of range.
    """
    words = [word.strip() for word in parameters.split(",") if word.strip()]
    rest = [word for word in words if word != _UNSCALED]
    scene = Scene(SceneSettings.parse(",".join(rest)))
    return Simulated(scene, scaled=len(rest) == len(words))
