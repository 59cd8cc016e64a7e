"""Video files: mp4, avi, mov, mkv and whatever else the decoder knows, with their real times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av

from spermscope.video.luma import grey_picture
from spermscope.video.reader import Picture, TimeSource
from spermscope.video.sealed import SEALED, is_whole

MISSING_END_FRAMES = 1.5
"""A file whose last frame lies further than this before its stated end was cut short."""


class VideoFile:
    """The first video stream of a file; see ``Reader``.

    Raises
    ------
    ValueError
        When nothing in the file can be read as video.
    """

    live = False
    mixed_sizes = False
    um_per_px = float("nan")

    def __init__(self, path: Path) -> None:
        self.paths: tuple[Path, ...] = (path,)
        self.warnings: list[str] = []
        self.truncated = False
        self.time_source: TimeSource = "container"
        with self._open() as container:
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.base_rate
            self.rate_hz = float(rate) if rate else float("nan")
            self._promised = int(stream.frames)
            self._duration_s = _duration_s(container, stream)
        self.frame_count = self._promised or self._implied_count()

    def _implied_count(self) -> int | None:
        """Matroska does not count its frames: duration times rate, exact for a steady rate."""
        count = self._duration_s * self.rate_hz
        return round(count) if count > 0 else None

    def _open(self) -> Any:
        path = self.paths[0]
        try:
            container = av.open(str(path), metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ValueError(f"{path}: expected a video, a TIFF stack or an image, found: {reason}") from error
        if not container.streams.video:
            kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
            container.close()
            raise ValueError(f"{path}: expected a video stream, found {kinds}")
        return container

    def close(self) -> None:
        """Hold nothing between passes."""

    def pictures(self) -> Iterator[Picture]:
        """Yield every frame that can be decoded; note in ``warnings`` where the file ends too early."""
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield from self._decode(container, stream)

    def _decode(self, container: Any, stream: Any) -> Iterator[Picture]:
        count, damaged, last_s, size = 0, 0, float("nan"), None
        packets = container.demux(stream)
        sealed = container.metadata.get("comment") == SEALED
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                if sealed and packet.size and not is_whole(packet):
                    damaged += 1
                    continue
                frames = packet.decode()
            except av.error.FFmpegError:
                damaged += 1
                if damaged > 100:  # a broken file that goes on for ever
                    break
                continue
            for frame in frames:
                if frame.is_corrupt:
                    damaged += 1
                    continue
                if size not in (None, (frame.width, frame.height)):
                    found = f"{frame.width}x{frame.height}"
                    self._cut(f"the picture size changed after frame {count - 1} to {found}: stopped there")
                    return
                size = (frame.width, frame.height)
                time_s = _time_s(frame)
                count, last_s = count + 1, time_s + _extra_s(frame, self.rate_hz)
                yield grey_picture(frame), time_s
        self._note_end(count, damaged, last_s)

    def _note_end(self, count: int, damaged: int, last_s: float) -> None:
        early = (self._duration_s - last_s) * self.rate_hz > MISSING_END_FRAMES
        if early and count < (self._promised or count + 1):
            promise = f"{self._promised} frames" if self._promised else f"{self._duration_s:.2f} s"
            self._cut(f"truncated after frame {count - 1}: the file promises {promise}")
        elif damaged:
            self._cut(f"{damaged} damaged pieces were left out; {count} frames were read")

    def _cut(self, why: str) -> None:
        self.truncated = True
        if why not in self.warnings:
            self.warnings.append(why)


def _time_s(frame: Any) -> float:
    stamp = frame.pts if frame.pts is not None else frame.dts
    return float(stamp * frame.time_base) if stamp is not None and frame.time_base else float("nan")


def _extra_s(frame: Any, rate_hz: float) -> float:
    """How much longer than a usual frame this one is shown, by its own word (variable rates)."""
    shown_s = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
    return max(shown_s - 1.0 / rate_hz, 0.0) if rate_hz > 0 else 0.0


def _duration_s(container: Any, stream: Any) -> float:
    """Where the stream's last frame ends, on the clock of the frames; NaN when the file does not say.

    Matroska states one length for all streams, which is the video's own only where there is no other.
    """
    if stream.duration is not None and stream.time_base:
        return float((stream.duration + (stream.start_time or 0)) * stream.time_base)
    alone = len(container.streams) == 1
    return float(container.duration / av.time_base) if container.duration and alone else float("nan")
