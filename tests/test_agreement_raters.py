"""What is said of single raters and of time, against the models that it is sought in and against other solutions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.agreement import (
    correlation_with_rest,
    drift,
    estimate,
    fleiss_kappa,
    icc_of_mean,
    icc_of_one,
    krippendorff_alpha,
    pooled_kappa,
    scatters,
    severities,
    summarise,
    variance_components,
)
from spermscope.labels import MISSING, vote_counts
from spermscope.simulate.experts import Panel
from tests.agreement_studies import appearances, simulated


def additive(rng, clips=80, raters=10, severity=0.5, rest=0.8, missing=0.0):
    """Whole-number grades on a long scale, so that rounding hardly counts; and each rater's true effect."""
    effect = rng.normal(0, severity, raters)
    votes = np.rint(500 + 10 * (rng.normal(0, 1, (clips, 1)) + effect + rng.normal(0, rest, (clips, raters))))
    votes = votes.astype(np.int64)
    votes[rng.random(votes.shape) < missing] = MISSING
    return votes, 10 * effect


def blup(votes):
    """The same by the whole covariance of all votes: sigma Z' V^-1 (y - X b)."""
    parts = variance_components(votes)
    at, by = np.nonzero(votes != MISSING)
    y, one = votes[at, by].astype(float), np.ones((len(at), 1))
    clips, raters = np.eye(len(votes))[at], np.eye(votes.shape[1])[by]
    v = parts.clip * clips @ clips.T + parts.rater * raters @ raters.T + parts.rest * np.eye(len(at))
    inverse = np.linalg.inv(v)
    precision = inverse - inverse @ one @ one.T @ inverse / (one.T @ inverse @ one)
    spread = parts.rater * np.eye(raters.shape[1]) - parts.rater**2 * raters.T @ precision @ raters
    return parts.rater * raters.T @ precision @ y, np.sqrt(np.diag(spread))


def test_severity_is_the_best_linear_unbiased_prediction_whatever_is_missing():
    votes, _ = additive(np.random.default_rng(1), clips=30, raters=6, missing=0.4)
    effect, error = severities(votes)
    expected, its_error = blup(votes)
    assert effect == pytest.approx(expected, rel=1e-6)
    assert error == pytest.approx(its_error, rel=1e-6)


def test_severity_finds_the_harsh_and_says_how_well():
    rng = np.random.default_rng(2)
    apart = []
    for _ in range(40):
        votes, true = additive(rng, missing=0.3)
        effect, error = severities(votes)
        apart.append((effect - true) / error)
    assert np.std(apart) == pytest.approx(1, abs=0.12)
    assert np.mean(apart) == pytest.approx(0, abs=0.4)  # one draw of the mean a panel


def test_a_rater_with_few_votes_is_drawn_towards_the_panel():
    votes, _ = additive(np.random.default_rng(3), severity=0.0)
    votes[:, 0] += 12
    votes[:, 1] += 12
    full, _ = severities(votes)
    votes[3:, 0] = MISSING
    few, error = severities(votes)
    assert 0 < few[0] < 0.9 * full[0]
    assert error[0] > 2 * error[1]


def test_severity_is_undefined_without_votes_and_nought_where_raters_do_not_differ():
    votes, _ = additive(np.random.default_rng(4), raters=4)
    votes[:, 3] = MISSING
    effect, error = severities(votes)
    assert np.isnan([effect[3], error[3]]).all()
    assert np.isfinite(effect[:3]).all()
    alike = np.repeat(np.arange(6)[:, None] % 5, 4, axis=1)
    assert severities(alike)[0].tolist() == [0, 0, 0, 0]
    assert np.isnan(severities(np.eye(3, dtype=np.int64) * 2 - 1)[0]).all()


def test_a_panel_whose_grades_fit_exactly_still_has_severities():
    votes = np.arange(5)[:, None] + np.array([0, 0, 3])
    assert severities(votes)[0] == pytest.approx([-1, -1, 2], abs=1e-3)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 7))
def test_scatter_without_missing_votes_is_that_of_grubbs(seed, raters):
    votes, _ = additive(np.random.default_rng(seed), clips=12, raters=raters)
    variance = np.array([[np.var(votes[:, j] - votes[:, k], ddof=1) for k in range(raters)] for j in range(raters)])
    own = (variance.sum(axis=1) - variance.sum() / 2 / (raters - 1)) / (raters - 2)
    assert scatters(votes) == pytest.approx(np.sqrt(np.maximum(own, 0)), rel=1e-6, abs=1e-6)


def test_scatter_finds_the_unsteady_rater_and_needs_three():
    rng = np.random.default_rng(5)
    votes, _ = additive(rng, clips=400, raters=6, rest=0.4, missing=0.3)
    seen = votes[:, 2] != MISSING
    votes[seen, 2] += np.rint(rng.normal(0, 9, seen.sum())).astype(np.int64)
    found = scatters(votes)
    assert found[[0, 1, 3, 4, 5]] == pytest.approx(4, abs=0.7)
    assert found[2] == pytest.approx(np.hypot(4, 9), abs=1.4)
    assert np.isnan(scatters(votes[:, :2])).all()
    votes[:, 0] = MISSING
    assert np.isnan(scatters(votes)).tolist() == [True, *[False] * 5]


def test_correlation_is_with_the_others_alone():
    votes = np.array([[0, 1, 1], [1, 1, 3], [2, 3, 3], [4, 4, MISSING]])
    found = correlation_with_rest(votes)
    assert found[0] == pytest.approx(np.corrcoef([0, 1, 2, 4], [1, 2, 3, 4])[0, 1])
    assert found[2] == pytest.approx(np.corrcoef([1, 3, 3], [0.5, 1, 2.5])[0, 1])
    assert np.isnan(correlation_with_rest(np.array([[1, 2], [1, 3]]))[0])


def drifted(common, own, rng, clips=240, raters=8, blocks=6):
    """Raters in orders of their own who grow harsher by ``common`` a block, the first by ``own`` beside."""
    votes, _ = additive(rng, clips, raters, rest=0.4, missing=0.1)
    block = np.stack([rng.permutation(clips) * blocks // clips for _ in range(raters)], axis=1)
    later = block * (common + own * (np.arange(raters) == 0))
    return np.where(votes == MISSING, MISSING, votes + np.rint(later).astype(np.int64)), block


def test_drift_that_all_share_is_found_though_nobody_stands_still():
    rng = np.random.default_rng(6)
    donors, unknown = np.arange(240) // 10, np.full((240, 8), np.nan)
    votes, block = drifted(2.0, 0.0, rng)
    found = drift(votes, block, unknown, donors, rng, resamples=200)
    assert found.trend.low < 2 < found.trend.high
    assert found.trend.low > 1.5
    assert np.polyfit(range(6), found.panel, 1)[0] == pytest.approx(2, abs=0.4)
    still, block = drifted(0.0, 0.0, rng)
    none = drift(still, block, unknown, donors, rng, resamples=200)
    assert none.trend.low < 0 < none.trend.high


def test_drift_of_one_rater_is_his_own():
    rng = np.random.default_rng(7)
    votes, block = drifted(0.0, 2.0, rng)
    found = drift(votes, block, np.full(votes.shape, np.nan), np.arange(240) // 10, rng, resamples=50)
    assert found.slopes[0] == pytest.approx(2, abs=3 * found.errors[0])
    assert (np.abs(found.slopes[1:]) < 0.9).all()
    assert found.harshness[0, -1] - found.harshness[0, 0] == pytest.approx(10, abs=2)


def test_drift_by_block_has_times_and_gaps_and_needs_different_orders():
    votes, rng = np.array([[0, 1], [2, 2], [4, 3]]), np.random.default_rng(0)
    block, time_s = np.array([[0, 0], [0, 0], [2, 2]]), np.array([[1.0, 5], [3, np.nan], [9, 2]])
    found = drift(votes, block, time_s, np.arange(3), rng)
    assert found.time_s == pytest.approx(np.array([[2, np.nan, 9], [5, np.nan, 2]]), nan_ok=True)
    assert np.isnan(found.harshness[:, 1]).all()
    assert np.isnan(found.panel[1])
    assert found.trend.why == "not computed: all raters saw each clip in the same block"
    empty = drift(np.full((2, 2), MISSING), np.full((2, 2), -1), np.full((2, 2), np.nan), np.arange(2), rng)
    assert empty.harshness.shape == (2, 0)


def test_the_summary_of_a_study_counts_every_answer_once_and_repeats_apart():
    study = simulated()
    found = summarise(study, np.random.default_rng(0), resamples=30)
    for row in found.raters:
        assert row.votes + row.cannot_judge + row.missing == len(study.clips)
        assert sum(row.used) == pytest.approx(1)
    assert sum(row.repeats for row in found.raters) == (study.repeats.grade != MISSING).all(axis=1).sum()
    assert all(one.low <= one.value <= one.high for one in found.coefficients.values())
    assert found.coefficients["icc_one"].value < found.coefficients["icc_mean"].value


def test_a_study_without_repeats_or_votes_says_so_everywhere():
    study = simulated(share=0.0, missing=1.0)
    found = summarise(study, np.random.default_rng(0), resamples=30)
    assert all(np.isnan(one.value) and one.why for one in found.coefficients.values())
    assert all(row.missing == 60 and np.isnan(row.severity) for row in found.raters)


def test_a_study_that_does_not_fit_is_refused():
    study = simulated()
    fields = {name: getattr(study, name) for name in study.__slots__}
    for wrong, words in (
        ({"votes": study.votes[:, 1:]}, "votes of shape"),
        ({"votes": study.votes + 5}, "grades 0 to 4"),
        ({"donors": study.donors[1:]}, "a donor for each"),
        ({"reasons": np.zeros_like(study.reasons)}, "a grade or a reason"),
    ):
        with pytest.raises(ValueError, match=words):
            type(study)(**fields | wrong)


@pytest.mark.slow
@pytest.mark.parametrize(("donors", "raters"), [(12, 8), (20, 8), (60, 8), (60, 40)])
def test_intervals_hold_what_the_same_panel_gives_on_very_many_donors(donors, raters):
    panel = Panel(np.random.default_rng(61), raters)
    of = {"alpha": krippendorff_alpha, "fleiss": fleiss_kappa, "icc_one": icc_of_one, "icc_mean": icc_of_mean}
    of["kappa"] = lambda table: pooled_kappa(table[:, :2], table[:, 2])

    def draw(people, rng):
        donor = np.repeat(np.arange(people), 10)
        seen = appearances(donor, rng)
        votes, again = panel.votes(seen, rng), panel.votes(seen, rng)
        clip, rater = np.nonzero(rng.random(votes.shape) < 0.08)
        counts, pairs = vote_counts(votes, 5), np.stack([votes[clip, rater], again[clip, rater], rater], axis=1)
        tables = {"alpha": counts, "fleiss": counts, "icc_one": votes, "icc_mean": votes, "kappa": pairs}
        return tables, {name: donor[clip] if name == "kappa" else donor for name in tables}

    rng = np.random.default_rng(62)
    truth = {name: of[name](table).value for name, table in draw(4000, rng)[0].items()}
    held = dict.fromkeys(of, 0)
    for _ in range(200):
        tables, donor = draw(donors, rng)
        for name, table in tables.items():
            found = estimate(lambda rows, n=name, t=table: of[n](t[rows]), donor[name], rng, resamples=400)
            held[name] += found.low <= truth[name] <= found.high
    for name, count in held.items():
        print(f"{donors} donors, {raters} raters: {name} {truth[name]:.3f} held {count / 2:.1f} %")
        assert count >= 150
