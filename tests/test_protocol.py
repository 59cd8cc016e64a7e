"""Who is learned from, chosen on and tested on; and the plans by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spermscope.training.presets import PRESETS, Plan
from spermscope.training.protocol import Cell, folds

donors_of_clips = st.lists(st.integers(0, 12), min_size=1, max_size=60).map(np.array)


@given(donors_of_clips, st.integers(1, 6), st.integers(0, 99))
def test_a_donor_is_on_one_side_only_and_every_clip_is_tested_once(donor, count, seed):
    mean_grade = np.random.default_rng(seed).uniform(1, 5, len(donor))
    people = len(np.unique(donor))
    largest = -(-people // max(count, 1))
    if count < 2 or people < count or people - largest < 3:
        with pytest.raises(ValueError, match=rf"found {count} folds of {people} donors"):
            folds(donor, mean_grade, count)
        return
    parts = folds(donor, mean_grade, count)
    assert np.array_equal(np.sort(np.concatenate([fold.test for fold in parts])), np.arange(len(donor)))
    for fold in parts:
        rows = np.sort(np.concatenate([fold.train, fold.held, fold.test]))
        assert np.array_equal(rows, np.arange(len(donor)))
        sides = [set(donor[side].tolist()) for side in (fold.train, fold.held, fold.test)]
        assert len(sides[0]) >= 2
        assert len(sides[1]) >= 1
        assert sum(map(len, sides)) == people


def test_test_folds_are_alike_in_their_mean_grades():
    rng = np.random.default_rng(3)
    donor = np.repeat(np.arange(30), 4)
    mean_grade = np.repeat(rng.uniform(1, 5, 30), 4)
    found = [mean_grade[fold.test].mean() for fold in folds(donor, mean_grade, 3)]
    assert np.ptp(found) < 0.2


def test_a_plan_has_a_cell_for_every_network_loss_fold_and_seed():
    plan = Plan(("small-resnet-still", "stream"), ("emd", "mse", "ce"), folds=3, seeds=(4, 5), alone=("stream",))
    cells = plan.cells()
    assert len(cells) == len(set(cells)) == (2 * 3 + 1) * 3 * 2
    assert len({cell.name for cell in cells}) == len(cells)
    assert {cell.loss for cell in cells if not cell.motion} == {"emd"}
    assert Cell(5, 2, "ce", "stream") in cells


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"networks": ("resnet",)}, "expected a network of resnet18-still, .*stream, found resnet$"),
        ({"losses": ("emd", "l1")}, "expected a loss of emd, emd-r1, mse, .*macro-f1, found l1"),
        ({"losses": ()}, "expected a loss or more, found none"),
        ({"seeds": (1, 1)}, "expected each seed once, found 1, 1"),
        ({"alone": ("small-slowfast",)}, "without displacements of stream, found small-slowfast"),
    ],
)
def test_unknown_names_are_refused_and_the_known_listed(wrong, told):
    with pytest.raises(ValueError, match=told):
        Plan(**{"networks": ("stream",), "losses": ("emd",)} | wrong)


def test_the_presets_are_what_they_promise():
    assert len(PRESETS["small"].cells()) <= 12
    medium = PRESETS["medium"]
    assert len(medium.cells()) == (6 * 7 + 6) * 3
    assert all(name == "stream" or name.startswith("small-") for name in medium.networks)
    assert "timesformer-small" in PRESETS["paper"].networks
