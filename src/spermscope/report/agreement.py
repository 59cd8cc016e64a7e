"""A rating study's agreement as files: a page that stands alone, and tables of coefficients, raters and clips."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spermscope.agreement import (
    Agreement,
    AgreementStudy,
    RaterRow,
    coincidences,
    mean_distance,
    most_disputed,
    summarise,
)
from spermscope.agreement.kappa import both_graded
from spermscope.labels import MISSING
from spermscope.locale import text, told
from spermscope.metrics.intervals import RESAMPLES
from spermscope.report import agreement_plots as plots
from spermscope.report.figures import svg
from spermscope.report.grras import checklist, counted
from spermscope.report.strips import strip
from spermscope.whole_files import put, put_text

CARDS = 12
SHOWN_PX = 150
HEADLINE = ("alpha", "icc_one", "icc_mean", "kappa_quadratic")
CHARTS = ("votes", "apart", "severity", "drift")
DIGITS = {"later": 3}
"""Behind the point; of the others two."""

Pictures = Callable[[str], tuple[NDArray[np.uint8], float] | None]
"""A clip's name to its frames ``(T, H, W)`` and the seconds that they last; None where there is no picture."""


@dataclass(frozen=True, slots=True)
class Card:
    """A disputed clip; ``strip`` is a data URI of ``frames`` pictures of ``width_px`` side by side, '' without."""

    name: str
    votes: tuple[tuple[str, int, float], ...]
    apart: float
    graded: int
    cannot_judge: int
    strip: str = ""
    frames: int = 0
    width_px: int = SHOWN_PX
    seconds: float = 0.0


def write_agreement(
    folder: Path,
    study: AgreementStudy,
    pictures: Pictures,
    language: str = "en",
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Path:
    """Write ``agreement.html``, ``agreement.csv``, ``raters.csv`` and ``clips.csv``; gives the page.

    The same study gives the same files: intervals are drawn from ``seed``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = summarise(study, np.random.default_rng(seed), resamples=resamples)
    tables = {"agreement": _coefficients(found), "raters": _raters(study, found.raters), "clips": _clips(study)}
    for name, lines in tables.items():
        with put(folder / f"{name}.csv") as part, part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(lines)
    put_text(folder / "agreement.html", render(study, found, pictures, language))
    return folder / "agreement.html"


def render(study: AgreementStudy, found: Agreement, pictures: Pictures, language: str) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(
        files("spermscope.report").joinpath("agreement.html.j2").read_text(encoding="utf-8")
    )
    items = checklist(study, found, version("spermscope"), language)
    return template.render(
        say=partial(text, language=language),
        told=partial(told, language=language),
        language=language,
        study=study,
        facts=study.facts,
        found=found,
        headline=HEADLINE,
        digits=DIGITS,
        number=_number,
        totals=_totals(study),
        reasons=_reasons(study),
        pairs=_pairs(study),
        colours=plots.colours(len(study.grades)),
        charts=dict.fromkeys(CHARTS, "") | {name: svg(figure) for name, figure in _charts(study, found, language)},
        cards=[_card(study, row, pictures) for row in most_disputed(study.counts, CARDS)],
        items=items,
        states=dict(counted(items)),
        version=version("spermscope"),
    )


def _charts(study: AgreementStudy, found: Agreement, language: str) -> Iterator[tuple[str, Figure]]:
    """Those for which there is something to draw."""
    if (study.counts.sum(axis=1) >= 2).any():
        yield "votes", plots.votes_by_clip(study, language)
        yield "apart", plots.disagreement(study, language)
    if any(np.isfinite(row.severity) for row in found.raters):
        yield "severity", plots.severities(found.raters, language)
    if found.drift.harshness.shape[1] > 1 and np.isfinite(found.drift.harshness).any():
        yield "drift", plots.drift(found.drift, language)


def _totals(study: AgreementStudy) -> dict[str, int]:
    votes, reasons = study.votes != MISSING, study.reasons != MISSING
    answered = votes.sum(axis=1) + reasons.sum(axis=1)
    return {
        "raters": len(study.raters),
        "clips": len(study.clips),
        "donors": len(np.unique(study.donors)),
        "votes": int(votes.sum()),
        "cannot_judge": int(reasons.sum()),
        "missing": int(study.missing.sum()),
        "repeats": len(both_graded(study.repeats.grade)),
        "single": int((votes.sum(axis=1) < 2).sum()),
        "unclear": int(((2 * reasons.sum(axis=1) > answered) & (answered > 0)).sum()),
    }


def _reasons(study: AgreementStudy) -> dict[str, tuple[int, int]]:
    """By reason how often it was given, and on how many clips."""
    given = {name: study.reasons == number for number, name in enumerate(study.reason_names)}
    return {name: (int(where.sum()), int(where.any(axis=1).sum())) for name, where in given.items()}


def _pairs(study: AgreementStudy) -> list[list[float]]:
    """``(K, K)``: of the other raters' votes on clips to which one gave the row's grade, the share of each grade."""
    together = coincidences(study.counts)
    total = together.sum(axis=1, keepdims=True)
    return np.divide(together, total, out=np.full_like(together, np.nan), where=total > 0).tolist()


def _card(study: AgreementStudy, row: int, pictures: Pictures) -> Card:
    counts = study.counts[row]
    shares = counts / counts.sum()
    card = Card(
        name=study.clips[row],
        votes=tuple(zip(study.grades, counts.tolist(), shares.tolist(), strict=True)),
        apart=float(mean_distance(counts[None])[0]),
        graded=int(counts.sum()),
        cannot_judge=int((study.reasons[row] != MISSING).sum()),
    )
    shown = pictures(card.name)
    return card if shown is None else _pictured(card, *shown)


def _pictured(card: Card, frames: NDArray[np.uint8], seconds: float) -> Card:
    height, width = frames.shape[1:]
    width_px = round(SHOWN_PX * width / height)
    small = np.stack([cv2.resize(one, (width_px, SHOWN_PX), interpolation=cv2.INTER_AREA) for one in frames])
    shown = strip(np.asarray(small, np.uint8)), len(frames), width_px, seconds
    return Card(card.name, card.votes, card.apart, card.graded, card.cannot_judge, *shown)


def _number(value: float, digits: int = 2, sign: str = "") -> str:
    """Rounded, - where undefined; ``sign`` + shows it always."""
    return f"{value:{sign}.{digits}f}" if np.isfinite(value) else "-"


def _coefficients(found: Agreement) -> Iterator[list[str]]:
    yield ["coefficient", "value", "low", "high", "note"]
    for name, one in [*found.coefficients.items(), ("panel_trend", found.drift.trend)]:
        yield [name, _cell(one.value), _cell(one.low), _cell(one.high), one.why]


def _raters(study: AgreementStudy, rows: tuple[RaterRow, ...]) -> Iterator[list[str]]:
    numbers = ("severity", "error", "scatter", "correlation", "time_s", "slope", "slope_error")
    shares = [f"share_{grade}" for grade in study.grades]
    yield [
        "rater",
        "votes",
        "cannot_judge",
        "missing",
        *shares,
        *numbers,
        "repeats",
        "kappa",
        "kappa_low",
        "kappa_high",
    ]
    for row in rows:
        counts = [str(row.votes), str(row.cannot_judge), str(row.missing), *map(_cell, row.used)]
        kappa = [str(row.repeats), *map(_cell, (row.kappa.value, row.kappa.low, row.kappa.high))]
        yield [row.name, *counts, *(_cell(getattr(row, name)) for name in numbers), *kappa]


def _clips(study: AgreementStudy) -> Iterator[list[str]]:
    yield ["clip", *(f"n_{grade}" for grade in study.grades), *(f"n_{name}" for name in study.reason_names), "apart"]
    reasons = (study.reasons[:, :, None] == np.arange(len(study.reason_names))).sum(axis=1)
    for name, votes, why, apart in zip(study.clips, study.counts, reasons, mean_distance(study.counts), strict=True):
        yield [name, *map(str, votes.tolist()), *map(str, why.tolist()), _cell(apart)]


def _cell(value: float) -> str:
    return f"{value:.6g}" if np.isfinite(value) else ""
