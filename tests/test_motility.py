"""Shares of cell-seconds and their intervals."""

import numpy as np
import pytest

from spermscope.motility import hyperactivated_shares, motility_shares


def test_shares_are_of_cell_seconds_not_of_tracks():
    found = motility_shares(
        ["rapid", "immotile", "immotile"], np.array([[6.0], [1.0], [1.0]]), np.random.default_rng(0)
    )
    assert found.share["rapid"] == pytest.approx(0.75)
    assert found.share["immotile"] == pytest.approx(0.25)
    assert found.share["motile"] == pytest.approx(0.75)


def test_breaking_a_track_in_two_changes_nothing():
    rng = np.random.default_rng(1)
    seconds = rng.uniform(0, 2, (4, 5))
    whole = motility_shares(["rapid", "slow", "non-progressive", "immotile"], seconds, np.random.default_rng(3))
    broken = motility_shares(
        ["rapid", "rapid", "slow", "non-progressive", "immotile"],
        np.vstack([0.5 * seconds[:1], 0.5 * seconds[:1], seconds[1:]]),
        np.random.default_rng(3),
    )
    assert whole.share == pytest.approx(broken.share)
    assert whole.low == pytest.approx(broken.low)


def test_the_four_shares_add_up_and_ungraded_time_is_reported_apart():
    found = motility_shares(["rapid", "", "slow"], np.ones((3, 4)), np.random.default_rng(0))
    assert sum(found.share[name] for name in ("rapid", "slow", "non-progressive", "immotile")) == pytest.approx(1)
    assert (found.graded_s, found.ungraded_s) == (8.0, 4.0)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(200):
        rapid = rng.binomial(40, 0.4, 30)
        seconds = np.vstack([rapid, 40 - rapid]).astype(float)
        found = motility_shares(["rapid", "immotile"], seconds, rng, resamples=300)
        covered += found.low["rapid"] <= 0.4 <= found.high["rapid"]
    assert 175 <= covered <= 200


@pytest.mark.parametrize("who", [[], ["", ""]])
def test_nothing_graded_gives_no_share(who):
    found = motility_shares(who, np.ones((len(who), 3)), np.random.default_rng(0))
    assert all(np.isnan(value) for value in found.share.values())


def test_grades_and_tracks_must_agree():
    with pytest.raises(ValueError, match="expected a grade for each of 2 tracks, found 1"):
        motility_shares(["rapid"], np.ones((2, 1)), np.random.default_rng(0))


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_a_recording_too_short_to_resample_claims_no_certainty(blocks):
    seconds = np.zeros((2, 9))
    seconds[:, :blocks] = 1.0
    found = motility_shares(["rapid", "immotile"], seconds, np.random.default_rng(0))
    assert found.share["rapid"] == 0.5
    assert all(np.isnan([*found.low.values(), *found.high.values()]))
    assert found.no_interval == f"not computed: {blocks} blocks of a second or more are below 5"


def test_five_blocks_give_an_interval():
    found = motility_shares(["rapid", "immotile"], np.ones((2, 5)), np.random.default_rng(0))
    assert found.low["rapid"] == found.high["rapid"] == 0.5
    assert not found.no_interval


def test_the_hyperactivated_share_is_of_the_cell_seconds_of_those_that_were_called():
    seconds = np.array([[1.0] * 6, [2.0] * 6, [5.0] * 6, [1.0] * 6])
    found = hyperactivated_shares(["yes", "no", "", "no"], seconds, np.random.default_rng(0))
    # By hand: 6 of the 6 + 12 + 6 cell-seconds that were called; the 30 of the third cell were not.
    assert found.share == {"yes": pytest.approx(0.25), "no": pytest.approx(0.75)}
    assert (found.graded_s, found.ungraded_s) == (24.0, 30.0)
    assert found.low["yes"] == found.high["yes"] == pytest.approx(0.25)


def test_the_interval_of_the_hyperactivated_share_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(200):
        wild = rng.binomial(30, 0.15, 30)
        found = hyperactivated_shares(["yes", "no"], np.vstack([wild, 30 - wild]).astype(float), rng, resamples=300)
        covered += found.low["yes"] <= 0.15 <= found.high["yes"]
    assert 175 <= covered <= 200


def test_nothing_called_gives_no_share():
    assert np.isnan(hyperactivated_shares(["", ""], np.ones((2, 6)), np.random.default_rng(0)).share["yes"])
