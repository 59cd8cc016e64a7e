"""What ``session.json`` says: one model, versioned, without a NaN."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

DEMONSTRATION = "DEMONSTRATION MODEL - NOT TRAINED ON EXPERTS"


class Share(BaseModel):
    """A share with its 95 % interval, 0..1; no interval where the recording supports none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float
    low: float | None
    high: float | None

    @property
    def interval(self) -> str:
        """As it is shown: whole percent, or a dash."""
        if self.low is None or self.high is None:
            return "-"
        return f"{100 * self.low:.0f}-{100 * self.high:.0f} %"


class Amount(BaseModel):
    """A concentration with its 95 % interval, 10^6 per mL, and what it was counted from: ``cells`` at one instant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cells: float
    volume_ul: float
    millions_per_ml: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """As the console shows it."""
        if not self.cells:
            return f"none seen in {self.volume_ul:.4f} uL: at most {self.high:.3g} 10^6/mL of cells that could be seen"
        value, seen = f"{self.millions_per_ml:.3g} ({self.low:.3g}-{self.high:.3g}) 10^6/mL", f"{self.cells:.1f} cells"
        return f"{value}, from {seen} at a time in {self.volume_ul:.4f} uL"


class ModelUse(BaseModel):
    """Which model was used; ``card`` is the whole of what its file says of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    name: str
    version: str
    sha256: str
    trained_on: str
    demonstration: bool
    precision: str = "f32"
    card: dict[str, Any] = {}


class Summary(BaseModel):
    """A session in short. Absent values are None and have their reason in ``not_computed``.

    ``no_who_grades`` says which declared conditions are missing for a cell to have a WHO grade, '' for none.
    ``motility`` are shares of ``graded_cell_s``, ``hyperactivated`` of ``called_cell_s``, immotile cells included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1
    session_id: str
    created: str
    complete: bool
    incomplete_because: str = ""
    source_kind: str
    source_sha256: str | None
    profile: dict[str, Any]
    frames: int
    duration_s: float | None
    rate_hz: float | None
    dropped: int
    fields: int
    cells: int
    mean_in_view: float | None
    concentration: Amount | None = None
    motility: dict[str, Share] | None
    no_who_grades: str = ""
    graded_cell_s: float = 0.0
    ungraded_cell_s: float = 0.0
    hyperactivated: Share | None = None
    called_cell_s: float = 0.0
    graded: int
    not_graded: dict[str, int]
    sample_distribution: dict[str, float] | None
    conditions: dict[str, Any]
    settings: dict[str, Any]
    versions: dict[str, str]
    models: list[ModelUse]
    demonstration: bool
    demonstration_text: str
    timings_ms: dict[str, float]
    warnings: list[str]
    not_computed: dict[str, str]
    note: str = ""
