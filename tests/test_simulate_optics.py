"""Phase contrast by Zernike's formula, light across a view's edge, and a stage that jumps."""

from dataclasses import replace

import numpy as np
import pytest

from spermscope.simulate.microscopes import draw_closed_condenser, draw_relief, draw_wet_phase
from spermscope.simulate.optics import Optics
from spermscope.simulate.scene import Scene, SceneSettings, View


def middle_of_a_wide_disc(optics, thickness):
    y, x = np.mgrid[:240, :240] - 120.0
    disc = np.where(np.hypot(x, y) < 60, thickness, 0.0).astype(np.float32)
    spectrum = optics.spectrum([(0.0, disc)], 0.3)
    return float(optics.develop(spectrum, disc.shape, 0.3)[120, 120])


@pytest.mark.parametrize("shift", [0.1, 0.5, 1.5, 3.0])
def test_a_wide_disc_shines_as_zernike_says(shift):
    optics = Optics(phase_rad=shift, ring=0.6, halo=0.0)
    power = abs(np.exp(1j * shift) - 1 - 0.6j) ** 2 / 0.6**2
    assert middle_of_a_wide_disc(optics, 1.0) == pytest.approx(power - 1, abs=0.02)


def test_thin_matter_is_dark_and_a_thick_head_bright_under_the_same_light():
    optics = Optics(phase_rad=2.2, ring=0.6, halo=0.0)
    assert middle_of_a_wide_disc(optics, 0.15) < -0.5
    assert middle_of_a_wide_disc(optics, 1.0) > 1.0


def turns_across_a_head(z_um):
    optics = Optics(phase_rad=2.0, ring=0.6, blur=0.25, halo=0.0)
    y, x = np.mgrid[:160, :160] - 80.0
    dome = np.clip(1 - (np.hypot(x, y) * 0.3 / 1.8) ** 2, 0, 1).astype(np.float32)
    across = optics.develop(optics.spectrum([(z_um, dome)], 0.3), dome.shape, 0.3)[80, 80:130]
    slope = np.sign(np.diff(across))[np.abs(np.diff(across)) > 0.02]
    return np.count_nonzero(np.diff(slope))


def test_a_head_far_from_focus_has_more_rings():
    assert turns_across_a_head(9.0) > turns_across_a_head(0.0)


def quiet(optics):
    return replace(optics, noise_sigma=0.0, gradient=0.0, vignetting=0.0, texture=0.0, jpeg_quality=0, halo=0.0, glow=0)


@pytest.mark.parametrize("optics", [Optics(), Optics(kind="hoffman"), draw_wet_phase(np.random.default_rng(4))])
def test_a_small_view_shows_what_a_large_one_shows_there(optics):
    scene = Scene(SceneSettings(width_px=240, height_px=240, um_per_px=0.4, seed=21, cells=10), optics=quiet(optics))
    whole = scene.render(0.5, View(0.0, 0.0, 240, 240, 0.4)).astype(float)
    part = scene.render(0.5, View(24.0, 32.0, 100, 90, 0.4)).astype(float)
    assert np.abs(part - whole[80:170, 60:160]).mean() < 1.0
    assert np.abs(part - whole[80:170, 60:160]).max() < 30


def test_after_a_jump_no_cell_is_seen_again():
    scene = Scene(SceneSettings.parse("jump_at_s=1,duration_s=2,cells=30,seed=22"))
    before, after = scene.truth(0.99), scene.truth(1.0)
    assert not set(before.cell_id.tolist()) & set(after.cell_id.tolist())
    assert after.in_view.sum() > 10


def test_after_a_jump_no_shift_of_the_old_picture_is_the_new_one():
    scene = Scene(SceneSettings.parse("jump_at_s=1,duration_s=2,immotile=1,progressive=0,nonprogressive=0,seed=23"))
    views = [scene.render(t).astype(float) for t in (0.9, 0.99, 1.0)]
    first, same, other = (np.fft.rfft2(view - view.mean()) for view in views)

    def likeness(a, b):
        return np.fft.irfft2(a * np.conj(b)).max() / np.sqrt((np.abs(a) ** 2).mean() * (np.abs(b) ** 2).mean())

    assert likeness(first, other) < 0.4 * likeness(first, same)


@pytest.mark.parametrize("draw", [draw_closed_condenser, draw_relief])
def test_contrast_means_the_height_of_a_head_in_every_microscope(draw):
    rng = np.random.default_rng(3)
    y, x = (np.mgrid[:160, :160] - 80) * 0.25
    head = np.sqrt(np.clip(1 - (x / 2.2) ** 2 - (y / 1.45) ** 2, 0, 1)).astype(np.float32)
    for _ in range(30):
        optics = draw(rng)
        seen = optics.develop(optics.spectrum([(0.0, head)], 0.25), head.shape, 0.25)
        assert 0.3 < np.abs(seen).max() < 1.7


def test_a_stopped_down_condenser_keeps_sharp_what_lies_out_of_focus():
    wide, closed = Optics(kind="brightfield"), Optics(kind="brightfield", condenser=0.2)
    assert closed.blur_um(np.array([5.0])) < 0.6 * wide.blur_um(np.array([5.0]))
