"""Which crops of a clip a network looks at, and how large: inside the graph, so that a model file needs no more."""

from __future__ import annotations

from torch import Tensor, nn


def evenly(pictures: Tensor, count: int) -> Tensor:
    """``(B, T, H, W)`` to ``(B, count, H, W)``: the middle crop of each of ``count`` equal parts of the clip.

    Of 16 crops 8 are the second, fourth .. last; 1 is the middle one. Where T is below ``count`` crops come again.
    """
    length = pictures.shape[1]
    places = [(2 * number + 1) * length // (2 * count) for number in range(count)]
    return pictures if places == list(range(length)) else pictures[:, places]


def resized(pictures: Tensor, side: int) -> Tensor:
    """``(B, T, H, W)`` to ``(B, T, side, side)``, bilinear; half the size is the mean of 2 x 2 pixels."""
    if pictures.shape[2:] == (side, side):
        return pictures
    return nn.functional.interpolate(pictures, (side, side), mode="bilinear")
