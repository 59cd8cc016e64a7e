"""Each piece of clutter is drawn where it lies, as large as it is."""

import numpy as np
import pytest

from spermscope.simulate.clutter import KINDS, add_clutter, draw_clutter, reach_um
from spermscope.simulate.debris import Debris
from spermscope.simulate.scene import Scene, SceneSettings


def piece(kind, size_um, seed=3):
    one = np.ones(1)
    return Debris(np.array([KINDS.index(kind)]), np.zeros((1, 2)), size_um * one, one, 0 * one, np.array([seed]))


def drawn(kind, size_um, um_per_px=0.25, side=320, seed=3):
    canvas = np.zeros((side, side), np.float32)
    add_clutter(canvas, piece(kind, size_um, seed), 0, (side / 2, side / 2), um_per_px)
    return canvas


SIZES = {"granules": 6.0, "loose tail": 30.0, "loop": 2.0, "red cell": 3.5, "bead": 3.0, "tissue": 15.0}


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("seed", range(4))
def test_a_piece_lies_within_its_reach(kind, seed):
    canvas = drawn(kind, SIZES[kind], seed=seed)
    rows, columns = np.nonzero(canvas)
    assert len(rows)
    away = np.maximum(np.abs(rows - 160), np.abs(columns - 160)) * 0.25
    assert away.max() <= reach_um(piece(kind, SIZES[kind]))[0]


@pytest.mark.parametrize("kind", ["red cell", "bead", "tissue"])
def test_a_piece_covers_the_same_area_through_another_camera(kind):
    fine, coarse = drawn(kind, SIZES[kind], 0.2), drawn(kind, SIZES[kind], 0.4)
    assert (fine > 0.1).sum() * 0.04 == pytest.approx((coarse > 0.1).sum() * 0.16, rel=0.15)


def test_a_red_cell_has_a_dimple_and_a_bead_has_none():
    red, bead = drawn("red cell", 3.5), drawn("bead", 3.5)
    assert red[160, 160] < 0.8 * red[160, 160:].max()
    assert bead[160, 160] == pytest.approx(bead.max(), rel=0.02)


def test_a_pipette_is_hollow_and_runs_out_of_the_field():
    canvas = drawn("pipette", 4.0)
    border = np.concatenate([canvas[0], canvas[-1], canvas[:, 0], canvas[:, -1]])
    wall = np.flatnonzero(border > 0.5 * border.max())
    assert len(wall) >= 2
    assert np.diff(wall).max() > 1


def test_a_drops_rim_falls_off_beyond_it():
    canvas = drawn("drop edge", 60.0)
    assert 0 < canvas.max() <= 1.5
    assert (canvas < 0.1 * canvas.max()).any()


def test_density_counts_pieces_by_area():
    rng = np.random.default_rng(0)
    counts = [len(draw_clutter(rng, (1000.0, 1000.0), density)) for density in (0.0, 1.0, 4.0)]
    assert counts[0] == 0
    assert counts[2] / counts[1] == pytest.approx(4.0, rel=0.2)


def test_clutter_is_in_the_picture_and_in_the_truth_and_absent_unless_asked_for():
    address = "width_px=300,height_px=300,um_per_px=0.5,cells=0,debris=0,seed=8"
    clean, cluttered = (Scene(SceneSettings.parse(address + more)) for more in ("", ",clutter=4"))
    assert len(clean.clutter_truth(0.0).kind) == 0
    truth = cluttered.clutter_truth(0.0)
    assert len(truth.kind) > 3
    changed = np.abs(cluttered.render(0.0).astype(int) - clean.render(0.0)) > 12
    inside = [changed[max(0, int(y) - 6) : int(y) + 7, max(0, int(x) - 6) : int(x) + 7].any()
              for x, y in zip(truth.x_px, truth.y_px, strict=True)]  # fmt: skip
    assert np.mean(inside) > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_a_piece_looks_the_same_in_a_view_that_lies_elsewhere(kind):
    size = {**SIZES, "pipette": 3.0, "drop edge": 60.0}[kind]
    whole, part = np.zeros((300, 300), np.float32), np.zeros((140, 150), np.float32)
    add_clutter(whole, piece(kind, size), 0, (140.0, 150.0), 0.25)
    add_clutter(part, piece(kind, size), 0, (140.0 - 100, 150.0 - 120), 0.25)
    # Lines that are cut by the border are drawn a little differently there.
    np.testing.assert_allclose(part[4:-4, 4:-4], whole[124:256, 104:246], atol=1e-4)
