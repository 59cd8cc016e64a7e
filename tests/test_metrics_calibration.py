"""Calibration error: by hand, by brute force over pairs of items, and its bias for models without fault (``-rP``)."""

import numpy as np
import pytest

from spermscope.metrics import bootstrap_interval, calibration_curve, calibration_error, resampled_interval


def by_pairs(predicted, target, donor, bins):
    """The definition itself: every ordered pair of two donors' items of one bin."""
    square = weight = 0.0
    for k in range(predicted.shape[1]):
        edges = np.sort(predicted[:, k])[[j * len(donor) // bins - 1 for j in range(1, bins)]]
        member = [int(sum(share > edge for edge in edges)) for share in predicted[:, k]]
        for b in range(bins):
            rows = [i for i, m in enumerate(member) if m == b]
            gap = {i: target[i, k] - predicted[i, k] for i in rows}
            products = [gap[i] * gap[j] for i in rows for j in rows if donor[i] != donor[j]]
            if products:
                square += len(rows) * sum(products) / len(products)
                weight += len(rows)
    return max(0.0, square / weight) ** 0.5


def test_all_pairs_of_donors_by_brute_force_give_the_same():
    rng = np.random.default_rng(1)
    for seed in range(10):
        donor = rng.integers(0, 8, 80)
        predicted = np.round(rng.dirichlet(np.ones(4), 80), 1)
        predicted = np.column_stack([predicted[:, :3], 1 - predicted[:, :3].sum(axis=1)]).clip(0)
        predicted /= predicted.sum(axis=1, keepdims=True)
        target = np.roll(predicted, seed % 3, axis=0) * 0.5 + rng.dirichlet(np.ones(4), 80) * 0.5
        expected = by_pairs(predicted, target, donor, 4)
        assert calibration_error(predicted, target, donor) == pytest.approx(expected, abs=1e-12)


def test_a_model_that_is_too_sure_by_a_fifth_is_off_by_a_fifth():
    target = np.tile([[0.8, 0.2], [0.2, 0.8]], (50, 1))
    donor = np.repeat(np.arange(10), 10)
    assert calibration_error(np.rint(target), target, donor) == pytest.approx(0.2)
    assert calibration_error(target, target, donor) == 0
    assert calibration_error(np.full_like(target, 0.5), target, donor) == pytest.approx(0)


def test_a_constant_gap_in_one_grade_weighs_by_grades():
    target = np.tile([0.5, 0.3, 0.2], (60, 1))
    predicted = np.tile([0.5, 0.1, 0.4], (60, 1))
    donor = np.repeat(np.arange(6), 10)
    assert calibration_error(predicted, target, donor) == pytest.approx((2 * 0.2**2 / 3) ** 0.5)


def test_one_donor_or_no_item_says_nothing():
    shares = np.full((40, 5), 0.2)
    assert np.isnan(calibration_error(shares, shares, np.zeros(40, np.int64)))
    assert np.isnan(calibration_error(np.empty((0, 5)), np.empty((0, 5)), np.empty(0, np.int64)))


def test_items_without_votes_are_left_out():
    rng = np.random.default_rng(2)
    predicted, target = rng.dirichlet(np.ones(5), 120), rng.dirichlet(np.ones(5), 120)
    donor = np.repeat(np.arange(12), 10)
    kept = rng.random(120) < 0.7
    holed = np.where(kept[:, None], target, np.nan)
    assert calibration_error(predicted, holed, donor) == calibration_error(predicted[kept], target[kept], donor[kept])


def faultless(donors, cells, rng, *, votes=40, effect=0.8):
    """Predictions that are right on average over donors, though each donor's cells all err the same way."""
    donor = np.repeat(np.arange(donors), cells)
    predicted = rng.dirichlet(np.ones(5), len(donor))
    sign = rng.choice([-1.0, 1.0], donors)[donor]
    shift = effect * sign * np.minimum(predicted[:, 1], predicted[:, 3])
    truth = predicted + shift[:, None] * np.array([0, 1, 0, -1, 0])
    return predicted, rng.multinomial(votes, truth) / votes, donor


@pytest.mark.parametrize(("donors", "most"), [(20, 0.008), (60, 0.005), (200, 0.003)])
def test_a_faultless_model_is_close_to_zero_and_the_plain_gap_is_not(donors, most):
    rng = np.random.default_rng(donors)
    ours, plain = [], []
    for _ in range(100):
        predicted, target, donor = faultless(donors, 10, rng)
        ours.append(calibration_error(predicted, target, donor))
        order = np.argsort(predicted, axis=0)
        gaps = np.take_along_axis(target - predicted, order, axis=0).reshape(10, -1, 5).mean(axis=1)
        plain.append(np.sqrt((gaps**2).mean()))
    print(f"{donors} donors: mean {np.mean(ours):.4f}, 95th percentile {np.quantile(ours, 0.95):.4f}, ", end="")
    print(f"not debiased {np.mean(plain):.4f}")
    assert np.mean(ours) < most
    assert np.mean(ours) < 0.5 * np.mean(plain)


def test_donors_that_are_taken_for_independent_cells_look_like_a_fault():
    rng = np.random.default_rng(3)
    ours, cells = [], []
    for _ in range(60):
        predicted, target, donor = faultless(20, 30, rng)
        ours.append(calibration_error(predicted, target, donor))
        cells.append(calibration_error(predicted, target, np.arange(len(donor))))
    print(f"by donor {np.mean(ours):.4f}, by cell {np.mean(cells):.4f}")
    assert np.mean(ours) < 0.7 * np.mean(cells)


@pytest.mark.slow
@pytest.mark.parametrize("sharpen", [1.0, 1.3])
def test_the_interval_holds_the_error_that_endless_donors_have(sharpen):
    def too_sure(shares):
        powered = shares**sharpen
        return powered / powered.sum(axis=1, keepdims=True)

    rng = np.random.default_rng(4)
    predicted, target, donor = faultless(20000, 10, rng)
    truth = calibration_error(too_sure(predicted), target, donor)
    held, widths = 0, []
    for _ in range(200):
        predicted, target, donor = faultless(60, 10, rng)
        sides = too_sure(predicted), target, donor
        low, high = resampled_interval(
            lambda rows, sides=sides: calibration_error(*(side[rows] for side in sides)), donor, rng, resamples=200
        )
        held += low <= truth <= high
        widths.append(high - low)
    print(f"sharpened {sharpen}: error {truth:.4f}, held by {held / 2:.1f} % of intervals, width {np.mean(widths):.4f}")
    assert held >= 185


def test_resampling_a_mean_gives_the_interval_of_the_mean():
    rng = np.random.default_rng(5)
    donor = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    values = rng.normal(0, 1, 30)[donor] + rng.normal(0, 1, len(donor))
    general = resampled_interval(lambda rows: float(values[rows].mean()), donor, np.random.default_rng(6))
    assert general == pytest.approx(bootstrap_interval(values, donor, np.random.default_rng(6)))
    assert np.isnan(resampled_interval(lambda rows: 1.0, np.empty(0, np.int64), rng)).all()
    assert np.isnan(resampled_interval(lambda rows: float("nan"), donor, rng, resamples=5)).all()


def test_a_curve_has_the_means_of_bins_of_equal_size():
    rng = np.random.default_rng(4)
    predicted, target = rng.dirichlet(np.ones(3), 120), rng.dirichlet(np.ones(3), 120)
    predicted[7] = np.nan
    target[9] = np.nan
    found = calibration_curve(predicted, target)
    kept = np.setdiff1d(np.arange(120), [7, 9])
    assert found.shape == (3, 5, 2)
    for grade in range(3):
        order = kept[np.argsort(predicted[kept, grade])]
        for number, rows in enumerate(np.split(order, np.arange(1, 5) * len(kept) // 5)):
            np.testing.assert_allclose(found[grade, number], [side[rows, grade].mean() for side in (predicted, target)])


def test_a_curve_of_nothing_has_no_bins_and_equal_shares_one():
    assert calibration_curve(np.full((3, 4), np.nan), np.full((3, 4), 0.25)).shape == (4, 0, 2)
    found = calibration_curve(np.full((60, 2), 0.5), np.tile([0.25, 0.75], (60, 1)))
    assert np.isfinite(found).sum() == 4
    np.testing.assert_allclose(found[0][np.isfinite(found[0])], [0.5, 0.25])
