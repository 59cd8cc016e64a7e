"""Muon on layers' weights, whatever lies in memory how."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from spermscope.models.family import NETWORKS  # noqa: E402
from spermscope.models.streaming import CropEncoder  # noqa: E402
from spermscope.training.loop import Loop  # noqa: E402
from spermscope.training.matrices import Orthogonal, matrices  # noqa: E402

SHAPES = {
    "linear": (24, 60),
    "wide convolution": (16, 8, 3, 3),
    "convolution of single pixels": (16, 24, 1, 1),
    "convolution along time": (16, 12, 3, 1, 1),
}


def stepped(weight, gradient):
    """What a step of rate 0.1 without decay adds to a weight."""
    before = weight.detach().clone()
    weight.grad = gradient
    Orthogonal([weight], 0.1, 0.0).step()
    return weight.detach() - before


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_step_goes_equally_far_in_every_direction_of_the_gradient(shape):
    torch.manual_seed(0)
    gradient = torch.randn(shape)
    step = stepped(nn.Parameter(torch.randn(shape)), gradient).flatten(1).double().numpy()
    left, _, right = np.linalg.svd(gradient.flatten(1).double().numpy(), full_matrices=False)
    along = -left.T @ step @ right.T
    length = 0.1 * 0.2 * np.sqrt(max(step.shape))
    lengths = np.diag(along) / length
    assert lengths.min() > 0.6
    assert lengths.max() < 1.3
    assert np.abs(along - np.diag(np.diag(along))).max() < 0.05 * length


def test_weights_that_keep_channels_last_take_the_same_step():
    torch.manual_seed(0)
    weight, gradient = torch.randn(16, 8, 3, 3), torch.randn(16, 8, 3, 3)
    last = weight.to(memory_format=torch.channels_last)
    assert last.stride() != weight.stride()
    steps = [stepped(nn.Parameter(one.clone()), gradient) for one in (weight, last)]
    assert steps[0].abs().mean() > 0.01
    torch.testing.assert_close(*steps, atol=2e-3, rtol=0.05)


def test_what_sees_a_single_input_and_what_is_no_matrix_is_left_to_adamw():
    encoder = CropEncoder()
    taken = {id(weight) for weight in matrices(encoder)}
    left = {name for name, weight in encoder.named_parameters() if id(weight) not in taken and weight.ndim > 1}
    assert left == {"whole.0.0.weight", "detail.0.0.weight"}
    transformer = NETWORKS["small-timesformer"](1, 1)
    assert all(weight.ndim in (2, 4) for weight in matrices(transformer))
    assert len(matrices(transformer)) > 10


def test_a_weight_without_a_gradient_stays_as_it_is():
    layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
    loop = Loop([layers], 0.1, 1, 8, 8, lambda done, total: None, matrices(layers))
    idle = layers[1].weight.detach().clone()
    before = layers[0].weight.detach().clone()
    loop.descend(layers[0](torch.ones(3, 4)).square().sum())
    assert torch.equal(layers[1].weight, idle)
    assert not torch.equal(layers[0].weight, before)
