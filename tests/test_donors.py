"""Donors differ, their cells differ, and both stay within what men's cells are like."""

from dataclasses import fields

import numpy as np
import pytest

from spermscope.simulate.cells import MODES
from spermscope.simulate.donors import DEFECTS, draw_cells, draw_donor


def drawn(count, seed=11):
    rng = np.random.default_rng(seed)
    return [draw_donor(rng, number) for number in range(count)], rng


def test_the_same_seed_gives_the_same_donor_and_cells():
    (one,), first = drawn(1)
    (two,), second = drawn(1)
    assert one.code == two.code == "D00000"
    assert one.optics == two.optics
    assert one.modes.tolist() == two.modes.tolist()
    ours, theirs = draw_cells(one, 12, first), draw_cells(two, 12, second)
    for item in fields(ours):
        assert getattr(ours, item.name).tolist() == getattr(theirs, item.name).tolist()


def test_shares_are_shares():
    for donor in drawn(200)[0]:
        assert donor.modes.shape == (len(MODES),)
        assert donor.modes.sum() == pytest.approx(1)
        assert donor.modes.min() >= 0
        assert donor.defects.shape == (len(DEFECTS),)
        assert 0 <= donor.defects.min() <= donor.defects.max() <= 0.9
        assert 0.2 <= donor.um_per_px <= 0.6


def test_cells_are_of_human_size_and_speed():
    donors, rng = drawn(300)
    parts = [draw_cells(donor, 20, rng) for donor in donors]
    cells = parts[0].join(parts)
    progressive = cells.mode == MODES.index("progressive")
    plain = (cells.head_length_um < 5.2) & (cells.head_width_um / cells.head_length_um > 0.55)
    assert np.median(cells.head_length_um[plain]) == pytest.approx(4.4, abs=0.2)
    assert np.median(cells.head_width_um[plain]) == pytest.approx(2.9, abs=0.2)
    assert 45 <= np.median(cells.tail_length_um) <= 50
    assert np.quantile(cells.speed_um_s[progressive], [0.05, 0.95]) == pytest.approx([23, 88], rel=0.1)
    assert cells.speed_um_s[cells.mode == MODES.index("immotile")].max() == 0
    assert 4 <= cells.beat_hz.min() <= cells.beat_hz.max() <= 18
    assert cells.vacuole.max() <= 0.5
    assert cells.tail_coil.max() <= 1
    assert cells.tail_length_um.min() >= 0
    assert all(np.isfinite(getattr(cells, item.name)).all() for item in fields(cells))


def test_motility_lies_where_the_docstring_says():
    modes = np.stack([donor.modes for donor in drawn(3000)[0]])
    progressive = modes[:, :3].sum(axis=1)
    assert [progressive.mean(), modes[:, 3].mean(), modes[:, 4].mean()] == pytest.approx(
        [0.476, 0.19, 0.333], abs=0.015
    )
    assert (progressive < 0.32).mean() == pytest.approx(0.21, abs=0.03)
    assert (1 - modes[:, 4] < 0.40).mean() == pytest.approx(0.11, abs=0.03)


def test_cells_of_one_donor_are_more_alike_than_cells_of_all():
    donors, rng = drawn(150)
    parts = [draw_cells(donor, 30, rng) for donor in donors]
    for name in ("speed_um_s", "beat_hz", "tail_coil", "head_roughness", "head_length_um"):
        table = np.stack([getattr(part, name) for part in parts])
        share = table.mean(axis=1).var() / table.var()
        # Independent cells would give 1/30.
        assert share > 0.06, name


def test_a_donor_may_be_asked_for_no_cell():
    (donor,), rng = drawn(1)
    assert len(draw_cells(donor, 0, rng)) == 0
