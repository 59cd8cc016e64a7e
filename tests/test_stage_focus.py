"""The focus score on pictures whose focus, cells, noise and lamp are known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from spermscope.simulate.scene import Scene, SceneSettings
from spermscope.stage.focus import COARSE_NOISE, COARSE_PX, FINE_PX, focus_score

WIDE = "width_px=720,height_px=540"


def score(optics="phase", *, size="width_px=420,height_px=320", cells=12, **changes):
    settings = SceneSettings.parse(f"{size},um_per_px=0.3333,fps=15,duration_s=1,cells={cells},optics={optics},seed=46")
    return focus_score(Scene(settings, optics=replace(Scene(settings).optics, **changes)).render(0.0))


@pytest.mark.parametrize("optics", ["phase", "brightfield", "hoffman"])
def test_it_falls_with_defocus_to_either_side(optics):
    for side in (-1, 1):
        sharp, near, far = (score(optics, focus_um=side * away_um) for away_um in (0.0, 4.0, 9.0))
        assert sharp > 1.1 * near > 1.1 * 1.1 * far


def test_cells_noise_and_lamp_move_it_less_than_four_micrometres_of_defocus():
    sharp, soft = score(size=WIDE, cells=30), score(size=WIDE, cells=30, focus_um=4.0)
    assert sharp > soft
    changes = ({"cells": 6}, {"cells": 120}, {"noise_sigma": 5.0}, {"background": 70.0, "contrast": 45.0})
    for changed in changes:
        assert soft < score(**{"size": WIDE, "cells": 30} | changed) < sharp * sharp / soft


def test_it_does_not_change_when_all_grey_levels_are_halved():
    image = Scene(SceneSettings.parse("width_px=300,height_px=300,cells=10,seed=46")).render(0.0)
    assert focus_score((image // 2).astype(np.uint8)) == pytest.approx(focus_score(image), rel=0.1)


def test_a_blurred_picture_is_less_sharp():
    image = Scene(SceneSettings.parse("width_px=300,height_px=300,cells=10,seed=46")).render(0.0)
    assert focus_score(image) > 2 * focus_score(cv2.GaussianBlur(image, (0, 0), 2.0))


@pytest.mark.parametrize("shape", [(1, 1), (12, 12), (200, 300)])
def test_a_flat_or_tiny_picture_has_none(shape):
    assert np.isnan(focus_score(np.full(shape, 90, np.uint8)))


def test_the_share_of_noise_in_the_coarse_band_is_that_of_the_boxes():
    point = np.zeros((41, 41), np.float64)
    point[20, 20] = 1.0
    smooth = cv2.blur(point, (FINE_PX, FINE_PX))
    coarse = smooth - cv2.blur(smooth, (COARSE_PX, COARSE_PX))
    assert (coarse**2).sum() / ((point - smooth) ** 2).sum() == pytest.approx(COARSE_NOISE, rel=0.02)
