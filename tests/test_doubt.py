"""A model's own doubt: errors of a known law are found again, votes' chance is no doubt, and a card keeps it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spermscope.doubt import Doubt, chance, fit_doubt, heads_apart, kept, surprise


def drawn(scale, power, count=4000, noise=0.0, seed=1):
    """Spreads, errors and the votes' variances of a model that is off by that law."""
    rng = np.random.default_rng(seed)
    spread = np.exp(rng.normal(np.log(0.03), 0.7, count))
    variance = np.full(count, noise)
    return spread, rng.normal(0.0, np.sqrt((scale * spread**power) ** 2 + variance)), variance


@pytest.mark.parametrize("noise", [0.0, 0.04])
@pytest.mark.parametrize(("scale", "power"), [(1.2, 0.36), (0.3, 0.0), (1.0, 1.0), (4.0, 0.8)])
def test_a_known_law_is_found_again_whatever_the_votes_add(scale, power, noise):
    spread, off, variance = drawn(scale, power, noise=noise)
    found, wanted = fit_doubt(spread, off, variance).of(spread), scale * spread**power
    if np.sqrt(noise) < 2 * np.median(wanted):
        np.testing.assert_allclose(found, wanted, rtol=0.25)
    inside = kept(found, off, variance).mean()
    assert inside == pytest.approx(stats.norm.cdf(1) - stats.norm.cdf(-1), abs=0.03)


def test_the_fit_is_the_likeliest_of_all_that_are_near():
    spread, off, variance = drawn(1.2, 0.36, count=300, noise=0.01)
    found = fit_doubt(spread, off, variance)

    def likelihood(scale, power):
        return stats.norm.logpdf(off, 0.0, np.sqrt((scale * spread**power) ** 2 + variance)).sum()

    best = likelihood(found.scale, found.power)
    for change in (0.97, 1.03):
        assert best > likelihood(found.scale * change, found.power)
        assert best > likelihood(found.scale, found.power * change)


def test_how_unlikely_an_error_is_is_scipys_density_but_for_a_constant():
    spread, off, variance = drawn(1.2, 0.36, count=50, noise=0.01)
    wanted = -stats.norm.logpdf(off, 0.0, np.sqrt(spread**2 + variance)) - 0.5 * np.log(2.0 * np.pi)
    np.testing.assert_allclose(surprise(spread, off, variance), wanted, rtol=1e-4, atol=1e-5)


def test_heads_that_never_lie_apart_and_a_handful_of_cells_give_one_doubt_for_all():
    rng = np.random.default_rng(2)
    off = rng.normal(0.0, 0.3, 500)
    for spread, errors in ((np.zeros(500), off), (rng.uniform(0.01, 0.1, 49), off[:49])):
        found = fit_doubt(spread, errors, np.zeros(len(errors)))
        assert found.power == 0.0
        np.testing.assert_allclose(found.of(spread), np.sqrt(np.mean(errors**2)), rtol=0.01)


def test_a_model_that_votes_alone_explain_is_hardly_in_doubt():
    spread, _, _ = drawn(1.0, 1.0)
    off = np.random.default_rng(3).normal(0.0, 0.2, len(spread))
    assert np.median(fit_doubt(spread, off, np.full(len(spread), 0.05)).of(spread)) < 0.02


@given(st.integers(1, 120), st.integers(0, 2**31), st.floats(0.0, 3.0))
def test_whatever_the_cells_doubt_is_finite_and_rises_with_the_spread(count, seed, largest):
    rng = np.random.default_rng(seed)
    spread, off = rng.uniform(0.0, largest, count), rng.normal(0.0, 1.0, count) * rng.integers(0, 2)
    doubt = fit_doubt(spread, off, rng.uniform(0.0, 0.1, count)).of(np.sort(spread))
    assert np.isfinite(doubt).all()
    assert (doubt >= 0).all()
    assert (np.diff(doubt) >= 0).all()


@pytest.mark.parametrize("errors", [np.array([]), np.array([0.1, np.nan])])
def test_no_cell_or_a_number_that_is_none_is_refused_in_one_line(errors):
    with pytest.raises(ValueError, match=r"doubt: expected finite errors"):
        fit_doubt(np.full(len(errors), 0.1), errors, np.zeros(len(errors)))


def test_heads_apart_by_hand():
    shares = np.array([[[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], [[0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]])
    np.testing.assert_allclose(heads_apart(shares), [1.0, 0.0])


def test_the_chance_of_a_mean_of_votes_is_that_of_drawing_them():
    share = np.array([[0.2, 0.5, 0.3]])
    means = np.random.default_rng(4).choice([1.0, 2.0, 3.0], (20000, 8), p=share[0]).mean(1)
    np.testing.assert_allclose(chance(share, np.array([8])), [means.var()], rtol=0.05)


def test_a_card_keeps_it_and_one_without_gives_the_spread_itself():
    spread = np.array([0.0, 0.02, 0.4])
    np.testing.assert_array_equal(Doubt.of_card({}).of(spread), spread)
    known = Doubt(1.2, 0.36)
    assert Doubt.of_card({"unlike_above": 1.0, "doubt": known.constant}) == known
