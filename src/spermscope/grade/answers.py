"""What all graders do alike: which crops they take, when they grade nothing, and what a network's outputs mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spermscope.clips import MODEL_PX, motion_features
from spermscope.doubt import Doubt, heads_apart
from spermscope.model_file import Arrays, ModelCard
from spermscope.runtime import Model
from spermscope.settings import ClipSettings
from spermscope.types import Grades, SourceProfile

LEAST_RATE_HZ = 12.0
LEAST_LIFT = 0.35
"""Where less stands out at the centre there is no head to grade: three times what pure noise shows."""
OFF = 0.02
"""Share by which a scale or a rate may differ from the model's."""


def rate_reason(profile: SourceProfile) -> str:
    """Why nothing is graded at this frame rate, '' where it suffices or is not known."""
    if np.isfinite(profile.rate_hz) and profile.rate_hz < LEAST_RATE_HZ:
        return f"not graded: {profile.rate_hz:.3g} fps is below {LEAST_RATE_HZ:g}"
    return ""


def crops_apart(card: ModelCard, clip: ClipSettings) -> int:
    """How many crops it is from one that the model looks at to the next: 1 where it looks at all.

    Raises
    ------
    ValueError
        One line: the crops are too small or of another scale, or the model's rate is no whole part of theirs.
    """
    if clip.size_px < MODEL_PX:
        raise ValueError(f"{card.name}: expected crops of {MODEL_PX} px or more, found {clip.size_px}")
    if abs(clip.um_per_px / card.um_per_px - 1.0) > OFF:
        raise ValueError(f"{card.name}: expected crops at {card.um_per_px:g} um/px, found {clip.um_per_px:g}")
    ratio = clip.rate_hz / (card.rate_hz or clip.rate_hz)
    whole = max(1, round(ratio))
    if abs(ratio / whole - 1.0) > OFF:
        raise ValueError(
            f"{card.name}: expected {card.rate_hz:g} crops a second or a multiple of it, found {clip.rate_hz:g}"
        )
    return whole


def golden_shape(model: Model, name: str) -> tuple[int, ...]:
    """The shape of a golden array, such as ``model/in/pictures``.

    Raises
    ------
    ValueError
        One line, when the file has none of that name.
    """
    if name not in model.golden:
        raise ValueError(f"{model.card.name}: expected a grader with {name}, found {', '.join(sorted(model.golden))}")
    return model.golden[name].shape


def unlike_above(card: ModelCard) -> float:
    """The distance beyond which a cell is unlike training; refused in one line where the card has none."""
    if "unlike_above" not in card.constants:
        found = ", ".join(sorted(card.constants)) or "none"
        raise ValueError(f"{card.name}: expected the constant unlike_above on the card, found {found}")
    return float(np.ravel(card.constants["unlike_above"])[0])


def doubt_of(card: ModelCard) -> Doubt:
    """How the model's own doubt rises with what its heads lie apart; refused in one line where it is no such pair."""
    try:
        return Doubt.of_card(card.constants)
    except TypeError:
        found = card.constants["doubt"]
        raise ValueError(f"{card.name}: expected the constant doubt to be two numbers, found {found}") from None


def displacements(
    time_s: NDArray[np.float64], xy_um: NDArray[np.float64], observed: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """``clips.motion_features``; without displacements where any place of a clip is NaN."""
    return motion_features(time_s, xy_um, observed, known=np.isfinite(xy_um).all(axis=(-2, -1)))


def answer(
    track_ids: list[int],
    ends_s: list[float],
    out: Arrays,
    lift: NDArray[np.floating],
    far: float,
    doubt: Doubt,
) -> Grades:
    """A row a track of ``logits (B, R, M, K)``, ``embedding (B, D)``, ``distance (B,)`` and the centres' ``lift (B,)``.

    What each of the M heads says is the mean over R readings. Unlike training is what lies farther than ``far``, or
    where nothing stands out at the centre.
    """
    logits = out["logits"].astype(np.float64)
    each = np.exp(logits - logits.max(axis=3, keepdims=True))
    each /= each.sum(axis=3, keepdims=True)
    each = each.mean(axis=1)
    return Grades(
        track_id=np.array(track_ids, np.int64),
        time_s=np.array(ends_s),
        probabilities=each.mean(axis=1),
        uncertainty=doubt.of(heads_apart(each)),
        unlike=(out["distance"] > far) | (lift < LEAST_LIFT),
        embedding=out["embedding"],
    )
