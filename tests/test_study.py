"""Simulated studies: the same seed draws the same clips, and the published shape comes out with its truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spermscope.clips import to_model_input
from spermscope.dataset import check, open_dataset
from spermscope.drawing import draw_each
from spermscope.settings import ClipSettings
from spermscope.study.panel_clips import donor_clips, donor_of, draw_panel_clips, load_panel_clips, save_panel_clips
from spermscope.study.simulated import clips_by_donor, kept_votes, simulate_study
from spermscope.study.traits import SHAPE


def test_a_donors_clips_are_the_same_every_time_and_can_be_kept(tmp_path):
    first, again = donor_clips(0, 7), donor_clips(0, 7)
    for name in type(first).__slots__:
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    save_panel_clips(tmp_path / "c.npz", first)
    np.testing.assert_array_equal(load_panel_clips(tmp_path / "c.npz").frames, first.frames)
    np.testing.assert_allclose(first.distributions.sum(axis=1), 1.0)
    assert to_model_input(first.frames[:1]).std() > 0.05


@pytest.mark.slow
def test_a_panels_truth_is_what_its_votes_scatter_about():
    """Of 40 clips the mean squared distance of votes to truth is at most that of independent votes of the truth."""
    clips = draw_panel_clips(range(4), 5, 1)
    np.testing.assert_allclose(clips.truth.sum(axis=1), 1)
    off = np.mean((clips.distributions - clips.truth) ** 2)
    independent = np.mean(clips.truth * (1 - clips.truth)) / 40
    assert 0.3 * independent < off < 1.2 * independent


def test_fewer_cells_and_raters_are_asked_for():
    clips = donor_clips(0, 7, 2, 3)
    assert clips.frames.shape == (2, 16, 150, 150)
    assert clips.votes.shape == (2, 3)


def test_another_panel_sees_the_same_clips_and_grades_them_otherwise():
    one, other = donor_clips(0, 7, 6), donor_clips(0, 7, 6, panel=41)
    np.testing.assert_array_equal(one.frames, other.frames)
    assert 0 < np.abs(one.truth - other.truth).max() < 0.5


@pytest.mark.parametrize("processes", [1, 2])
def test_things_come_in_the_order_of_their_numbers_one_by_one(processes):
    seen = []
    drawn = draw_each(abs, range(-5, 5), processes, lambda done, total: seen.append((done, total)))
    assert next(drawn) == 5
    assert list(drawn) == [4, 3, 2, 1, 0, 1, 2, 3, 4]
    assert seen == [(done, 10) for done in range(1, 11)]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "d"
    votes = simulate_study(folder, clips=7, donors=3, raters=4, seed=1, processes=1)
    assert votes == 28
    return folder


def test_a_study_is_a_set_that_holds_the_drawn_clips_votes_and_truth(study):
    data = open_dataset(study)
    number = data.donor_number()
    assert number.tolist() == sorted(number.tolist())
    assert set(number.tolist()) == {0, 1, 2}
    last = np.flatnonzero(number == 2)
    drawn, donor = donor_clips(1, 2, len(last), 4), donor_of(1, 2)
    found = data.clips(last)
    for name in ("frames", "time_s", "xy_um", "observed"):
        np.testing.assert_array_equal(getattr(found, name), getattr(drawn, name))
    np.testing.assert_array_equal(data.vote_matrix()[last], drawn.votes)
    np.testing.assert_allclose(data.truth()[last], drawn.truth, atol=1e-9)
    np.testing.assert_allclose(data.traits()[last], drawn.traits, atol=1e-4)
    assert set(data.items.clinic[last]) == {donor.clinic}
    assert set(data.items.optics[last]) == {donor.optics.kind}
    np.testing.assert_allclose(data.items.um_per_px[last], donor.um_per_px, rtol=1e-5)
    assert {finding.kind for finding in check(study) if finding.refuses} <= {"empty_class"}


def test_the_published_numbers_of_votes_come_out():
    kept = kept_votes(615, 40, np.random.default_rng(0))
    assert kept.shape == (615, 40)
    assert kept.sum() == 24_533


@given(st.integers(1, 90), st.integers(0, 900), st.integers(0, 9))
def test_every_donor_has_clips_and_all_are_given_out(donors, more, seed):
    counts = clips_by_donor(donors + more, donors, np.random.default_rng(seed))
    assert counts.sum() == donors + more
    assert counts.min() >= min(8, (donors + more) // donors)


@pytest.mark.parametrize("wrong", [{"clips": 2, "donors": 3}, {"raters": 1}, {"donors": 0}])
def test_studies_that_cannot_be_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="at least a clip for each donor and two raters"):
        simulate_study(tmp_path / "d", **wrong)


def test_a_study_does_not_grow_another_set(study):
    with pytest.raises(ValueError, match="expected a new folder, found a data set"):
        simulate_study(study, clips=1, donors=1, raters=2)


def test_at_another_scale_the_same_cells_look_larger():
    usual, fine = donor_clips(0, 7, 2, 5), donor_clips(0, 7, 2, 5, rules=ClipSettings(um_per_px=1 / 3))
    np.testing.assert_array_equal(usual.traits[:, : len(SHAPE)], fine.traits[:, : len(SHAPE)])

    def fineness(frames):
        power = np.abs(np.fft.rfft2(to_model_input(frames)[:, :, 34:94, 34:94])).mean((0, 1))
        return power[:, 15:].sum() / power[:, :8].sum()

    assert fineness(fine.frames) < fineness(usual.frames)
