"""A network that trains in a moment, and trainings that break off."""

import torch
from torch import nn

from spermscope.models.clip_grader import ClipGrader
from spermscope.models.motion import Alone, Beside


class Toy(nn.Module):
    """A trunk that sees coarse pictures, with all that a training must carry: normalisation and dropout."""

    width = 16

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.AvgPool2d(32), nn.Flatten(), nn.LazyLinear(16), nn.BatchNorm1d(16), nn.Dropout())

    def forward(self, pictures):
        return self.layers(pictures)


def toy(grades=5, heads=4, *, motion=True):
    network = ClipGrader(Toy(), (Beside if motion else Alone)(16), grades, heads)
    network(torch.zeros(2, 16, 128, 128), torch.zeros(2, 16, 7))
    return network


class BrokenError(Exception):
    pass


def broken(after, done, total):
    if done == after:
        raise BrokenError
