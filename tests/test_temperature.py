"""The temperature against a fine grid, a closed form, and worlds where it is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from spermscope import metrics
from spermscope.temperature import fit_temperature, tempered


def cross_entropy(predicted, target):
    return -(target * np.log(np.maximum(predicted, 1e-300))).sum(axis=1)


@given(st.floats(0.1, 10), st.sampled_from([cross_entropy, metrics.mse, metrics.emd_rms, metrics.rps, metrics.jsd]))
def test_a_known_temperature_is_found_again(temperature, loss):
    logits = np.random.default_rng(1).normal(0, 1, (40, 1, 5))
    target = softmax(logits[:, 0], axis=1)
    assert fit_temperature(logits * temperature, target, loss) == pytest.approx(temperature, rel=2e-3)


def test_two_grades_have_a_closed_form():
    # Logits +-2 in favour of what three of four voted: the best share is 3/4, at 4 / temperature = ln 3.
    logits = np.array([[[2.0, -2.0]], [[-2.0, 2.0]]])
    target = np.array([[0.75, 0.25], [0.25, 0.75]])
    assert fit_temperature(logits, target, cross_entropy) == pytest.approx(4 / np.log(3), rel=1e-3)


def test_no_temperature_of_a_fine_grid_is_better_with_several_heads():
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 4, (200, 1, 5)) + rng.normal(0, 1.5, (200, 3, 5))
    target = rng.multinomial(12, softmax(logits.mean(axis=1) / 3, axis=1)) / 12
    for loss in (cross_entropy, metrics.emd_rms):
        found = loss(tempered(logits, fit_temperature(logits, target, loss)), target).mean()
        grid = [loss(tempered(logits, t), target).mean() for t in np.geomspace(0.05, 20, 400)]
        assert found <= min(grid) + 1e-9


def test_heads_are_softened_one_by_one_and_then_averaged():
    logits = np.array([[[4.0, 0.0], [0.0, 4.0]]])
    assert tempered(logits) == pytest.approx(np.array([[0.5, 0.5]]))
    logits = np.array([[[np.log(9), 0.0], [0.0, 0.0]]])
    assert tempered(logits, 2.0) == pytest.approx(np.array([[(0.75 + 0.5) / 2, (0.25 + 0.5) / 2]]))


def test_it_mends_a_model_that_is_too_sure():
    rng = np.random.default_rng(3)
    donor = np.repeat(np.arange(100), 10)
    clean = rng.normal(0, 1.2, (1000, 1, 5))
    target = rng.multinomial(40, softmax(clean[:, 0], axis=1)) / 40
    logits, half = 2.5 * clean, np.arange(1000) < 500
    temperature = fit_temperature(logits[half], target[half], metrics.emd_rms)
    before = metrics.calibration_error(tempered(logits[~half]), target[~half], donor[~half])
    after = metrics.calibration_error(tempered(logits[~half], temperature), target[~half], donor[~half])
    assert temperature == pytest.approx(2.5, rel=0.05)
    assert before > 0.1
    assert after < 0.01


def test_items_without_votes_say_nothing():
    rng = np.random.default_rng(4)
    logits, target = rng.normal(0, 3, (50, 2, 5)), rng.dirichlet(np.ones(5), 50)
    kept = np.arange(50) % 3 > 0
    holed = np.where(kept[:, None], target, np.nan)
    assert fit_temperature(logits, holed, metrics.mse) == fit_temperature(logits[kept], target[kept], metrics.mse)


def test_a_loss_that_falls_to_the_end_gives_the_end():
    logits = np.array([[[1.0, 0.0, 0.0]]])
    assert fit_temperature(logits, np.array([[0.0, 0.5, 0.5]]), cross_entropy) == pytest.approx(20, rel=1e-3)


@pytest.mark.parametrize(
    ("logits", "target", "words"),
    [
        (np.zeros((3, 5)), np.full((3, 5), 0.2), "expected logits"),
        (np.zeros((3, 1, 5)), np.full((3, 4), 0.25), "expected logits"),
        (np.zeros((3, 1, 5)), np.full((3, 5), np.nan), "labels"),
        (np.full((3, 1, 5), np.inf), np.full((3, 5), 0.2), "finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused(logits, target, words):
    with pytest.raises(ValueError, match=words):
        fit_temperature(logits, target, metrics.mse)
