"""Folders of images: order, sizes, depth, stills."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from spermscope.video import open_source
from spermscope.video.folder import natural_key
from spermscope.video.image_size import image_size


def write_image(path, image):
    kind = path.suffix
    if kind in (".tif", ".tiff"):
        tifffile.imwrite(path, image)
    else:
        path.write_bytes(cv2.imencode(kind, image if image.ndim == 2 else image[:, :, ::-1])[1].tobytes())


def grey(level, height=24, width=40):
    return np.full((height, width), level, np.uint8)


def test_a_sequence_comes_in_natural_order(tmp_path):
    for number in (10, 9, 100, 1, 2):
        write_image(tmp_path / f"img{number}.png", grey(number))
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    with open_source(tmp_path, fps=25) as source:
        frames = list(source)
        assert [int(frame.image[0, 0]) for frame in frames] == [1, 2, 9, 10, 100]
        assert [frame.time_s for frame in frames] == pytest.approx(np.arange(5) / 25)
        assert source.profile.time_source == "given"
        assert source.frame_count == 5
        assert len(source.sha256) == 64


@given(st.lists(st.text("ab019._", max_size=6)))
def test_natural_keys_can_always_be_compared(names):
    keys = [natural_key(name) for name in sorted(names, key=natural_key)]
    assert all(one <= two for one, two in pairwise(keys))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".tiff"])
@pytest.mark.parametrize("colour", [False, True])
def test_every_kind_of_image_and_colour(tmp_path, suffix, colour):
    image = np.tile(np.arange(40, 200, 4, dtype=np.uint8), (24, 1))
    picture = np.dstack([image] * 3) if colour else image
    for number in range(2):
        write_image(tmp_path / f"画像 {number}{suffix}", picture)
    with open_source(tmp_path, fps=10) as source:
        for frame in source:
            assert np.abs(frame.image.astype(int) - image).max() <= 2
    assert image_size(tmp_path / f"画像 0{suffix}") == (40, 24)


def test_red_green_and_blue_weigh_as_luma(tmp_path):
    for suffix in (".png", ".tif", ".bmp"):
        picture = np.zeros((8, 8, 3), np.uint8)
        picture[:, :, 0] = 200  # red
        write_image(tmp_path / f"a{suffix}", picture)
        with open_source(tmp_path / f"a{suffix}", stills=True) as source:
            assert next(iter(source)).image[0, 0] == pytest.approx(0.299 * 200, abs=1)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_images(tmp_path, suffix):
    ramp = np.linspace(2000, 6000, 40 * 24).reshape(24, 40).astype(np.uint16)
    for number in range(2):
        write_image(tmp_path / f"{number}{suffix}", ramp)
    with open_source(tmp_path, fps=10) as source:
        image = next(iter(source)).image
        assert source.profile.black_level < 2000
        assert source.profile.white_level > 6000
        assert int(image.max()) - int(image.min()) > 150


def test_mixed_sizes_are_refused_with_both_names(tmp_path):
    write_image(tmp_path / "a.png", grey(1, 24, 40))
    write_image(tmp_path / "b.jpg", grey(1, 30, 50))
    with pytest.raises(ValueError, match=r"found 40x24 in a\.png and 50x30 in b\.jpg"):
        open_source(tmp_path, fps=10)


def test_stills_may_differ_and_count_in_place_of_time(tmp_path):
    write_image(tmp_path / "a.png", grey(1, 24, 40))
    write_image(tmp_path / "b.jpg", grey(100, 30, 50))
    with open_source(tmp_path, stills=True) as source:
        frames = list(source)
    assert [frame.image.shape for frame in frames] == [(24, 40), (30, 50)]
    assert [frame.time_s for frame in frames] == [0.0, 1.0]
    assert source.profile.time_source == "index"


def test_one_image_is_a_still(tmp_path):
    write_image(tmp_path / "a.png", np.full((1, 1), 9, np.uint8))
    with open_source(tmp_path / "a.png", stills=True) as source:
        assert [frame.image.tolist() for frame in source] == [[[9]]]
        assert source.profile.polarity == 0
    with pytest.raises(ValueError, match=r"expected a frame rate \(--fps\) or --stills"):
        open_source(tmp_path / "a.png")


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a folder with images"):
        open_source(tmp_path, fps=10)


def test_a_damaged_image_is_left_out_and_told_by_number_not_by_name(tmp_path):
    for number in range(4):
        write_image(tmp_path / f"{number}.png", grey(number))
    (tmp_path / "2.png").write_bytes(b"\x89PNG broken")
    with open_source(tmp_path, fps=10) as source:
        frames = list(source)
    assert [int(frame.image[0, 0]) for frame in frames] == [0, 1, 3]
    assert [frame.time_s for frame in frames] == pytest.approx([0.0, 0.1, 0.3])
    assert source.truncated
    assert source.warnings[0].startswith("image 2 could not be read")
    assert ".png" not in " ".join(source.warnings)
