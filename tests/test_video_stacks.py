"""TIFF stacks: pages one by one, depth, OME times and scale."""

import tracemalloc

import numpy as np
import pytest
import tifffile

from spermscope.video import open_source
from spermscope.video.ome import read_ome


def stack(count=6, height=24, width=40, dtype=np.uint8):
    top = 200 if dtype == np.uint8 else 4000
    ramp = np.linspace(20, top, height * width).reshape(height, width)
    return np.stack([np.roll(ramp, index, axis=1) for index in range(count)]).astype(dtype)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_a_plain_stack_comes_page_by_page(tmp_path, compression, byteorder):
    images = stack()
    tifffile.imwrite(
        tmp_path / "a.tif", images.astype(images.dtype.newbyteorder(byteorder)), compression=compression,
        byteorder=byteorder, photometric="minisblack",
    )  # fmt: skip
    with open_source(tmp_path / "a.tif", fps=10) as source:
        frames = list(source)
        assert source.frame_count == 6
    assert np.array_equal([frame.image for frame in frames], images)
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(6) / 10)


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_sixteen_bits_are_mapped_by_the_probed_levels(tmp_path, byteorder):
    images = stack(dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", images, byteorder=byteorder, photometric="minisblack")
    with open_source(tmp_path / "a.tif", fps=10) as source:
        frames = list(source)
        profile = source.profile
    line = (images[3] - profile.black_level) * 255 / (profile.white_level - profile.black_level)
    assert np.abs(frames[3].image - line).max() <= 0.51
    assert profile.white_level > 4000


def test_a_stack_without_times_asks_for_a_rate(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", stack(), photometric="minisblack")
    with pytest.raises(ValueError, match=r"expected frame times in the stack or --fps, found neither"):
        open_source(tmp_path / "a.tif")


def test_one_page_needs_no_rate(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", stack(1)[0], photometric="minisblack")
    with open_source(tmp_path / "a.tif") as source:
        assert [frame.time_s for frame in source] == [0.0]


def test_ome_gives_increment_and_scale(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.ome.tif", stack(), photometric="minisblack",
        metadata={"axes": "TYX", "TimeIncrement": 20, "TimeIncrementUnit": "ms", "PhysicalSizeX": 0.3,
                  "PhysicalSizeXUnit": "µm"},
    )  # fmt: skip
    with open_source(tmp_path / "a.ome.tif") as source:
        assert [frame.time_s for frame in source] == pytest.approx(np.arange(6) * 0.02)
        assert source.profile.scale.um_per_px == pytest.approx(0.3)
        assert source.profile.scale.source == "given"
        assert source.profile.time_source == "container"
        assert any("0.3 um/px" in line for line in source.warnings)
    with open_source(tmp_path / "a.ome.tif", um_per_px=0.5, fps=10) as source:
        assert source.profile.scale.um_per_px == 0.5
        assert source.profile.time_source == "given"


def test_ome_gives_each_planes_own_time(tmp_path):
    stamps = [5.0, 5.1, 5.15, 5.4, 5.5, 5.9]
    tifffile.imwrite(
        tmp_path / "a.ome.tif", stack(), photometric="minisblack",
        metadata={"axes": "TYX", "TimeIncrement": 1.0, "Plane": {"DeltaT": stamps}},
    )  # fmt: skip
    with open_source(tmp_path / "a.ome.tif") as source:
        assert [frame.time_s for frame in source] == pytest.approx(np.array(stamps) - 5.0)


def test_imagej_gives_the_interval(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", stack(dtype=np.uint16), imagej=True, metadata={"axes": "TYX", "finterval": 0.05}
    )
    with open_source(tmp_path / "a.tif") as source:
        assert [frame.time_s for frame in source] == pytest.approx(np.arange(6) * 0.05)


@pytest.mark.parametrize("axes", ["TCYX", "CTYX"])
@pytest.mark.parametrize("ome", [True, False])
def test_of_several_channels_the_first_is_read(tmp_path, axes, ome):
    images = stack()
    both = np.stack([images, 255 - images], axis=axes.index("C"))
    if ome:
        tifffile.imwrite(tmp_path / "a.ome.tif", both, photometric="minisblack", metadata={"axes": axes})
    elif axes == "TCYX":  # the only order that ImageJ writes
        tifffile.imwrite(tmp_path / "a.ome.tif", both, imagej=True, metadata={"axes": axes})
    else:
        pytest.skip("ImageJ has one order")
    with open_source(tmp_path / "a.ome.tif", fps=10) as source:
        assert np.array_equal([frame.image for frame in source], images)
        assert "2 channels: only the first is read" in source.warnings


def test_colour_pages(tmp_path):
    images = stack()
    tifffile.imwrite(tmp_path / "a.tif", np.stack([images] * 3, axis=-1), photometric="rgb")
    with open_source(tmp_path / "a.tif", fps=10) as source:
        assert np.abs(np.array([frame.image for frame in source]).astype(int) - images).max() <= 1


def test_what_is_no_movie_is_refused(tmp_path):
    both = np.stack([stack()] * 2)
    tifffile.imwrite(tmp_path / "a.ome.tif", both, photometric="minisblack", metadata={"axes": "TZYX"})
    with pytest.raises(ValueError, match="expected a movie of one plane, found axes TZYX"):
        open_source(tmp_path / "a.ome.tif", fps=10)
    tifffile.imwrite(tmp_path / "b.tif", stack().astype(np.float32), photometric="minisblack")
    with pytest.raises(ValueError, match="expected 8- or 16-bit pixels, found float32"):
        open_source(tmp_path / "b.tif", fps=10)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_truncated_stack_gives_what_it_has(tmp_path, compression):
    images = np.random.default_rng(2).integers(0, 256, (20, 64, 64), dtype=np.uint8)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for image in images:
            writer.write(image, contiguous=False, compression=compression, photometric="minisblack", metadata=None)
    path.write_bytes(path.read_bytes()[:-30_000])
    with open_source(path, fps=10) as source:
        frames = list(source)
    assert 8 <= len(frames) < 20
    assert np.array_equal([frame.image for frame in frames], images[: len(frames)])
    assert source.truncated
    assert source.warnings


def test_a_truncated_imagej_stack_gives_what_it_has(tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (20, 64, 64), dtype=np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, images, imagej=True, metadata={"axes": "TYX", "finterval": 0.05})
    path.write_bytes(path.read_bytes()[: 4096 * 12])
    with open_source(path, fps=10) as source:
        frames = list(source)
    assert 8 <= len(frames) <= 12
    assert np.array_equal([frame.image for frame in frames], images[: len(frames)])
    assert source.truncated


def test_a_long_stack_is_never_held_whole(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((1500, 100, 100), np.uint8), photometric="minisblack")
    tracemalloc.start()
    try:
        with open_source(path, fps=50) as source:
            assert sum(1 for _ in source) == 1500
            peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("text", [None, "", "<OME>", "<OME/>", "<OME><Image><Pixels PhysicalSizeX='x'/></Image></OME>"])
def test_broken_descriptions_say_nothing(text):
    found = read_ome(text)
    assert np.isnan([found.increment_s, found.um_per_px]).all()
    assert len(found.plane_s) == 0
