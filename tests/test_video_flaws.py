"""Flaws of recordings: each is told where it is, and nothing is told of what only looks like it."""

from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from spermscope.assessment import assess
from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.video import open_source
from spermscope.video.flaws import COMB_RATIO, COMB_SHARE, Watch, clipped_shares, combing, still_flaws
from spermscope.video.recorder import Recorder

CLIP = Path(__file__).resolve().parents[2] / "shared" / "data" / "visem52" / "visem52_dev.mp4"
OPTICS = ("phase", "brightfield", "hoffman")
FPS = 25


@lru_cache
def pictures(optics="phase", parameters="cells=12", combed=False):
    """Twelve pictures at 25 frames per second; combed ones show odd rows half a step later."""
    scene = Scene(
        SceneSettings.parse(
            f"width_px=300,height_px=240,um_per_px=0.4,duration_s=1,optics={optics},seed=931,{parameters}"
        )
    )
    found = [scene.render(number / FPS).copy() for number in range(12)]
    for number, image in enumerate(found):
        if combed:
            image[1::2] = scene.render((number + 0.5) / FPS)[1::2]
    return found


def plain(images):
    return images


def jpeg(images):
    coded = [cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 25])[1] for image in images]
    return [cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) for data in coded]


def noisy(images, levels=15):
    rng = np.random.default_rng(3)
    return [np.clip(image + rng.normal(0, levels, image.shape), 0, 255).astype(np.uint8) for image in images]


def grainy(images):
    return noisy(images, 4)


def rows_of_their_own(images):
    """Each row of a sensor a little brighter or darker, anew in every picture."""
    rng = np.random.default_rng(4)
    return [np.clip(image + rng.normal(0, 3, (len(image), 1)), 0, 255).astype(np.uint8) for image in images]


def striped(images):
    """Fine horizontal lines that stand still."""
    lines = np.zeros_like(images[0])
    lines[::2], lines[::7] = 12, 25
    return [cv2.add(image, lines) for image in images]


def film(images, path, crf=28, fps=FPS):
    """As H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        stream.height, stream.width, stream.pix_fmt = *images[0].shape, "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("optics", OPTICS)
@pytest.mark.parametrize("changed", [plain, grainy])
def test_a_combed_picture_is_told(optics, changed):
    images = changed(pictures(optics, combed=True))
    assert any("interlaced" in line for line in still_flaws(images, images))


@pytest.mark.parametrize("optics", OPTICS)
@pytest.mark.parametrize(
    ("changed", "parameters"),
    [
        (plain, "cells=12"),
        (jpeg, "cells=12"),
        (noisy, "cells=12"),
        (rows_of_their_own, "cells=12"),
        (striped, "cells=12,drift_um_s=15"),
        (plain, "cells=0,debris=8"),
    ],
)
def test_a_whole_picture_is_not_called_combed_or_clipped(optics, changed, parameters):
    images = changed(pictures(optics, parameters))
    assert still_flaws(images, images) == []


def test_combing_of_moving_stripes_by_hand():
    """A bright square that moves 8 px a picture: torn at its two edges in odd rows; whole, its stripes are none."""
    whole, torn = [], []
    for number in range(12):
        image, later = np.full((2, 200, 200), 100, np.uint8)
        image[60:140, 8 * number : 8 * number + 60] = later[60:140, 8 * number + 4 : 8 * number + 64] = 200
        whole.append(image.copy())
        image[1::2] = later[1::2]
        torn.append(image)
    assert combing(whole)[0] < 0.2
    ratio, share = combing(torn)
    assert ratio > 10
    # Stripes of +-50 levels on 4 of the 8 px that change by 100: (50^2 x 4) / (100^2 x 8) of the change's power.
    assert share == pytest.approx(0.125, rel=0.15)


@pytest.mark.parametrize("images", [[np.zeros((4, 4), np.uint8)], [np.full((9, 700), 7, np.uint8)] * 5])
def test_where_nothing_moves_nothing_is_combed(images):
    assert np.isnan(combing(images)).all()
    assert not any("interlaced" in line for line in still_flaws(images, images))


def test_clipped_shares_by_hand():
    image = np.full((10, 10), 100, np.uint8)
    image[0, :3], image[1, :5] = 0, 255
    assert clipped_shares([image]) == (0.03, 0.05)
    # Twelve bits in sixteen: white is 4095.
    deep = image.astype(np.uint16) * 16 + (image == 255) * np.uint16(15)
    assert clipped_shares([deep]) == (0.03, 0.05)
    assert clipped_shares([np.full((5, 5), 100, np.uint16)]) == (0.0, 0.0)


@pytest.mark.parametrize("optics", OPTICS)
@pytest.mark.parametrize(("gain", "offset", "end"), [(2.6, 0, "white"), (1.0, -150, "black")])
def test_a_picture_whose_ground_is_clipped_is_told(optics, gain, offset, end):
    images = [np.clip(gain * image.astype(float) + offset, 0, 255).astype(np.uint8) for image in pictures(optics)]
    assert any(f"% of the pixels are {end}" in line for line in still_flaws(images, images))


def watched(images, times=None):
    watch = Watch(1 / FPS)
    steps = np.arange(len(images)) / FPS if times is None else times
    return [watch.repeats(image, time_s) for image, time_s in zip(images, steps, strict=True)], watch.lines


@pytest.mark.parametrize("optics", OPTICS)
@pytest.mark.parametrize("changed", [plain, jpeg, noisy])
def test_repeated_pictures_are_told_and_new_ones_are_not(optics, changed):
    images = changed(pictures(optics))
    assert watched(images) == ([False] * 12, [])
    found, lines = watched([image for image in images for _ in range(2)])
    assert found == [False, True] * 12
    assert lines == ["50 % of the frames repeat the picture before them: there are fewer pictures than frames"]


@pytest.mark.parametrize("optics", OPTICS)
def test_pictures_that_a_codec_touched_up_are_still_repeated(optics, tmp_path):
    images = [image for image in pictures(optics) for _ in range(2)]
    with open_source(film(images, tmp_path / "twice.mp4")) as source:
        found = [frame.repeated for frame in source]
        assert sum(found[1::2]) >= 8
        assert not any(found[::2])
        assert any("repeat the picture" in line for line in source.warnings)
    with open_source(film(pictures(optics), tmp_path / "once.mp4"), um_per_px=0.4) as source:
        assert not any(frame.repeated for frame in source)
        assert source.warnings == []


def test_missing_frames_are_told_by_their_share_and_the_longest_gap():
    times = np.delete(np.arange(14), [4, 9]) / FPS
    images = pictures()
    assert watched(images, times)[1] == [
        "14 % of the frames are missing, the longest gap lasts 0.08 s: tracks may break there"
    ]
    rounded = np.round(np.arange(12) / FPS + np.random.default_rng(0).uniform(-0.01, 0.01, 12), 3)
    assert watched(images, rounded)[1] == []


def test_a_second_pass_is_watched_anew(tmp_path):
    with Recorder(tmp_path / "a.mkv", 300, 240, FPS) as recorder:
        for number, image in enumerate(image for image in pictures() for _ in range(2)):
            recorder.write(image, number / FPS)
    with open_source(tmp_path / "a.mkv", um_per_px=0.4) as source:
        first, second = ([frame.repeated for frame in source] for _ in range(2))
        assert first == second == [False, True] * 12
        assert sum("repeat" in line for line in source.warnings) == 1


def test_a_film_of_25_pictures_at_50_frames_a_second_has_no_beat_and_says_so(tmp_path):
    with Recorder(tmp_path / "a.mkv", 300, 240, 2 * FPS) as recorder:
        for number, image in enumerate(image for image in pictures() for _ in range(2)):
            recorder.write(image, number / (2 * FPS))
    summary = assess(tmp_path / "a.mkv", tmp_path / "s", um_per_px=0.4).summary
    assert "different pictures a second are below 50" in summary.not_computed["vcl_um_s"]
    assert any("50 % of the frames repeat" in line for line in summary.warnings)
    assert "50 % of the frames repeat" in (tmp_path / "s" / "report.html").read_text(encoding="utf-8")


def test_what_cut_a_recording_short_is_said_whatever_else_is_wrong_with_it(tmp_path):
    (tmp_path / "in").mkdir()
    for number in (0, 1, 2, 4):
        cv2.imwrite(str(tmp_path / "in" / f"{number}.png"), np.full((8, 8), 255, np.uint8))
    (tmp_path / "in" / "3.png").write_bytes(b"no picture")
    with open_source(tmp_path / "in", fps=15, um_per_px=0.4) as source:
        assert [frame.repeated for frame in source] == [False, True, True, True]
        assert len(source.warnings) == 4
        assert source.cut_because == "image 3 could not be read and was left out"


@pytest.mark.real
@pytest.mark.skipif(not CLIP.is_file(), reason="the recording does not lie beside the checkout")
def test_the_real_clip_has_no_flaw_until_it_is_woven():
    with open_source(CLIP, um_per_px=0.45) as source:
        images = [frame.image for frame in source if not frame.repeated]
        assert len(images) == 1175
        assert source.warnings == []
    woven = [later.copy() for later in images[801:880:2]]
    for image, before in zip(woven, images[800:880:2], strict=True):
        image[::2] = before[::2]
    ratio, share = combing(woven)
    assert ratio > COMB_RATIO
    assert share > COMB_SHARE
