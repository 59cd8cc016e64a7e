"""Video files: grey levels, times, damage."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from spermscope.video import open_source

LEVELS = (0, 30, 77, 128, 200, 255)
WIDTH, HEIGHT = 66, 50


def write_video(path, images, codec, pix_fmt, *, pts=None, rate=15, time_base=None, options=None, metadata=None):
    """Encode grey ``images``; the source range is full, the file's is what ``pix_fmt`` stands for."""
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=Fraction(rate))
        stream.height, stream.width = images[0].shape
        stream.pix_fmt = pix_fmt
        stream.options = options or {}
        if time_base:
            stream.codec_context.time_base = time_base
        for index, image in enumerate(images):
            deep = image.dtype == np.uint16
            frame = av.VideoFrame.from_ndarray(image, format="gray16le" if deep else "gray")
            if not deep and pix_fmt != "gray":
                rgb = av.VideoFrame.from_ndarray(np.dstack([image] * 3), format="rgb24")
                frame = rgb.reformat(format=pix_fmt)
            frame.pts = index if pts is None else pts[index]
            if time_base:
                frame.time_base = time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def flat_images(levels=LEVELS, height=HEIGHT, width=WIDTH):
    return [np.full((height, width), level, np.uint8) for level in levels]


def numbered_images(count, height=48, width=64):
    """Frames that a lossy codec cannot confuse: a bright square walks over a grey ground."""
    images = []
    for index in range(count):
        image = np.full((height, width), 60, np.uint8)
        image[8:24, 2 * (index % 20) : 2 * (index % 20) + 12] = 220
        images.append(image)
    return images


def read(address, **given):
    with open_source(address, **given) as source:
        return list(source), source


CODECS = [
    ("h264.mp4", "libx264", "yuv420p", {"crf": "8"}),
    ("h264-full.mp4", "libx264", "yuvj420p", {"crf": "8"}),
    ("mjpeg.avi", "mjpeg", "yuvj420p", {"qmin": "1", "qmax": "1"}),
    ("mpeg4.mov", "mpeg4", "yuv420p", {"qmin": "1", "qmax": "1"}),
    ("ffv1.mkv", "ffv1", "gray", {}),
    ("ffv1-yuv.mkv", "ffv1", "yuv420p", {}),
    ("ffv1-444.mkv", "ffv1", "yuv444p", {}),
    ("ffv1-rgb.mkv", "ffv1", "bgr0", {}),
    ("raw.avi", "rawvideo", "gray", {}),
    ("raw-bgr.avi", "rawvideo", "bgr24", {}),
    ("raw-yuyv.avi", "rawvideo", "yuyv422", {}),
]


@pytest.mark.parametrize(("name", "codec", "pix_fmt", "options"), CODECS, ids=[row[0] for row in CODECS])
def test_known_grey_levels_come_back(tmp_path, name, codec, pix_fmt, options):
    write_video(tmp_path / name, flat_images(), codec, pix_fmt, options=options)
    frames, source = read(tmp_path / name)
    assert [frame.image.mean() for frame in frames] == pytest.approx(LEVELS, abs=1.6)
    assert max(frame.image.std() for frame in frames) < 1
    assert source.frame_count == len(LEVELS)
    assert source.cut_because == ""


def test_known_levels_of_ten_bit_video(tmp_path):
    """Limited range in 10 bits (64..940), the planes filled by hand; the probed map to 8 bits undone."""
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=15)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        for index, level in enumerate(LEVELS):
            frame = av.VideoFrame(64, 48, "yuv420p10le")
            luma = round(64 + 876 * level / 255)
            for plane, value in zip(frame.planes, (luma, 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, "<u2").tobytes())
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    frames, source = read(tmp_path / "a.mkv")
    step = (source.profile.white_level - source.profile.black_level) / 255
    found = [(frame.image.mean() * step + source.profile.black_level) * 255 / 1023 for frame in frames]
    assert found == pytest.approx(LEVELS, abs=1.6)


def test_unmarked_and_marked_ranges_agree(tmp_path):
    ramp = [np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))] * 2
    write_video(tmp_path / "limited.mkv", ramp, "ffv1", "yuv444p")
    write_video(tmp_path / "full.mkv", ramp, "ffv1", "gray")
    limited, full = (read(tmp_path / name)[0][0].image for name in ("limited.mkv", "full.mkv"))
    assert np.abs(limited.astype(int) - full).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (49, 65), (31, 257)])
def test_odd_sizes_keep_every_pixel(tmp_path, size):
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 256, size, dtype=np.uint8) for _ in range(3)]
    write_video(tmp_path / "odd.mkv", images, "ffv1", "gray")
    frames, source = read(tmp_path / "odd.mkv")
    assert [frame.image.tolist() for frame in frames] == [image.tolist() for image in images]
    assert (source.profile.width_px, source.profile.height_px) == size[::-1]


def test_sixteen_bits_keep_their_contrast(tmp_path):
    rng = np.random.default_rng(5)
    images = [rng.normal(3000, 200, (48, 64)).clip(0, 65535).astype(np.uint16) for _ in range(4)]
    write_video(tmp_path / "deep.mkv", images, "ffv1", "gray16le")
    frames, source = read(tmp_path / "deep.mkv")
    profile = source.profile
    assert 1500 < profile.black_level < 2600
    assert 3400 < profile.white_level < 4500
    line = (images[2] - profile.black_level) * 255 / (profile.white_level - profile.black_level)
    assert np.abs(frames[2].image - line).max() <= 0.5 + 1e-9
    assert np.mean((frames[0].image == 0) | (frames[0].image == 255)) < 0.001


def test_times_of_a_variable_rate_are_the_containers_own(tmp_path):
    pts = [40, 57, 90, 400, 402]
    write_video(tmp_path / "vfr.mkv", numbered_images(5), "ffv1", "gray", pts=pts, time_base=Fraction(1, 1000))
    frames, source = read(tmp_path / "vfr.mkv")
    assert [frame.time_s for frame in frames] == pytest.approx([(stamp - 40) / 1000 for stamp in pts])
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert source.profile.time_source == "container"


def test_b_frames_come_in_order_of_time(tmp_path):
    images = numbered_images(20)
    write_video(tmp_path / "b.mp4", images, "libx264", "yuv420p", options={"bf": "3", "crf": "10"})
    frames, _ = read(tmp_path / "b.mp4")
    assert [frame.time_s for frame in frames] == pytest.approx([index / 15 for index in range(20)])
    for frame, image in zip(frames, images, strict=True):
        assert np.abs(frame.image.astype(float) - image).mean() < 2


def test_a_given_rate_overrides_the_times(tmp_path):
    write_video(tmp_path / "a.mkv", numbered_images(4), "ffv1", "gray")
    frames, source = read(tmp_path / "a.mkv", fps=50)
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.02, 0.04, 0.06])
    assert source.profile.time_source == "given"
    assert source.profile.rate_hz == pytest.approx(50)


def test_a_stream_without_times_takes_the_nominal_rate(tmp_path):
    write_video(tmp_path / "bare.h264", numbered_images(6), "libx264", "yuv420p", rate=25, options={"bf": "0"})
    frames, source = read(tmp_path / "bare.h264")
    assert source.profile.time_source == "nominal"
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(6) / source.profile.rate_hz)


def test_times_that_do_not_rise_are_mended_and_said(tmp_path):
    path = tmp_path / "stuck.mkv"
    pts = [0, 66, 66, 200]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=15)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gray"
        for stamp, image in zip(pts, numbered_images(4), strict=True):
            packet = av.Packet(image.tobytes())
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = stamp
            packet.is_keyframe = True
            container.mux(packet)
    frames, source = read(path)
    times = [frame.time_s for frame in frames]
    assert len(times) == 4
    assert np.all(np.diff(times) > 0)
    assert any("did not rise" in line for line in source.warnings)


def quarter_turned(path, matrix):
    """Write ``matrix`` into the track header of an mp4 (ISO 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    data[start : start + 36] = np.array(matrix, ">i4").tobytes()
    path.write_bytes(bytes(data))


def test_a_turned_recording_stands_upright(tmp_path):
    image = np.full((48, 64), 40, np.uint8)
    image[:24, :32] = 220  # bright top left
    path = tmp_path / "phone.mp4"
    write_video(path, [image] * 3, "libx264", "yuv420p", options={"crf": "8"})
    one = 1 << 16
    quarter_turned(path, [0, one, 0, -one, 0, 0, 48 * one, 0, 1 << 30])  # players turn it clockwise
    frames, source = read(path)
    assert (source.profile.width_px, source.profile.height_px) == (48, 64)
    assert np.abs(frames[0].image.astype(int) - np.rot90(image, -1)).mean() < 3


@pytest.mark.parametrize(("name", "codec", "pix_fmt"), [("a.mkv", "ffv1", "gray"), ("a.avi", "mjpeg", "yuvj420p")])
def test_a_truncated_file_gives_what_it_has(tmp_path, name, codec, pix_fmt):
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (48, 64), dtype=np.uint8) for _ in range(60)]
    write_video(tmp_path / name, images, codec, pix_fmt)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(0.7 * len(data))])
    frames, source = read(tmp_path / name)
    assert 30 <= len(frames) <= 43
    assert source.truncated
    assert "truncated" in source.cut_because or "damaged" in source.cut_because
    assert sum(source.cut_because == line for line in source.warnings) == 1


def test_a_truncated_mp4_gives_what_it_has(tmp_path):
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (48, 64), dtype=np.uint8) for _ in range(60)]
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=15, options={"crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray").reformat(format="yuv420p")))
        container.mux(stream.encode())
    data = path.read_bytes()
    path.write_bytes(data[: int(0.7 * len(data))])
    frames, source = read(path)
    assert 20 <= len(frames) < 60
    assert source.truncated
    assert source.warnings


def test_a_hole_in_the_middle_is_left_out(tmp_path):
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (48, 64), dtype=np.uint8) for _ in range(60)]
    path = tmp_path / "a.mkv"
    write_video(path, images, "ffv1", "gray", options={"level": "3", "slicecrc": "1", "g": "1"})
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 1200] = b"\0" * 1200
    path.write_bytes(bytes(data))
    frames, source = read(path)
    assert 20 < len(frames) < 60
    assert source.truncated
    assert np.all(np.diff([frame.time_s for frame in frames]) > 0)
    assert np.array_equal(frames[-1].image, images[-1]) or len(frames) < 40


def test_tags_of_the_container_reach_nobody(tmp_path):
    write_video(tmp_path / "a.mp4", flat_images(), "libx264", "yuv420p", metadata={"title": "Suzuki 1983-04-01"})
    _, source = read(tmp_path / "a.mp4")
    assert "Suzuki" not in repr(vars(source)) + repr(vars(source._reader)) + repr(source.profile)


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def palette_avi(images, fps):
    """An uncompressed 8-bit palette AVI, as laboratory software writes "grayscale AVI" (no encoder at hand does)."""
    height, width = images[0].shape
    stride = -(-width // 4) * 4
    size = stride * height
    avih = struct.pack("<14I", 10**6 // fps, 0, 0, 0x10, len(images), 0, 1, size, width, height, 0, 0, 0, 0)
    strh = b"vidsDIB " + struct.pack(
        "<IHHIIIIIIII4H", 0, 0, 0, 0, 1, fps, 0, len(images), size, 0, 0, 0, 0, width, height
    )
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256))
    strf = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 0, size, 0, 0, 256, 0) + palette
    hdrl = b"hdrl" + chunk(b"avih", avih) + chunk(b"LIST", b"strl" + chunk(b"strh", strh) + chunk(b"strf", strf))
    rows = [np.pad(image, ((0, 0), (0, stride - width)))[::-1].tobytes() for image in images]  # bottom row first
    movi = b"movi" + b"".join(chunk(b"00db", row) for row in rows)
    return chunk(b"RIFF", b"AVI " + chunk(b"LIST", hdrl) + chunk(b"LIST", movi))


def test_an_eight_bit_palette_avi(tmp_path):
    images = [np.roll(np.arange(49 * 66, dtype=np.uint16).reshape(49, 66) % 256, k).astype(np.uint8) for k in range(4)]
    (tmp_path / "a.avi").write_bytes(palette_avi(images, 20))
    frames, source = read(tmp_path / "a.avi")
    assert [frame.image.tolist() for frame in frames] == [image.tolist() for image in images]
    assert [frame.time_s for frame in frames] == pytest.approx(np.arange(4) / 20)
    assert source.frame_count == 4
