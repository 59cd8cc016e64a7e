"""The fixed scenes: simulated fields of two sizes with 0 to 300 cells, drawn once and kept as files."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from spermscope.drawing import Progress, draw_all
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.video import open_source
from spermscope.video.recorder import Recorder

FIELDS = {"1392x976": (1392, 976, 0.3333), "640x480": (640, 480, 0.5)}
"""Width and height in px, um/px: a field of 464 x 325 um, and one of 320 x 240 um."""
CELLS = (0, 10, 30, 100, 300)
FPS, FRAMES, SEED = 15.0, 150, 2024
H264_BITS_S = 4_000_000
Codec = Literal["h264", "ffv1"]
SUFFIXES: dict[Codec, str] = {"h264": ".mp4", "ffv1": ".mkv"}


@dataclass(frozen=True, slots=True)
class BenchScene:
    """One field with so many cells in view, ``frames`` long."""

    field: str
    cells: int
    frames: int = FRAMES

    @property
    def settings(self) -> SceneSettings:
        """What is drawn."""
        width, height, um_per_px = FIELDS[self.field]
        return SceneSettings(
            width_px=width,
            height_px=height,
            um_per_px=um_per_px,
            fps=FPS,
            duration_s=self.frames / FPS,
            cells=self.cells,
            seed=SEED,
        )

    @property
    def um_per_px(self) -> float:
        """Its scale."""
        return FIELDS[self.field][2]

    def movie(self, folder: Path, codec: Codec) -> Path:
        """The file that holds it, named after what is in it."""
        return folder / f"{self._stem}{SUFFIXES[codec]}"

    def images(self, folder: Path) -> NDArray[np.uint8]:
        """``(N, H, W)`` its pictures, from the lossless file."""
        with open_source(self.movie(folder, "ffv1"), um_per_px=self.um_per_px) as source:
            return np.stack([frame.image for frame in source])

    def draw(self, folder: Path) -> None:
        """Write its files, unless the lossless one, which comes last, is there."""
        last = self.movie(folder, "ffv1")
        if last.is_file():
            return
        pictures = np.stack([image for _, _, image, _ in Scene(self.settings).frames()])
        _write_movie(self.movie(folder, "h264"), pictures, "h264")
        part = last.with_name(f"part-{last.name}")
        _write_movie(part, pictures, "ffv1")
        part.replace(last)

    @property
    def _stem(self) -> str:
        said = zlib.crc32(self.settings.model_dump_json().encode())
        return f"{self.field}-{self.cells}-{said:08x}"


def draw_scenes(scenes: Sequence[BenchScene], folder: Path, processes: int, progress: Progress) -> None:
    """Draw those that ``folder`` does not hold yet."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_all(partial(_draw, tuple(scenes), folder), range(len(scenes)), processes, progress)


def _draw(scenes: tuple[BenchScene, ...], folder: Path, number: int) -> None:
    scenes[number].draw(folder)


def _write_movie(path: Path, pictures: NDArray[np.uint8], codec: Codec) -> None:
    height, width = pictures.shape[1:]
    if codec == "ffv1":
        with Recorder(path, width, height, FPS) as recorder:
            for number, picture in enumerate(pictures):
                recorder.write(picture, number / FPS)
        return
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS))
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", H264_BITS_S
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="gray")))
        container.mux(stream.encode())
