"""Lossless codecs for grey pictures beside one another: time of one core for a frame, share of the raw bytes.

``python -m benchmarks.lossless SOURCE...``: movies or folders of images; of each the first 40 frames that have the size
of the first one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import islice
from pathlib import Path

import av
import numpy as np

from spermscope.types import Array
from spermscope.video import open_source

FRAMES = 40
CODECS = (
    ("ffv1", "mkv", "gray", {"level": "3", "slicecrc": "1", "g": "1"}),
    ("magicyuv", "mov", "gray", {"pred": "median"}),
    ("ffvhuff", "avi", "gray", {"pred": "left"}),
    ("utvideo", "avi", "yuv420p", {"pred": "median"}),
)


def main() -> None:
    """A table for each source."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sources", nargs="+")
    for address in parser.parse_args().sources:
        with open_source(address, um_per_px=1 / 3, stills=Path(address).is_dir()) as source:
            pictures = [frame.image for frame in islice(source, FRAMES)]
        pictures = [image for image in pictures if image.shape == pictures[0].shape]
        height, width = pictures[0].shape
        print(f"\n{Path(address).name}, {len(pictures)} frames of {width}x{height}\n")
        print("| codec | ms | of the raw bytes |\n|---|---|---|")
        for codec, suffix, layout, options in CODECS:
            spent_s, count = _coded(pictures, codec, suffix, layout, options)
            share = count / sum(image.nbytes for image in pictures)
            print(f"| {codec} | {1e3 * spent_s / len(pictures):.1f} | {share:.2f} |")


def _coded(pictures: list[Array], codec: str, suffix: str, layout: str, options: dict[str, str]) -> tuple[float, int]:
    """Processor time in s with the writing of the file, and bytes without its container."""
    height, width = pictures[0].shape
    count = 0
    with tempfile.TemporaryDirectory() as folder, av.open(str(Path(folder) / f"a.{suffix}"), "w") as container:
        stream = container.add_stream(codec, rate=15, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, layout
        stream.codec_context.thread_count = 1
        begun_s = time.process_time()
        for picture in [*pictures, None]:
            for packet in stream.encode(None if picture is None else _frame(picture, layout)):
                count += packet.size
                container.mux(packet)
        return time.process_time() - begun_s, count


def _frame(picture: Array, layout: str) -> av.VideoFrame:
    """Its levels as luma, to the bit; where the layout has colours they are grey."""
    height, width = picture.shape
    frame = av.VideoFrame(width, height, layout)
    luma, *colours = frame.planes
    np.frombuffer(luma, np.uint8).reshape(-1, luma.line_size)[:height, :width] = picture
    for colour in colours:
        np.frombuffer(colour, np.uint8)[:] = 128
    return frame


if __name__ == "__main__":
    main()
