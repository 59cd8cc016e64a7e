"""The probe: levels, background, contrast and polarity; a scale where none is given."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.types import Scale
from spermscope.video import open_source
from spermscope.video.blobs import find_blobs
from spermscope.video.levels import find_levels, level_table
from spermscope.video.probe import median_rate, probe

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


def turned(size, x, y, angle):
    """Coordinates along and across an axis through ``(x, y)``, pixels."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    dx, dy = columns - x, rows - y
    return dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)


def heads(um_per_px, contrast, *, count=12, seed=0, size=(360, 480)):
    """Blurred ellipses of 4.5 x 3 um on noise, far apart."""
    rng = np.random.default_rng(seed)
    image = np.zeros(size, np.float32)
    for index in range(count):
        x, y = 60 + 120 * (index % 4) + rng.uniform(-10, 10), 60 + 120 * (index // 4) + rng.uniform(-10, 10)
        along, across = turned(size, x, y, rng.uniform(0, np.pi))
        radius = np.hypot(along / 2.25, across / 1.5) * um_per_px
        image += np.clip((1 - radius) * 1.5 / um_per_px + 0.5, 0, 1).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), 0.25 / um_per_px)
    return np.clip(120 + contrast * image + rng.normal(0, 2, size), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("um_per_px", [0.12, 0.2, 0.33, 0.5, 0.8])
@pytest.mark.parametrize("contrast", [60, -60])
def test_plain_heads_give_polarity(um_per_px, contrast):
    scale = Scale(um_per_px, "given")
    profile = probe([heads(um_per_px, contrast)], [0.0], scale)
    assert profile.polarity == np.sign(contrast)
    assert profile.scale is scale
    assert profile.background == pytest.approx(120, abs=2)


@pytest.mark.parametrize(("optics", "polarity"), [("phase", 1), ("brightfield", -1)])
@pytest.mark.parametrize("um_per_px", [0.25, 0.45, 0.8])
def test_simulated_scenes(um_per_px, optics, polarity):
    scene = Scene(SceneSettings(um_per_px=um_per_px, optics=optics, cells=30, seed=31, duration_s=1.0))
    images = [scene.render(time_s) for time_s in (0.0, 0.5)]
    assert probe(images, [0.0, 0.5], Scale(um_per_px, "given")).polarity == polarity


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.3, 1.5), offset=st.integers(-60, 60), seed=st.integers(0, 99))
def test_turning_the_picture_over_turns_polarity_over(gain, offset, seed):
    image = heads(0.4, 70 * gain, seed=seed)
    shifted = np.clip(image.astype(int) + offset, 1, 254).astype(np.uint8)
    scale = Scale(0.4, "given")
    bright, dark = (probe([picture], [0.0], scale).polarity for picture in (shifted, 255 - shifted))
    assert (bright, dark) == (1, -1)


def test_a_gaussian_blob_answers_most_at_its_own_size():
    """Closed form: S/(S + s^2) - S/(S + (1.6 s)^2), of a blob of variance S, is largest at s^2 = S / 1.6."""
    y, x = np.mgrid[:201, :201] - 100.0
    sizes = [2.0 ** (step / 4) for step in range(18)]
    for sigma_px in (2.0, 4.0, 9.0):
        blob = (100 * np.exp(-(x**2 + y**2) / (2 * sigma_px**2))).astype(np.float32)
        bright, dark = find_blobs([blob], sizes)
        assert bright.sigma_px[0] == pytest.approx(sigma_px / 1.6**0.5, rel=0.1)
        assert len(dark.strength) == 0 or dark.strength.max() < 0.3 * bright.strength[0]


def test_a_line_is_no_blob():
    image = np.zeros((200, 200), np.float32)
    image[:, 98:103] = 80
    bright, _ = find_blobs([image], [1.0, 2.0, 4.0, 8.0])
    assert len(bright.strength) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (2, 3), (40, 40)])
def test_nothing_to_see_is_said(shape):
    profile = probe([np.full(shape, 77, np.uint8)], [0.0], None)
    assert profile.polarity == 0
    assert profile.scale == Scale(0.5, "estimated", 1.0)
    assert (profile.background, profile.contrast) == (77.0, 0.0)
    assert np.isnan(profile.rate_hz)


def test_the_contrast_of_noise_is_its_standard_deviation():
    rng = np.random.default_rng(4)
    images = [np.clip(rng.normal(100, 6, (240, 320)), 0, 255).astype(np.uint8) for _ in range(6)]
    profile = probe(images, np.arange(6) / 15, Scale(0.4, "given"))
    assert profile.contrast == pytest.approx(6, rel=0.1)


@pytest.mark.parametrize(
    ("times", "rate"),
    [([0.0, 0.067, 0.133, 0.2], 15.0), ([0.0, 0.02, 0.04, 1.04, 1.06], 50.0), ([0.0], np.nan)],
    ids=["rounded to 1 ms", "a gap", "one frame"],
)
def test_rate(times, rate):
    assert median_rate(times) == pytest.approx(rate, nan_ok=True)


@given(low=st.integers(0, 60000), width=st.integers(0, 60000))
def test_levels_hold_the_whole_range_in_order(low, width):
    image = np.linspace(low, min(low + width, 65535), 600).astype(np.uint16).reshape(20, 30)
    black, white = find_levels([image])
    assert 0 <= black < white <= 65535
    assert black <= low
    assert white >= min(low + width, 65535) - 1
    table = level_table(black, white).astype(int)
    assert np.all(np.diff(table) >= 0)
    assert np.max(np.diff(table)) <= 1  # nothing is amplified beyond the camera's own steps
    assert (table[0], table[-1]) == (0, 255) or white - black == 255


def test_hot_and_dead_pixels_do_not_set_the_levels():
    image = np.random.default_rng(0).normal(3000, 100, (300, 300)).astype(np.uint16)
    image[0, :20], image[1, :20] = 65535, 0
    black, white = find_levels([image])
    assert 2200 < black < 2800
    assert 3200 < white < 3800


def test_a_simulation_is_a_source_with_truth():
    with open_source("sim:cells=5,fps=20,duration_s=2,width_px=160,height_px=120,um_per_px=0.4,seed=3") as source:
        frames = list(source)
        truths = [truth for _, _, _, truth in source.scene.frames()]
        assert len(frames) == len(truths) == source.frame_count == 40
        assert [frame.time_s for frame in frames] == pytest.approx(np.arange(40) / 20)
        assert np.array_equal(frames[36].image, source.scene.render(36 / 20))
        assert (source.profile.scale.um_per_px, source.profile.scale.source) == (0.4, "given")
        assert source.sha256 is None
    with open_source("sim:cells=5,fps=20,duration_s=1,unscaled=1") as source:
        assert source.profile.scale.source == "estimated"
    with pytest.raises(ValueError, match="expected one of width_px"):
        open_source("sim:sperm=5")


@pytest.mark.real
def test_the_real_clip():
    path = REAL / "visem52" / "visem52_dev.mp4"
    if not path.exists():
        pytest.skip("needs ../shared/data/visem52, which is not beside this checkout")
    with open_source(path, um_per_px=0.45) as source:
        assert source.profile.time_source == "container"
        assert source.profile.rate_hz == pytest.approx(48, rel=0.01)
        assert source.profile.polarity != -1
        assert max(frame.index for frame in source) == 1174
        assert not source.truncated
        assert source.warnings == []
