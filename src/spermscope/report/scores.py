"""A model's scores with all that they are read against: lines to read, rows of a CSV, plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from rich.cells import cell_len

from spermscope.locale import text
from spermscope.metrics import Score

BESIDE = ("floor", "ceiling_rater", "ceiling_half", "mean_row", "truth_row")
COLUMNS = ("value", "low", "high", *BESIDE)


def score_lines(scores: Mapping[str, Score], language: str = "en") -> list[str]:
    """A Markdown table, a line a measure, its columns aligned; ``-`` where a number is not known."""
    head = [text(f"scores_{name}", language) for name in ("measure", "value", "interval", *BESIDE)]
    rows = [
        [name, _told(row.value), f"{_told(row.low)}-{_told(row.high)}", *(_told(getattr(row, part)) for part in BESIDE)]
        for name, row in scores.items()
    ]
    widths = [max(map(cell_len, column)) for column in zip(head, *rows, strict=True)]
    rule = "|".join("-" * (width + 2) for width in widths)
    return [_line(head, widths), f"|{rule}|", *(_line(row, widths) for row in rows)]


def segment_lines(
    segments: Mapping[int, Mapping[str, Score]], counts: Mapping[int, int], language: str = "en"
) -> Iterator[str]:
    """A line a segment of the mean grade with its MSE; ``counts`` are its clips."""
    for segment, scores in segments.items():
        row = scores["mse"]
        yield text(
            "scores_segment",
            language,
            grade=segment,
            clips=counts[segment],
            value=_told(row.value),
            low=_told(row.low),
            high=_told(row.high),
            rater=_told(row.ceiling_rater),
            half=_told(row.ceiling_half),
        )


def score_rows(tables: Mapping[str, Mapping[str, Score]]) -> Iterator[list[str]]:
    """Rows of a CSV, the head first: the tables of all clips and of each segment, by name, one below another."""
    yield ["clips", "measure", *COLUMNS]
    for name, scores in tables.items():
        for measure, row in scores.items():
            cells = (getattr(row, column) for column in COLUMNS)
            yield [name, measure, *(f"{cell:.6g}" if np.isfinite(cell) else "" for cell in cells)]


def plain_scores(scores: Mapping[str, Score]) -> dict[str, dict[str, float | None]]:
    """By measure its numbers by name, None where one is not known."""
    return {
        measure: {name: value if np.isfinite(value) else None for name, value in asdict(row).items()}
        for measure, row in scores.items()
    }


def _told(value: float) -> str:
    return f"{value:.5f}" if np.isfinite(value) else "-"


def _line(cells: Sequence[Any], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"
