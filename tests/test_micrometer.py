"""A drawn stage micrometer of known spacing, at any angle, dark or bright, dirty or not."""

import cv2
import numpy as np
import pytest

from spermscope.micrometer import find_divisions


def micrometer(spacing_px, angle_deg=0.0, *, size=(480, 640), dark=True, lines=60, noise=3.0, blur=1.0, dirt=0, seed=0):
    """Lines as drawn on glass: every fifth longer, every tenth longest, anchored off the centre; drawn 4 x finer."""
    fine, rng = 4, np.random.default_rng(seed)
    height, width = size
    turn = np.radians(angle_deg)
    across, along = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    middle = np.array([0.48 * width, 0.53 * height])
    picture = np.zeros((height * fine, width * fine), np.float32)
    for number in range(-lines // 2, lines // 2 + 1):
        half = {0: 0.33, 5: 0.27}.get(number % 10, 0.2) * min(size)
        start, end = (middle + number * spacing_px * across + side * half * along for side in (-1, 1))
        ends = [tuple(np.rint((point + 0.5) * fine * 16 - 8).astype(int).tolist()) for point in (start, end)]
        cv2.line(picture, *ends, 1.0, max(2, round(0.12 * spacing_px * fine)), cv2.LINE_AA, 4)
    for x, y in rng.uniform((0, 0), (width, height), (dirt, 2)):
        cv2.circle(
            picture, (round(x * fine), round(y * fine)), int(rng.integers(8, 40)), float(rng.uniform(0.3, 1)), -1
        )
    soft = cv2.GaussianBlur(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), (0, 0), blur)
    y, x = np.mgrid[:height, :width]
    light = 150 + 20 * x / width - 15 * (y / height) ** 2
    grey = light - (70 if dark else -70) * soft + rng.normal(0, noise, size)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("spacing_px", [7.3, 12.0, 22.22, 47.9, 81.0])
@pytest.mark.parametrize("angle_deg", [0.0, 3.7, 33.0, 90.0, 141.5])
def test_the_spacing_is_found_at_any_angle(spacing_px, angle_deg):
    found = find_divisions(micrometer(spacing_px, angle_deg))
    assert found.spacing_px == pytest.approx(spacing_px, rel=0.003)
    assert abs(found.spacing_px / spacing_px - 1) <= found.relative_error
    away = (found.normal_deg - angle_deg + 90) % 180 - 90
    assert abs(away) < 0.3


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_dirt_noise_and_blur_do_not_mislead(dark, seed):
    image = micrometer(31.7, 12.0 * seed, dark=dark, noise=12.0, blur=3.0, dirt=40, seed=seed)
    found = find_divisions(image)
    assert found.spacing_px == pytest.approx(31.7, rel=0.006)
    assert abs(found.spacing_px / 31.7 - 1) <= 2 * found.relative_error


def test_a_few_lines_are_enough_and_are_counted():
    found = find_divisions(micrometer(90.0, lines=4))
    assert len(found.places_px) == 5
    np.testing.assert_allclose(np.diff(found.places_px), 90.0, atol=0.5)


@pytest.mark.parametrize(
    "image",
    [
        np.full((200, 300), 120, np.uint8),
        np.random.default_rng(1).integers(90, 160, (200, 300)).astype(np.uint8),
        micrometer(200.0, lines=2),
        np.zeros((1, 1), np.uint8),
    ],
    ids=["empty", "noise", "three lines", "one pixel"],
)
def test_where_nothing_is_evenly_spaced_it_says_so(image):
    with pytest.raises(ValueError, match="expected at least 4 evenly spaced parallel lines, found"):
        find_divisions(image)
