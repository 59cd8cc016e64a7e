"""A source of frames: whatever it is read from, it is probed once and then gives frames with their times."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Generator, Iterator
from functools import cached_property
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.types import Array, Frame, Scale, SourceProfile
from spermscope.video.flaws import Watch, still_flaws
from spermscope.video.levels import level_table
from spermscope.video.prefetch import prefetch
from spermscope.video.probe import probe
from spermscope.video.reader import Picture, Reader, TimeSource
from spermscope.video.stills import StillScales

PROBE_FRAMES = 32
AHEAD_FRAMES = 4
_BLOCK_BYTES = 1 << 20
DOUBTFUL = 0.5
"""Half-width of an estimated scale's interval from which on it is said that heads may be missed: the detector learned
on scales that were off by less."""


class Source:
    """Frames of one recording or camera, in order, with times in seconds that start at 0 and always rise.

    Made by ``open_source``; a context manager. The first ``PROBE_FRAMES`` are read at once to make ``profile`` and
    are then given again as the first frames of the iteration, so nothing is lost. Iterating a second time starts
    at the beginning (a camera goes on). A few frames are decoded ahead in a thread; memory does not grow with the
    length of the source.

    Attributes
    ----------
    address
        What was opened.
    profile
        What the first frames tell; see ``SourceProfile``.
    frame_count
        Frames as the source states or implies, for a progress bar; None when it does not say.
    warnings
        What the user should know of the recording, one line each; grows while frames are read.
    truncated
        True once the recording turned out to be damaged or cut short.
    scene
        The simulated scene of a ``sim:`` source, else None.
    stills
        The scales of stills where none was given, else None.
    """

    def __init__(
        self,
        address: str,
        reader: Reader,
        *,
        scale: Scale | None = None,
        fps: float | None = None,
        scene: Any = None,
        stills: StillScales | None = None,
    ) -> None:
        self.address = address
        self.scene = scene
        self.stills = stills
        self._reader = reader
        self._fps = fps
        self._extra_warnings: list[str] = []
        self._pictures = self._start()
        self._first: deque[Picture] = deque()
        try:
            self._probe(scale)
        except BaseException:
            self.close()
            raise

    def _start(self) -> Generator[Picture, None, None]:
        return prefetch(self._reader.pictures, 0 if self._reader.live else AHEAD_FRAMES)

    def _probe(self, scale: Scale | None) -> None:
        for picture in self._pictures:
            self._first.append(picture)
            if len(self._first) == PROBE_FRAMES:
                break
        if not self._first:
            raise ValueError(f"{self.address}: expected at least one frame, found none")
        self._time_source = self._settle_times()
        raw = [image for image, _ in self._first]
        times = [time_s for _, time_s in self._stamped(iter(self._first))]
        scale = self.stills.of_size(raw[0]) if self.stills else scale
        self.profile: SourceProfile = probe(raw, times, scale, self._time_source)
        self._table = level_table(self.profile.black_level, self.profile.white_level)
        if not self._reader.mixed_sizes:
            self._extra_warnings += still_flaws(raw, [self._to_uint8(image) for image in raw])
        self._watch = Watch(1.0 / self.profile.rate_hz)
        for found in self.stills.by_size.values() if self.stills else [self.profile.scale]:
            self._doubt(found)

    def _doubt(self, scale: Scale) -> None:
        if scale.source == "estimated" and scale.relative_error >= DOUBTFUL:
            um, off = f"{scale.um_per_px:.2f}", f"{100 * scale.relative_error:.0f}"
            self._warn(f"the picture tells little of its scale, {um} um/px ± {off} %: heads may be missed; calibrate")

    def scale_of(self, image: NDArray[np.uint8]) -> Scale:
        """Scale of one of this source's frames: the profile's, but of stills without a given one as ``StillScales``."""
        if self.stills is None:
            return self.profile.scale
        scale = self.stills.of(image)
        if scale != self.stills.of_size(image):
            self._warn("some images show another scale than others of their size: each is read at its own")
        return scale

    def _settle_times(self) -> TimeSource:
        if self._reader.time_source in ("index", "given"):
            return self._reader.time_source
        if self._fps is not None:
            return "given"
        if self._reader.time_source == "container" and all(np.isfinite(time_s) for _, time_s in self._first):
            return "container"
        if len(self._first) > 1 and not np.isfinite(self._reader.rate_hz):
            raise ValueError(f"{self.address}: expected frame times or a frame rate, found neither; give --fps")
        return "nominal"

    def _stamped(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        """The pictures with times that start at 0 and rise, whatever the container says."""
        rate_hz = self._fps or self._reader.rate_hz
        first_s, last_s = None, -np.inf
        for index, (image, said_s) in enumerate(pictures):
            if self._reader.time_source in ("index", "given"):
                time_s = said_s
            elif self._time_source == "container":
                first_s = said_s if first_s is None else first_s
                time_s = said_s - first_s
                if not time_s > last_s:
                    time_s = last_s + (1.0 / rate_hz if rate_hz > 0 else 1e-3)
                    self._warn("some frame times were missing or did not rise: the nominal rate was used for them")
            else:
                time_s = index / rate_hz if index else 0.0
            last_s = time_s
            yield image, time_s

    def __iter__(self) -> Iterator[Frame]:
        pictures = self._pictures if self._first or self._reader.live else self._restart()
        shape = (self.profile.height_px, self.profile.width_px)
        self._watch = watch = Watch(1.0 / self.profile.rate_hz)
        for index, (image, time_s) in enumerate(self._stamped(self._rest(pictures))):
            if image.shape != shape and not self._reader.mixed_sizes:
                raise ValueError(
                    f"{self.address}: expected {shape[1]}x{shape[0]} pixels as in the first frame, "
                    f"found {image.shape[1]}x{image.shape[0]} in frame {index}"
                )
            picture = self._to_uint8(image)
            yield Frame(picture, index, time_s, repeated=watch.repeats(picture, time_s))

    def _rest(self, pictures: Iterator[Picture]) -> Iterator[Picture]:
        while self._first:
            yield self._first.popleft()
        yield from pictures

    def _restart(self) -> Generator[Picture, None, None]:
        self._pictures.close()
        self._pictures = self._start()
        return self._pictures

    def _to_uint8(self, image: Array) -> NDArray[np.uint8]:
        if image.dtype == np.uint8:
            return image
        return self._table[image]

    def _warn(self, line: str) -> None:
        if line not in self._extra_warnings:
            self._extra_warnings.append(line)

    @property
    def warnings(self) -> list[str]:
        """One line each, in the order in which they came up."""
        return [*self._reader.warnings, *self._extra_warnings, *self._watch.lines]

    @property
    def truncated(self) -> bool:
        """True once the recording turned out to be damaged or cut short."""
        return self._reader.truncated

    @property
    def cut_because(self) -> str:
        """How the recording turned out to be damaged or cut short, '' where it did not."""
        said = self._reader.warnings[-1:] or ["the source is damaged or cut short"]
        return said[0] if self.truncated else ""

    @property
    def frame_count(self) -> int | None:
        """Frames as the source states or implies them; None when it does not say."""
        return self._reader.frame_count

    @cached_property
    def sha256(self) -> str | None:
        """Of the file's bytes (of a folder: of its images' digests in order); None for a camera or a simulation."""
        digests = []
        for path in self._reader.paths:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
            digests.append(digest)
        if len(digests) <= 1:
            return digests[0].hexdigest() if digests else None
        return hashlib.sha256(b"".join(digest.digest() for digest in digests)).hexdigest()

    def close(self) -> None:
        """Stop reading and let go of the file or camera. Closing twice is fine."""
        self._pictures.close()
        self._first.clear()
        self._reader.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
