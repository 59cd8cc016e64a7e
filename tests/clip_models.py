"""Small whole-clip model files, as training writes them, and one whose answer is a closed form."""

import numpy as np
import torch
from scipy.special import softmax
from torch import nn

from spermscope.clips import motion_features, to_model_input
from spermscope.model_file import ModelCard, write_model
from spermscope.training.export import golden, to_onnx
from spermscope.types import GRADES

OUTPUTS = ["logits", "embedding", "distance"]


class Graded(nn.Module):
    """A network of the comparison with a distance: how far its embedding lies from 0."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pictures, motion=None):
        logits, embedding = self.network(pictures) if motion is None else self.network(pictures, motion)
        return logits, embedding, embedding.square().mean(1).sqrt()


class Known(nn.Module):
    """Two heads about a middle that later pictures and the way gone so far move; distance is that way."""

    def __init__(self, grades=5):
        super().__init__()
        self.grades = grades

    def forward(self, pictures, motion):
        light, way = self.light(pictures.mean((2, 3))), motion[:, -1, 4]
        place = torch.arange(float(self.grades))
        heads = [-((place - (light + way)[:, None] - shift).square()) for shift in (0.0, 0.5)]
        return torch.stack(heads, 1), torch.stack([light, way], 1), way

    @staticmethod
    def light(means):
        return (means * torch.arange(1.0, means.shape[1] + 1.0)).sum(1)


class KnownStill(Known):
    """The same of pictures alone."""

    def forward(self, pictures):
        return super().forward(pictures, pictures.new_zeros(pictures.shape[0], pictures.shape[1], 7))


def known_answer(clip, grades=5):
    """What ``Known`` says of a clip, by numpy: distribution, embedding."""
    means = to_model_input(clip.frames).astype(np.float64).mean(axis=(1, 2))
    light = (means * np.arange(1, len(means) + 1)).sum()
    way = motion_features(clip.time_s, clip.xy_um, clip.observed, known=np.isfinite(clip.xy_um).all())[-1, 4]
    heads = [-((np.arange(grades) - light - way - shift) ** 2) for shift in (0.0, 0.5)]
    return softmax(heads, axis=1).mean(axis=0), np.array([light, way])


def write_clip_model(path, network, *, length=16, moves=True, **card):
    """Export ``network`` as a model file of kind clip."""
    generator = torch.Generator().manual_seed(1)
    inputs = {"pictures": torch.randn(2, length, 128, 128, generator=generator)}
    if moves:
        inputs["motion"] = torch.rand(2, length, 7, generator=generator)
    graph = to_onnx(network, inputs, OUTPUTS, {name: {0: "batch"} for name in inputs})
    return write_model(path, clip_card(**card), {"model": graph}, golden("model", network, inputs, OUTPUTS))


def clip_card(**changes):
    """A card of kind clip."""
    values = {
        "kind": "clip", "name": "mine", "version": "7", "um_per_px": 0.5, "rate_hz": 15.0, "grades": GRADES,
        "trained_on": "our votes", "recipe": "none", "seed": 0, "intended_use": "tests", "limits": "all",
        "constants": {"unlike_above": 1e9},
    }  # fmt: skip
    return ModelCard(**(values | changes))
