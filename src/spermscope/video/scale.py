"""How large a pixel is, read from the picture by a small network: tile by tile, then all tiles together.

Every tile gives a distribution over steps of log um/px. The log-likelihoods of a picture's tiles are averaged, fuller
tiles before emptier ones, since heads are mostly the largest things there are; what n tiles tell grows with the root of
n, since they err alike, and pictures of one source show the same cells and count as one. No tile counts without limit:
a clump of dirt may be sure and wrong. Pictures are looked at through several zooms, and each scale is judged by those
that would show it as the network reads best. The sum is blurred by what more tiles cannot tell, such as that heads of
one man are larger than another's. The numbers in this are fitted on simulated sources that the network has not seen,
and travel in its card.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from spermscope.compress import asinh
from spermscope.model_file import ModelCard, shipped
from spermscope.runtime import Model, load_model
from spermscope.types import Scale

TILE_PX = 192
BACKGROUND_PX = 97
"""Side of the box whose mean is taken as background: in pixels, since the scale is what is sought."""
GAIN_MAD = 4.0
"""Deviations (median absolute) that are mapped to one."""
LOWEST_UM_PER_PX, HIGHEST_UM_PER_PX = 0.08, 1.4
"""Between which the network tells scales apart."""
SIDES_PX = (240, 154, 107)
"""Of the squares that become tiles, one zoom after the other: 0.8, 1.25 and 1.8 times."""
BEST_UM_PER_PX, WELL = 0.36, 0.5
"""Of a tile that the network reads best, and the standard deviation, in log um/px, within which it reads well."""
MOST_TILES = 96
"""Looked at through one zoom in one source: a quarter of a second on one core."""
BATCH = 8
STRUCTURE_PX, LEAST_GREY = 4.0, 0.02
"""Blur before a tile's structures are compared; what a blank tile is taken to show, in grey levels."""
UNSEEN = Scale(0.5, "estimated", 1.0)
"""Of a source that shows nothing to measure."""

Tiles = NDArray[np.float32]


def look(tile: NDArray[np.uint8]) -> Tiles:
    """``(H, W)`` with background 0 and noise-like contrast 1, compressed by asinh: whatever the scale is."""
    flat = _flat(tile)
    spread = float(np.median(np.abs(flat[::2, ::2])))
    return asinh(flat * np.float32(1.0 / max(GAIN_MAD * spread, 1.0)))


def _flat(tile: NDArray[np.uint8]) -> Tiles:
    background = cv2.boxFilter(tile, cv2.CV_32F, (BACKGROUND_PX, BACKGROUND_PX), borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.subtract(tile, background, background, dtype=cv2.CV_32F))


def cut_tiles(image: NDArray[np.uint8], side_px: int = TILE_PX) -> list[NDArray[np.uint8]]:
    """Squares that cover ``image``, evenly spread, as they are; smaller where the image is."""
    starts = [
        np.linspace(0, max(size - side_px, 0), -(-size // side_px)).round().astype(int).tolist() for size in image.shape
    ]
    return [image[top : top + side_px, left : left + side_px] for top in starts[0] for left in starts[1]]


def zoomed(square: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """A square of ``side_px``, or what the image has of it, as a tile of ``TILE_PX``, or its share."""
    zoom = TILE_PX / side_px
    height, width = (max(1, round(size * zoom)) for size in square.shape)
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (width, height), interpolation=how))


def see(tiles: Sequence[NDArray[np.uint8]]) -> Tiles:
    """``(N, 1, TILE_PX, TILE_PX)``: what the network gets; small tiles are padded with background."""
    seen = np.zeros((len(tiles), 1, TILE_PX, TILE_PX), np.float32)
    for row, tile in enumerate(tiles):
        seen[row, 0, : tile.shape[0], : tile.shape[1]] = look(tile)
    return seen


def fullness(tiles: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """``(N,)``: log of how strong a tile's strongest structures are, less the median tile's; of few pixels or more."""
    strength = np.empty(len(tiles))
    for row, tile in enumerate(tiles):
        stands_out = cv2.GaussianBlur(np.abs(_flat(tile)), (0, 0), STRUCTURE_PX)
        strength[row] = LEAST_GREY + np.percentile(stands_out, 98)
    return np.asarray(np.log(strength / np.median(strength)))


def estimate_scale(
    images: Sequence[NDArray[np.uint8]], model: Model | None = None, *, most_tiles: int = MOST_TILES
) -> Scale:
    """Scale of pictures that were taken through one microscope.

    Parameters
    ----------
    images
        At least one ``(H, W)`` picture; sizes may differ.
    model
        The shipped network when not given.
    most_tiles
        Looked at; which ones is drawn, always alike.

    Returns
    -------
    Scale
        The median of the pooled distribution, and how far round it 95 % of it lie; ``UNSEEN`` where as far as 100 %,
        as where every picture is blank.
    """
    return conclude(read_scale(images, model or scale_network(), most_tiles=most_tiles))


def read_scale(
    images: Sequence[NDArray[np.uint8]], model: Model, *, most_tiles: int = MOST_TILES
) -> NDArray[np.float64]:
    """The pooled distribution of ``estimate_scale``, ``(K,)``; all scales alike where every picture is blank."""
    return Pooling.of_card(model.card).pool(
        look_at(images, lambda tiles: model.run("model", {"tile": tiles})["logits"], most_tiles)
    )


@dataclass(frozen=True, slots=True)
class Look:
    """N tiles of one source through one zoom: the network's ``logits (N, K)`` and their ``fullness (N,)``.

    A picture has ``places`` tiles on average.
    """

    zoom: float
    logits: NDArray[np.float32]
    fullness: NDArray[np.float64]
    places: float


def look_at(
    images: Sequence[NDArray[np.uint8]], run: Callable[[Tiles], NDArray[np.float32]], most_tiles: int = MOST_TILES
) -> list[Look]:
    """What the network, ``run``, sees through each zoom that shows anything."""
    looks = []
    for side_px in SIDES_PX:
        squares = [square for image in images for square in cut_tiles(image, side_px)]
        chosen = np.sort(np.random.default_rng(0).permutation(len(squares))[:most_tiles]).tolist()
        tiles = [zoomed(squares[index], side_px) for index in chosen]
        lit = [tile for tile in tiles if tile.min() < tile.max()]
        if lit:
            logits = np.concatenate([run(see(lit[at : at + BATCH])) for at in range(0, len(lit), BATCH)])
            places = len(squares) / len(images) * len(lit) / len(chosen)
            looks.append(Look(TILE_PX / side_px, logits, fullness(lit), places))
    return looks


@dataclass(frozen=True, slots=True)
class Pooling:
    """How tiles become one distribution.

    ``prior (K,)`` is the distribution of the scales that the network was trained on; ``doubt`` the chance that a tile
    says nothing, ``weight`` of a tile's log-likelihood, ``floor`` the standard deviation, in log um/px, of the error
    that all tiles share. A tile counts by half where its fullness is ``full``, and changes ``steep``ly there.
    """

    prior: NDArray[np.float64]
    doubt: float
    weight: float
    floor: float
    steep: float
    full: float

    @staticmethod
    def of_card(card: ModelCard) -> Pooling:
        """As a model's card has it."""
        names = ("doubt", "weight", "floor", "steep", "full")
        return Pooling(
            np.asarray(card.constants["prior"], np.float64), *(float(np.ravel(card.constants[n])[0]) for n in names)
        )

    def pool(self, looks: Sequence[Look]) -> NDArray[np.float64]:
        """Looks at one source to its distribution ``(K,)``; all scales alike where there is none.

        What each look tells of a scale counts by how well the network reads tiles of that scale times its zoom.
        """
        steps = bin_centres(len(self.prior))
        total, weight = np.zeros(len(steps)), np.zeros(len(steps))
        for look in looks:
            shown = steps - np.log(look.zoom)
            well = np.exp(-0.5 * ((shown - np.log(BEST_UM_PER_PX)) / WELL) ** 2)
            total += well * np.interp(shown, steps, self.told(look))
            weight += well
        pooled = np.exp(total / weight - (total / weight).max()) if looks else np.ones(len(steps))
        blur = np.exp(-0.5 * ((steps[:, None] - steps) / self.floor) ** 2)
        blurred = (blur / blur.sum(axis=0)) @ pooled
        return np.asarray(blurred / blurred.sum())

    def told(self, look: Look) -> NDArray[np.float64]:
        """``(K,)`` log-likelihood of the tiles' own scale; those that count unevenly are Kish's effective number."""
        sure = np.exp(look.logits.astype(np.float64) - look.logits.max(axis=1, keepdims=True))
        sure /= sure.sum(axis=1, keepdims=True)
        likelihood = np.log((1.0 - self.doubt) * sure / self.prior + self.doubt)
        counts = expit(self.steep * (look.fullness - self.full))
        share = counts.sum() ** 2 / (counts**2).sum() / len(counts)
        told = self.weight * np.sqrt(look.places * share) * (counts @ likelihood) / counts.sum()
        return np.asarray(told)


def bin_edges(bins: int) -> NDArray[np.float64]:
    """``(bins + 1,)`` log um/px."""
    return np.linspace(np.log(LOWEST_UM_PER_PX), np.log(HIGHEST_UM_PER_PX), bins + 1)


def bin_centres(bins: int) -> NDArray[np.float64]:
    """``(bins,)`` log um/px."""
    edges = bin_edges(bins)
    return np.asarray((edges[1:] + edges[:-1]) / 2)


def conclude(distribution: NDArray[np.float64]) -> Scale:
    """Median of ``(K,)`` probabilities, even within each step, and how far round it 95 % of them lie."""
    edges = bin_edges(len(distribution))
    heaped = np.concatenate([[0.0], np.cumsum(distribution)])
    middle = float(np.exp(np.interp(0.5 * heaped[-1], heaped, edges)))
    errors = np.arange(0.01, UNSEEN.relative_error, 0.01)
    upper, lower = (np.interp(np.log(middle * (1.0 + side * errors)), edges, heaped) for side in (1.0, -1.0))
    enough = np.flatnonzero(upper - lower >= 0.95 * heaped[-1])
    return Scale(middle, "estimated", float(errors[enough[0]])) if len(enough) else UNSEEN


@lru_cache(maxsize=1)
def scale_network() -> Model:
    """The shipped network, loaded once."""
    return load_model(shipped("scale"))
