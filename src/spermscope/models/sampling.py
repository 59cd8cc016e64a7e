"""Which crops of a clip a network looks at, and how much of each: inside the graph, so a model file needs no more."""

from __future__ import annotations

from torch import Tensor, nn


def evenly(pictures: Tensor, count: int) -> Tensor:
    """``(B, T, H, W)`` to ``(B, count, H, W)``: the middle crop of each of ``count`` equal parts of the clip.

    Of 16 crops 8 are the second, fourth .. last; 1 is the middle one. Where T is below ``count`` crops come again.
    """
    length = pictures.shape[1]
    places = [(2 * number + 1) * length // (2 * count) for number in range(count)]
    return pictures if places == list(range(length)) else pictures[:, places]


def central(pictures: Tensor, side: int) -> Tensor:
    """``(B, T, H, W)`` to ``(B, T, side, side)``: the middle at its own resolution; smaller pictures are enlarged.

    A head has 9 x 6 pixels and its shape is told by fractions of one, so a crop is not shrunk; what is cut off is the
    tail's end.
    """
    height, width = pictures.shape[2:]
    if height < side or width < side:
        return nn.functional.interpolate(pictures, (side, side), mode="bilinear")
    top, left = (height - side) // 2, (width - side) // 2
    return pictures[:, :, top : top + side, left : left + side]
