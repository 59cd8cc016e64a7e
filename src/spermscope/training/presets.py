"""What a comparison runs: networks x losses x folds x seeds, and three such plans by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from spermscope.models.family import NETWORKS
from spermscope.training.fitting import FitSettings
from spermscope.training.losses import LOSSES
from spermscope.training.protocol import Cell

SEVEN = ("emd", "mse", "jsd", "ce", "hi", "macro-hi", "macro-f1")
ORDINARY = (*(name for name in NETWORKS if name.startswith("small-")), "stream")
"""Networks that ordinary machines train."""
FULL = tuple(name for name in NETWORKS if not name.startswith("small-"))


@dataclass(frozen=True, slots=True)
class Plan:
    """Every network by every loss, on every fold, from every seed.

    ``alone`` names networks that are trained without displacements too, by the first loss.

    Raises
    ------
    ValueError
        When a name is unknown or comes twice; lists the known ones.
    """

    networks: tuple[str, ...]
    losses: tuple[str, ...]
    folds: int = 3
    seeds: tuple[int, ...] = (0,)
    alone: tuple[str, ...] = ()
    fit: FitSettings = field(default_factory=FitSettings)

    def __post_init__(self) -> None:
        refuse_unknown(self.networks, self.losses)
        _refuse("network without displacements", self.alone, self.networks)
        _refuse("seed", self.seeds)

    def cells(self) -> list[Cell]:
        """In the order in which they are trained: whole rows of the table come early."""
        rows = [(loss, network, True) for loss in self.losses for network in self.networks]
        rows += [(self.losses[0], network, False) for network in self.alone]
        return [Cell(seed, fold, *row) for seed in self.seeds for row in rows for fold in range(self.folds)]


def refuse_unknown(networks: Sequence[str], losses: Sequence[str]) -> None:
    """Raise ValueError where a name is unknown, comes twice, or none is given."""
    _refuse("network", networks, tuple(NETWORKS))
    _refuse("loss", losses, tuple(LOSSES))


def _refuse(what: str, found: Sequence[object], known: Sequence[object] | None = None) -> None:
    if not found and what != "network without displacements":
        raise ValueError(f"expected a {what} or more, found none")
    for name in found:
        if known is not None and name not in known:
            raise ValueError(f"expected a {what} of {', '.join(map(str, known))}, found {name}")
    if len(set(found)) < len(found):
        raise ValueError(f"expected each {what} once, found {', '.join(map(str, found))}")


PRESETS: dict[str, Plan] = {
    "small": Plan(("small-resnet-still", "stream"), ("emd", "mse"), folds=2, fit=FitSettings(epochs=10, batch=8)),
    "medium": Plan(ORDINARY, SEVEN, alone=ORDINARY, fit=FitSettings(epochs=6, batch=8)),
    "paper": Plan(FULL, SEVEN, folds=5, alone=FULL, fit=FitSettings(epochs=60, rate=3e-4)),
}
"""``small`` shows in minutes that all of it works, ``medium`` is hours on two cores, ``paper`` needs graphics cards."""
