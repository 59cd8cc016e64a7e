"""The losses: each against an independent twin, what holds of all, and gradients that stay finite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

torch = pytest.importorskip("torch")

from spermscope import metrics  # noqa: E402
from spermscope.training.losses import LOSSES  # noqa: E402

NAMES = list(LOSSES)
GRADES = 5
seeds = st.integers(0, 2**32 - 1)


def drawn(seed, items=12, peaked=1.0):
    """Distributions ``(items, 5)`` of both sides; where ``peaked`` is small most shares are near 0."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(GRADES, peaked), items), rng.dirichlet(np.full(GRADES, peaked), items)


def loss(name, predicted, target):
    logits = torch.tensor(np.log(predicted + 1e-12), dtype=torch.float64)
    return LOSSES[name](logits, torch.tensor(target, dtype=torch.float32)).numpy()


def by_grade(predicted, target, total):
    """Mean over the grades that occur of the shared part over ``total`` of both, by plain loops."""
    found = []
    for ours, theirs in zip(predicted.T, target.T, strict=True):
        mass = sum(total(p, q) for p, q in zip(ours, theirs, strict=True))
        if mass > 0:
            found.append(sum(min(p, q) for p, q in zip(ours, theirs, strict=True)) / mass)
    return np.mean(found)


def rowwise(function):
    return lambda predicted, target: np.array([function(p, q) for p, q in zip(predicted, target, strict=True)])


ORACLES = {
    "emd": metrics.emd_rms,
    "emd-r1": rowwise(lambda p, q: wasserstein_distance(np.arange(GRADES), np.arange(GRADES), p, q)),
    "mse": metrics.mse,
    "jsd": rowwise(lambda p, q: jensenshannon(p, q) ** 2),
    "ce": lambda p, q: torch.nn.functional.cross_entropy(
        torch.tensor(np.log(p + 1e-12)), torch.tensor(q), reduction="none"
    ).numpy(),
    "hi": lambda p, q: 1.0 - metrics.histogram_intersection(p, q),
    "macro-hi": lambda p, q: 1.0 - by_grade(p, q, max),
    "macro-f1": lambda p, q: 1.0 - 2.0 * by_grade(p, q, lambda one, other: one + other),
}


def test_every_loss_has_a_twin():
    assert set(ORACLES) == set(LOSSES)


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds, peaked=st.sampled_from([0.3, 1.0, 5.0]))
def test_a_loss_is_its_twin(name, seed, peaked):
    predicted, target = drawn(seed, peaked=peaked)
    found, expected = loss(name, predicted, target), ORACLES[name](predicted, target)
    assert found.shape == (len(target),)
    if name.startswith("macro"):
        found = found.mean()
    np.testing.assert_allclose(found, expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@given(seed=seeds)
def test_a_loss_is_least_where_both_agree(name, seed):
    predicted, target = drawn(seed)
    apart, alike = loss(name, predicted, target), loss(name, target, target)
    least = metrics.entropy(target) if name == "ce" else 0.0
    np.testing.assert_allclose(alike, np.broadcast_to(least, alike.shape), atol=1e-4)
    assert (apart >= alike - 1e-5).all()
    assert apart.mean() > alike.mean() + 1e-3


@given(seed=seeds)
def test_only_a_loss_that_knows_the_order_tells_a_near_miss_from_a_far_one(seed):
    order = np.random.default_rng(seed).permutation(GRADES - 2) + 2
    target = np.eye(GRADES)[[0, 0]]
    missed = np.eye(GRADES)[[1, order[0]]]
    for name in NAMES:
        near, far = loss(name, missed, target)
        assert (far > near + 0.05) == name.startswith("emd"), name


@given(seed=seeds)
def test_the_divergence_is_symmetric(seed):
    one, other = drawn(seed)
    np.testing.assert_allclose(loss("jsd", one, other), loss("jsd", other, one), atol=1e-5)


@given(seed=seeds)
def test_of_one_hot_sides_macro_f1_is_the_usual_f1(seed):
    rng = np.random.default_rng(seed)
    ours, theirs = rng.integers(0, GRADES, 20), rng.integers(0, GRADES, 20)
    scores = []
    for grade in np.union1d(ours, theirs):
        hits = np.sum((ours == grade) & (theirs == grade))
        scores.append(2 * hits / (np.sum(ours == grade) + np.sum(theirs == grade)))
    found = loss("macro-f1", np.eye(GRADES)[ours], np.eye(GRADES)[theirs])
    assert found.mean() == pytest.approx(1.0 - np.mean(scores), abs=1e-4)


@pytest.mark.parametrize("name", ["macro-hi", "macro-f1"])
def test_a_rare_grade_counts_as_much_as_a_common_one(name):
    target = np.eye(GRADES)[[0] * 18 + [1] * 2]
    rare, common = target.copy(), target.copy()
    rare[18:] = np.eye(GRADES)[0]
    common[:2] = np.eye(GRADES)[1]
    assert loss(name, rare, target).mean() > loss(name, common, target).mean() + 0.1
    assert loss("hi", rare, target).mean() == pytest.approx(loss("hi", common, target).mean(), abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0])
def test_gradients_are_finite_at_shares_of_zero_and_logits_of_a_hundred(name, size):
    target = torch.eye(GRADES)[[0, 1, 4, 4]]
    signs = torch.tensor([[1.0, -1, -1, -1, -1], [-1, 1, 1, 1, 1], [1, -1, 0, 1, -1], [-1, -1, -1, -1, 1]])
    logits = (size * signs).requires_grad_()
    value = LOSSES[name](logits, target)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_is_finite_where_both_agree_exactly(name):
    target = torch.tensor([[0.25, 0.25, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]])
    logits = torch.where(target > 0, target.log(), -torch.inf).clamp(min=-200.0).requires_grad_()
    LOSSES[name](logits, target).sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().max() < 1.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(5))
def test_away_from_kinks_the_gradient_is_the_slope(name, seed):
    predicted, target = drawn(seed, items=60)
    apart = predicted - target
    smooth = (np.abs(apart) > 0.01).all(axis=1) & (np.abs(np.cumsum(apart, axis=1)[:, :-1]) > 0.01).all(axis=1)
    predicted, target = predicted[smooth][:4], target[smooth][:4]
    logits = torch.tensor(np.log(predicted), dtype=torch.float32, requires_grad=True)
    aim = torch.tensor(target, dtype=torch.float32)
    LOSSES[name](logits, aim).mean().backward()
    direction = logits.grad / (logits.grad.norm() + 1e-9)
    with torch.no_grad():
        ahead, behind = (LOSSES[name](logits + step * direction, aim).double().mean() for step in (1e-3, -1e-3))
    assert (ahead - behind).item() / 2e-3 == pytest.approx(logits.grad.norm().item(), abs=0.02, rel=0.05)
