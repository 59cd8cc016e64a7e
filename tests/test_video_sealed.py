"""Frames that carry their own sum: whatever happens to the file, no frame is read that was not written."""

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.video.files import VideoFile
from spermscope.video.recorder import Recorder

PICTURES = [np.random.default_rng(k).integers(0, 256, (24, 32), dtype=np.uint8) for k in range(12)]

HEAD_BYTES = 110
"""Of a fragment, before its frame."""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("sealed") / "a.mov"
    with Recorder(path, 32, 24, 15, codec="magicyuv") as recorder:
        for index, image in enumerate(PICTURES):
            recorder.write(image, index / 15)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("harmed") / "a.mov"


def pictures(place, content):
    place.write_bytes(content)
    file = VideoFile(place)
    return [image for image, _ in file.pictures()], file


def numbers(images):
    """Which of the written pictures these are; fails at one that was never written."""
    return [next(at for at, whole in enumerate(PICTURES) if np.array_equal(image, whole)) for image in images]


def test_a_whole_file_has_all_of_them(place, written):
    content = written.read_bytes()
    images, file = pictures(place, content)
    assert numbers(images) == list(range(12))
    assert not file.truncated


@settings(max_examples=60, deadline=None)
@given(share=st.floats(0.3, 1.0), filled=st.booleans())
def test_a_file_that_was_cut_or_whose_end_is_blank_has_the_first_of_them(place, written, share, filled):
    content = written.read_bytes()
    kept = content[: round(share * len(content))]
    if 0 <= len(kept) - kept.rindex(b"moof") < HEAD_BYTES:
        kept += content[len(kept) :][:HEAD_BYTES]
    images, _ = pictures(place, kept + bytes(len(content) - len(kept)) if filled else kept)
    found = numbers(images)
    assert found == list(range(len(found)))
    assert len(found) >= 12 * share - 3


def test_cut_within_the_head_of_a_fragment_it_is_refused_or_has_the_first_of_them(place, written):
    """FFmpeg opens no file that ends in certain bytes of a fragment's head; a head is written in one piece."""
    content = written.read_bytes()
    head = content.rindex(b"moof")
    refused = 0
    for end in range(head, head + HEAD_BYTES):
        try:
            found = numbers(pictures(place, content[:end])[0])
        except ValueError:
            refused += 1
            continue
        assert found == list(range(11))
    assert refused <= 16


@settings(max_examples=100, deadline=None)
@given(frame=st.integers(0, 11), share=st.floats(0.0, 1.0, exclude_max=True), bit=st.integers(0, 7))
def test_a_frame_in_which_a_bit_has_turned_is_left_out_and_it_is_said(place, written, frame, share, bit):
    content = bytearray(written.read_bytes())
    with av.open(str(written)) as container:
        sizes = [packet.size for packet in container.demux(video=0) if packet.size]
    starts = [at for at in range(content.index(b"moof"), len(content)) if content.startswith(b"MAGY", at)]
    content[starts[frame] + int(share * sizes[frame])] ^= 1 << bit
    images, file = pictures(place, bytes(content))
    assert numbers(images) == [number for number in range(12) if number != frame]
    assert file.truncated
    assert frame == 11 or file.warnings == ["1 damaged pieces were left out; 11 frames were read"]
