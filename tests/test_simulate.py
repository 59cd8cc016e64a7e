"""The simulated microscope tells the truth about itself."""

import csv

import numpy as np
import pytest
from scipy.fft import rfft, rfftfreq

from spermscope.simulate.cells import MODES, Cells
from spermscope.simulate.microscopes import draw_optics
from spermscope.simulate.optics import KINDS, Optics, clean_optics
from spermscope.simulate.scene import Scene, SceneSettings, View
from spermscope.simulate.shapes import upright_boxes
from spermscope.simulate.swimmers import Swimmers
from spermscope.simulate.truth_tables import write_truth
from spermscope.simulate.typical import typical_cells


def cells_of(mode, count=12, seed=1, **mix):
    shares = dict.fromkeys(("progressive", "hyperactivated", "circling", "nonprogressive", "immotile"), 0.0)
    shares[mode] = 1.0
    return typical_cells(SceneSettings(**shares, **mix), count, np.random.default_rng(seed))


def paths(cells, duration_s=4.0, rate_hz=200, seed=2):
    swimmers = Swimmers(cells, (500, 500), duration_s, np.random.default_rng(seed))
    poses = [swimmers.at(index / rate_hz) for index in range(int(duration_s * rate_hz))]
    head = np.stack([np.column_stack([p.x_um, p.y_um]) for p in poses], 1)
    mean = np.stack([np.column_stack([p.path_x_um, p.path_y_um]) for p in poses], 1)
    return head, mean, poses


def test_cells_swim_at_the_speed_they_were_given():
    cells = cells_of("progressive")
    _, mean, _ = paths(cells)
    length = np.linalg.norm(np.diff(mean, axis=1), axis=2).sum(axis=1)
    np.testing.assert_allclose(length / (799 / 200), cells.speed_um_s, rtol=0.02)


def test_heads_swing_at_the_beat_they_were_given():
    cells = cells_of("progressive")
    head, mean, _ = paths(cells)
    for row in range(len(cells)):
        course = np.gradient(mean[row], axis=0)
        normal = np.column_stack([-course[:, 1], course[:, 0]]) / np.linalg.norm(course, axis=1, keepdims=True)
        swing = ((head[row] - mean[row]) * normal).sum(axis=1)
        peak = rfftfreq(800, 1 / 200)[1:][np.argmax(np.abs(rfft(swing))[1:])]
        assert peak == pytest.approx(cells.beat_hz[row], abs=0.26)
        assert np.abs(swing).max() == pytest.approx(cells.beat_um[row], rel=0.02)


def test_tails_have_their_length_at_every_moment():
    cells = cells_of("progressive")
    _, _, poses = paths(cells, 1.0, 20)
    for pose in poses:
        length = np.linalg.norm(np.diff(pose.tail_um, axis=1), axis=2).sum(axis=1)
        np.testing.assert_allclose(length, cells.tail_length_um, rtol=1e-6)


@pytest.mark.parametrize(
    ("mode", "low", "high"), [("immotile", 0, 0.5), ("nonprogressive", 0, 5), ("progressive", 5, 200)]
)
def test_each_mode_keeps_to_its_who_band(mode, low, high):
    head, mean, poses = paths(cells_of(mode, 30))
    moved = np.linalg.norm(mean[:, 200:] - mean[:, :-200], axis=2)
    assert low <= np.median(moved, axis=1).min()
    assert np.median(moved, axis=1).max() <= high
    if mode == "immotile":
        assert np.abs(head - head[:, :1]).max() < 0.6
        reach = np.linalg.norm(np.stack([pose.tail_um for pose in poses], 1) - head[:, :, None], axis=3)
        np.testing.assert_allclose(reach, reach[:, :1].repeat(len(poses), axis=1), atol=1e-6)  # no wave runs along it
    if mode == "nonprogressive":
        assert (head - mean).std(axis=(1, 2)).min() > 0.3


@pytest.mark.parametrize("um_per_px", [0.25, 0.4])
def test_a_head_is_drawn_where_the_truth_says(um_per_px):
    optics = Optics(halo=0.0, theta=0.0, noise_sigma=0.0, gradient=0.0, vignetting=0.0, thin=0.0)
    settings = SceneSettings(width_px=160, height_px=160, um_per_px=um_per_px, debris=0, duration_s=1, fps=10, seed=5)
    cells = cells_of("immotile", 1, defocus_um=0.0).take(np.array([0]))
    plain = dict.fromkeys(("vacuole", "head_roughness", "head_taper", "droplet_um"), np.zeros(1))
    cells = Cells(**{name: plain.get(name, getattr(cells, name)) for name in Cells.__slots__})
    centre = 80 * um_per_px + 0.13
    scene = Scene(settings, cells=cells, optics=optics, start_um=np.array([[centre, centre]]))
    truth = scene.truth(0.0)
    lift = scene.render(0.0).astype(float) - optics.background
    lift[lift < 3] = 0
    rows, columns = np.mgrid[:160, :160]
    assert (lift * columns).sum() / lift.sum() == pytest.approx(truth.x_px[0], abs=0.15)
    assert (lift * rows).sum() / lift.sum() == pytest.approx(truth.y_px[0], abs=0.15)


def test_the_same_seed_gives_the_same_picture_and_another_another():
    first, again, other = (
        Scene(SceneSettings(width_px=120, height_px=90, seed=seed)).render(0.3) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_number_in_view_stays_while_cells_swim_in_and_out():
    scene = Scene(SceneSettings.parse("cells=40,duration_s=30,fps=1,seed=8,immotile=0,nonprogressive=0"))
    counts = [int(scene.truth(float(second)).in_view.sum()) for second in range(30)]
    assert np.mean(counts) == pytest.approx(40, rel=0.25)
    assert np.mean(counts[20:]) == pytest.approx(np.mean(counts[:10]), rel=0.3)


def test_a_cell_keeps_its_id_in_view_and_changes_it_only_out_of_sight():
    scene = Scene(SceneSettings.parse("cells=20,duration_s=20,fps=5,seed=9"))
    before = {}
    for index in range(100):
        truth = scene.truth(index / 5)
        for cell, x, y, seen in zip(truth.cell_id, truth.x_um, truth.y_um, truth.in_view, strict=True):
            if cell in before and seen:
                assert np.hypot(x - before[cell][0], y - before[cell][1]) < 60
            before[cell] = (x, y)


def test_drift_and_jump_move_the_field_not_the_cells():
    scene = Scene(SceneSettings.parse("drift_um_s=10,jump_at_s=2,duration_s=3,seed=10"))
    assert np.hypot(*scene.stage_um(1.0)) == pytest.approx(10)
    assert np.hypot(*(scene.stage_um(2.0) - scene.stage_um(1.99))) > 300


def test_a_view_may_lie_anywhere_and_have_any_scale():
    scene = Scene(SceneSettings.parse("width_px=200,height_px=200,seed=11,duration_s=1"))
    picture = scene.render(0.5, View(1000.0, -300.0, 90, 70, 0.3))
    assert picture.shape == (70, 90)
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("kind", KINDS)
def test_blur_grows_with_the_distance_from_focus(kind):
    for optics in (clean_optics(kind), draw_optics(np.random.default_rng(1), kind)):
        blur = optics.blur_um(optics.focus_um + np.array([0.0, 2.0, 5.0]))
        assert np.all(np.diff(blur) > 0)
        assert optics.contrast_to_noise > 0


def test_truth_is_written_for_every_cell_in_view(tmp_path):
    scene = Scene(SceneSettings.parse("width_px=200,height_px=160,cells=6,duration_s=0.2,fps=10,seed=12"))
    cells_path = write_truth(scene, tmp_path / "truth.csv")
    rows = list(csv.DictReader((tmp_path / "truth.csv").read_text(encoding="utf-8").splitlines()))
    in_view = sum(int(scene.truth(index / 10).in_view.sum()) for index in range(2))
    assert len(rows) == in_view
    cells = {row["cell_id"] for row in csv.DictReader(cells_path.read_text(encoding="utf-8").splitlines())}
    assert cells == {row["cell_id"] for row in rows}
    assert {row["mode"] for row in rows} <= set(MODES)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("cels=3", "sim: expected one of .*cells.*found 'cels'"),
        ("cells", "sim: expected key=value, found 'cells'"),
        ("fps=0", "sim: fps: input should be greater than 0, found '0'"),
        ("optics=magic", "sim: optics: .*found 'magic'"),
    ],
)
def test_a_wrong_address_is_told_in_one_line(address, message):
    with pytest.raises(ValueError, match=message) as caught:
        SceneSettings.parse(address)
    assert "\n" not in str(caught.value)


def test_no_way_of_swimming_at_all_is_refused():
    with pytest.raises(ValueError, match="a share above 0"):
        Scene(SceneSettings(progressive=0, hyperactivated=0, circling=0, nonprogressive=0, immotile=0))


def test_an_upright_box_touches_its_ellipse_on_every_side():
    turn = np.radians([0.0, 30.0, 90.0, 200.0])
    found = upright_boxes(np.full(4, 5.0), np.full(4, 3.0), turn)
    around = np.linspace(0, 2 * np.pi, 20001)
    for (width, height), angle in zip(found, turn, strict=True):
        u, v = 2.5 * np.cos(around), 1.5 * np.sin(around)
        assert width == pytest.approx(np.ptp(u * np.cos(angle) - v * np.sin(angle)), rel=1e-6)
        assert height == pytest.approx(np.ptp(u * np.sin(angle) + v * np.cos(angle)), rel=1e-6)
