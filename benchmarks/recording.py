"""A recorder that is killed with -9 at random moments: what can be read afterwards, and how much is missing.

``python -m benchmarks.recording [--kills N] [--size 1392x976]``. Each time a process of its own records pictures of a
simulated microscope (rendered beforehand, with their numbers in a corner) as fast as it can, with the times of 15 fps,
and tells which frame it is about to hand over; it is killed somewhere within its first eight seconds of recording. Then
every segment that was closed must have its hash and give every frame to the bit. *Missing* are the seconds from the
last frame that can be read to the last one handed over: once with what the segment that was being written still gives,
once (as after a power cut) by the closed ones alone. At the end, what recording costs: bytes, and time a frame.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from spermscope.acquisition.disk import DiskRules
from spermscope.acquisition.recovery import describe
from spermscope.acquisition.segments import SegmentedRecorder
from spermscope.types import Frame
from spermscope.video.recorded import Recorded

FPS = 15.0
RENDERED = 30
MOST_FRAMES = 120
"""A recorder is killed after up to so many frames, and then at any moment of the next ones."""
ANY_DISK = DiskRules(warn_s=0, refuse_s=0, reserve_bytes=0)


@dataclass(frozen=True)
class Kill:
    """What was left after one kill; ``said``: a reader and the list of sessions tell that it was cut off."""

    segments: int
    damaged: int
    missing_s: float
    closed_missing_s: float
    said: bool


def kill_at_random(folder: Path, kills: int, seed: int, width_px: int = 160, height_px: int = 120) -> list[Kill]:
    """Kill ``kills`` recorders, each in a folder of its own below ``folder``."""
    pictures = folder / "pictures.npy"
    np.save(pictures, render(width_px, height_px))
    rng = np.random.default_rng(seed)
    return [
        _kill(pictures, folder / f"{number:03d}", int(rng.integers(1, MOST_FRAMES)), float(rng.uniform(0.0, 0.05)))
        for number in range(kills)
    ]


def render(width_px: int, height_px: int) -> NDArray[np.uint8]:
    """``(RENDERED, height, width)`` of a simulated scene with 30 cells or fewer."""
    from spermscope.simulate.scene import Scene, SceneSettings  # the recorder that is killed starts without it

    cells = max(1, round(30 * width_px * height_px / (1392 * 976)))
    settings = SceneSettings(cells=cells, duration_s=RENDERED / FPS, fps=FPS, width_px=width_px, height_px=height_px)
    return np.stack([image for _, _, image, _ in Scene(settings).frames()])[:RENDERED]


def numbered(pictures: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
    """A picture that no other frame has: its number stands in the first pixels."""
    picture = pictures[index % len(pictures)].copy()
    picture[0, :4] = np.frombuffer(np.uint32(index).tobytes(), np.uint8)
    return picture


def record(pictures: Path, folder: Path) -> None:
    """Record until killed; a line with its number goes out before each frame is handed over."""
    images = np.load(pictures)
    recorder = SegmentedRecorder(folder, images.shape[2], images.shape[1], FPS, rules=ANY_DISK)
    index = 0
    while True:
        print(index, flush=True)
        recorder.write(Frame(numbered(images, index), index, index / FPS), datetime.now(UTC))
        index += 1


def _kill(pictures: Path, folder: Path, frames: int, later_s: float) -> Kill:
    command = [sys.executable, "-m", "benchmarks.recording", "--record", str(pictures), str(folder)]
    handed: list[int] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        listener = threading.Thread(target=_listen, args=(child.stdout, handed))
        listener.start()
        while len(handed) < frames and child.poll() is None:
            time.sleep(0.001)
        time.sleep(later_s)
        child.kill()
        child.wait()
        listener.join()
    return _judge(np.load(pictures), folder, handed[-1])


def _listen(lines: IO[str], handed: list[int]) -> None:
    handed.extend(int(line) for line in lines if line.endswith("\n"))


def _judge(images: NDArray[np.uint8], folder: Path, handed: int) -> Kill:
    described = describe(folder, verify=True)
    if described is None:  # before the first frame
        return Kill(0, 0, (handed + 1) / FPS, (handed + 1) / FPS, True)
    last, damaged = -1, sum("segment" in line for line in described.lines)
    reader = Recorded(folder)
    for expected, (image, time_s) in enumerate(reader.pictures()):
        last = round(time_s * FPS)
        damaged += last != expected or not np.array_equal(image, numbered(images, last))
    damaged += last + 1 < described.frames
    said = not described.ended and reader.truncated
    missing = np.array([handed - last, handed + 1 - described.frames]) / FPS
    return Kill(described.segments, damaged, *missing.tolist(), said)


def cost(folder: Path, width_px: int, height_px: int, frames: int = 300) -> tuple[float, float, float, float]:
    """Median, 99 % and longest time of a ``write`` (ms), and MB a second at 15 fps."""
    images = render(width_px, height_px)
    recorder = SegmentedRecorder(folder, width_px, height_px, FPS, rules=ANY_DISK)
    took_ms = []
    for index in range(frames):
        frame = Frame(numbered(images, index), index, index / FPS)
        begun = time.perf_counter()
        recorder.write(frame, datetime.now(UTC))
        took_ms.append(1000 * (time.perf_counter() - begun))
    recorder.close()
    median, late = np.percentile(took_ms, [50, 99]).tolist()
    return median, late, max(took_ms), recorder.bytes_per_s / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--size", default="1392x976")
    parser.add_argument("--record", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.record:
        record(*asked.record)
    width_px, height_px = map(int, asked.size.split("x"))
    with tempfile.TemporaryDirectory() as place:
        killed = kill_at_random(Path(place), asked.kills, 1, width_px, height_px)
        median, late, most, rate = cost(Path(place) / "cost", width_px, height_px)
    print("| kills | segments | damaged | told | most s missing | most s missing, closed segments alone |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {len(killed)} | {sum(kill.segments for kill in killed)} | {sum(kill.damaged for kill in killed)} "
        f"| {sum(kill.said for kill in killed)} | {max(kill.missing_s for kill in killed):.2f} "
        f"| {max(kill.closed_missing_s for kill in killed):.2f} |\n"
    )
    print("| write, median ms | p99 ms | most ms | MB/s at 15 fps | of the raw bytes |")
    print("|---|---|---|---|---|")
    print(f"| {median:.1f} | {late:.1f} | {most:.1f} | {rate:.1f} | {rate * 1e6 / (width_px * height_px * FPS):.2f} |")


if __name__ == "__main__":
    main()
