"""One rater against the rest, and half panels, against loops and closed forms."""

import numpy as np
import pytest

from spermscope import metrics

MISSING = -1


def independent(cells, raters, rng):
    """Votes that are independent draws from each cell's truth."""
    truth = rng.dirichlet(np.ones(4), cells)
    edges = truth.cumsum(axis=1)[:, None, :-1]
    return truth, (rng.random((cells, raters))[:, :, None] > edges).sum(axis=2)


def test_a_loop_gives_the_same_readings():
    rng = np.random.default_rng(1)
    _, votes = independent(40, 5, rng)
    votes = np.where(rng.random(votes.shape) < 0.2, MISSING, votes)
    votes[3] = [2, -1, -1, -1, -1]
    donor = rng.integers(0, 6, 40)
    for rater, found in enumerate(metrics.readings(votes, 4, donor)):
        labels = {}
        for cell in range(40):
            others = [v for r, v in enumerate(votes[cell]) if r != rater and v != MISSING]
            if others and votes[cell, rater] != MISSING:
                labels[cell] = np.bincount(others, minlength=4) / len(others)
        for cell in range(40):
            if cell not in labels:
                assert np.isnan(np.vstack([found.vote[cell], found.meaning[cell], found.rest[cell]])).all()
                continue
            elsewhere = [other for other in labels if donor[other] != donor[cell]]
            alike = [labels[other] for other in elsewhere if votes[other, rater] == votes[cell, rater]]
            usual = np.mean([labels[other] for other in elsewhere], axis=0)
            assert found.vote[cell].tolist() == np.eye(4)[votes[cell, rater]].tolist()
            assert found.rest[cell] == pytest.approx(labels[cell])
            assert found.meaning[cell] == pytest.approx(np.mean([*alike, usual], axis=0))


def test_a_votes_meaning_is_the_best_forecast_that_it_allows():
    rng = np.random.default_rng(2)
    truth, votes = independent(20000, 8, rng)
    reading = metrics.readings(votes, 4, np.arange(20000) // 10)[0]
    # Under a uniform prior one vote for k makes k's expected share 2/5 and the others' 1/5 each (Laplace).
    expected = (1 + np.eye(4)[votes[:, 0]]) / 5
    assert np.abs(reading.meaning - expected).max() < 0.01
    error = metrics.mse(reading.meaning, reading.rest).mean()
    assert error < metrics.mse(metrics.mean_distribution(truth, len(truth)), reading.rest).mean()
    assert error < metrics.mse(reading.vote, reading.rest).mean()


def test_a_single_donor_leaves_a_vote_without_meaning():
    _, votes = independent(20, 4, np.random.default_rng(3))
    reading = metrics.readings(votes, 4, np.zeros(20, np.int64))[1]
    assert np.isnan(reading.meaning).all()
    assert np.isfinite(reading.vote).all()


def test_half_panels_are_four_noise_floors_apart_in_mse():
    rng = np.random.default_rng(4)
    truth, votes = independent(3000, 20, rng)
    halves = [metrics.mse(*metrics.half_panels(votes, 4, rng)).mean() for _ in range(20)]
    assert np.mean(halves) == pytest.approx(4 * metrics.noise_floor(metrics.mse, truth, 20, rng), rel=0.03)


def test_halves_share_no_rater_and_an_odd_one_sits_out():
    votes = np.arange(5)[None, :].repeat(3, axis=0)
    one, other = metrics.half_panels(votes, 5, np.random.default_rng(5))
    assert ((one > 0) & (other > 0)).sum() == 0
    assert ((one > 0) | (other > 0)).sum(axis=1).tolist() == [4, 4, 4]
    assert np.ptp(one, axis=0).max() == 0
