"""``items.csv``, ``votes.csv``, ``truth.csv`` and ``traits.csv`` as columns, and what is wrong with their rows."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.dataset.findings import Finding
from spermscope.dataset.form import Form

ITEMS, VOTES, TRUTH, TRAITS = "items.csv", "votes.csv", "truth.csv", "traits.csv"
ITEM_COLUMNS = ("clip", "donor", "sample", "clinic", "optics", "um_per_px")
VOTE_COLUMNS = ("clip", "rater", "grade", "presentation", "view", "time")
HEADER = 2
"""Row of a table's first line after its header, as an editor counts."""
_BLOCK = 2048
"""Rows that are read at a time: as many as stay in the cache."""

Texts = NDArray[np.str_]
Report = Callable[[Finding], None]


@dataclass(frozen=True, slots=True)
class Items:
    """A row for each clip: texts ``(N,)``, '' unknown; ``um_per_px (N,)`` of the source, NaN unknown."""

    clip: Texts
    donor: Texts
    sample: Texts
    clinic: Texts
    optics: Texts
    um_per_px: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.clip)


@dataclass(frozen=True, slots=True)
class Votes:
    """A row for each vote as it was given.

    ``row (V,)`` is the clip's row in the items, ``grade (V,)`` its index, 0 best. ``presentation`` counts from 1 how
    often the rater was shown that clip; ``view`` says how. ``rater_number (V,)`` points into ``raters``, sorted names.
    """

    row: NDArray[np.int64]
    rater_number: NDArray[np.int64]
    grade: NDArray[np.int64]
    presentation: NDArray[np.int64]
    view: Texts
    time: Texts
    raters: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.row)

    @property
    def rater(self) -> Texts:
        """``(V,)`` names."""
        return np.array(self.raters, np.str_)[self.rater_number]

    @property
    def first(self) -> NDArray[np.bool_]:
        """``(V,)`` whether no earlier presentation of that clip to that rater has a vote."""
        order = np.lexsort((self.presentation, self.rater_number, self.row))
        row, rater = self.row[order], self.rater_number[order]
        first = np.zeros(len(self), np.bool_)
        first[order] = np.r_[True, (np.diff(row) != 0) | (np.diff(rater) != 0)][: len(self)]
        return first


def truth_columns(form: Form) -> tuple[str, ...]:
    """Of ``truth.csv``."""
    return ("clip", *(f"p_{grade}" for grade in form.grades))


def read_items(folder: Path, report: Report) -> Items:
    """The items; ``report`` hears of every row that is wrong."""
    blocks = [columns for _, columns in _blocks(folder / ITEMS, ITEM_COLUMNS, report)]
    clip, donor, sample, clinic, optics, scale = (
        _texts([block[place] for block in blocks]) for place in range(len(ITEM_COLUMNS))
    )
    items = Items(clip, donor, sample, clinic, optics, _numbers(scale, ITEMS, "um_per_px", report))
    for row in np.flatnonzero(items.clip == "").tolist():
        report(Finding("no_name", ITEMS, row + HEADER))
    _, first, number = np.unique(items.clip, return_index=True, return_inverse=True)
    for row in np.flatnonzero(first[number] != np.arange(len(items))).tolist():
        values = {"clip": items.clip[row], "other": int(first[number[row]]) + HEADER}
        report(Finding("same_clip", ITEMS, row + HEADER, values))
    return items


def read_votes(folder: Path, form: Form, items: Items, report: Report) -> Votes:
    """The votes that can be told; ``report`` hears of every other, and of each that a rater gave twice."""
    rows = {name: row for row, name in enumerate(items.clip.tolist())}
    grades = {name: index for index, name in enumerate(form.grades)}
    raters, counts = _Numbered(), _Counted()
    coded, views, times = [np.empty((5, 0), np.int64)], [], []
    for first, (clip, rater, grade, presentation, view, time) in _blocks(folder / VOTES, VOTE_COLUMNS, report):
        block = np.empty((5, len(clip)), np.int64)
        block[0] = range(first, first + len(clip))
        block[1] = [rows.get(name, -1) for name in clip]
        block[2] = [raters[name] for name in rater]
        block[3] = [grades.get(name, -1) for name in grade]
        block[4] = [counts[text] for text in presentation]
        told = (block >= 0).all(axis=0)
        for place in np.flatnonzero(~told).tolist():
            _report_vote(block[:, place].tolist(), clip[place], grade[place], presentation[place], form, report)
        coded.append(block[:, told])
        views.append(np.array(view, np.str_)[told])
        times.append(np.array(time, np.str_)[told])
    at, row, rater_code, grade_index, count = np.concatenate(coded, axis=1)
    names = [name for name, code in raters.items() if code >= 0]
    order = np.argsort(np.array(names, np.str_))
    number = np.empty(len(names), np.int64)
    number[order] = np.arange(len(names))
    sorted_names = tuple(names[place] for place in order.tolist())
    votes = Votes(row, number[rater_code], grade_index, count, _texts(views), _texts(times), sorted_names)
    _report_repeats(votes, items, at, report)
    return votes


class _Numbered(dict[str, int]):
    """Names numbered from 0 as they are first asked for; -1 for none."""

    def __missing__(self, name: str) -> int:
        self[name] = number = len(self) - ("" in self) if name else -1
        return number


class _Counted(dict[str, int]):
    """Texts as whole numbers from 1; -1 for every other."""

    def __missing__(self, text: str) -> int:
        self[text] = number = int(text) if text.isascii() and text.isdecimal() and int(text) > 0 else -1
        return number


def _report_vote(codes: list[int], clip: str, grade: str, presentation: str, form: Form, report: Report) -> None:
    at, row, rater, index, count = codes
    if row < 0:
        report(Finding("unknown_clip", VOTES, at, {"clip": clip}))
    if rater < 0:
        report(Finding("no_rater", VOTES, at))
    if index < 0:
        report(Finding("unknown_grade", VOTES, at, {"grade": grade, "grades": ", ".join(form.grades)}))
    if count < 0:
        report(Finding("no_presentation", VOTES, at, {"found": presentation}))


def _report_repeats(votes: Votes, items: Items, at: NDArray[np.int64], report: Report) -> None:
    order = np.lexsort((votes.presentation, votes.rater_number, votes.row))
    key = np.stack([votes.row, votes.rater_number, votes.presentation])[:, order]
    for place in (1 + np.flatnonzero((np.diff(key, axis=1) == 0).all(axis=0))).tolist():
        row, rater, presentation = key[:, place].tolist()
        values = {"clip": items.clip[row], "rater": votes.raters[rater], "presentation": presentation}
        report(Finding("same_vote", VOTES, int(at[order[place]]), values))


def read_truth(folder: Path, form: Form, items: Items) -> NDArray[np.float64] | None:
    """``(N, K)`` of ``truth.csv``, NaN for a clip that is not in it; None where there is no such file."""
    path = folder / TRUTH
    return _by_clip(path, truth_columns(form)[1:], items) if path.is_file() else None


def read_traits(folder: Path, items: Items) -> NDArray[np.float64] | None:
    """``(N, P)`` of ``traits.csv``, whatever its columns beside the clip; NaN and None as ``read_truth``."""
    path = folder / TRAITS
    if not path.is_file():
        return None
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = tuple(name for name in next(csv.reader(file), []) if name != "clip")
    return _by_clip(path, names, items)


def _by_clip(path: Path, names: tuple[str, ...], items: Items) -> NDArray[np.float64]:
    """``(N, len(names))`` numbers of a table, in the items' order."""
    rows = {name: row for row, name in enumerate(items.clip.tolist())}
    found = np.full((len(items), len(names)), np.nan)
    for first, (clip, *numbers) in _blocks(path, ("clip", *names), refuse):
        for place, name in enumerate(clip):
            if name not in rows:
                refuse(Finding("unknown_clip", path.name, first + place, {"clip": name}))
            found[rows[name]] = [
                _number(column[place], path.name, names[0], first + place, refuse) for column in numbers
            ]
    return found


def refuse(finding: Finding) -> None:
    """A report that ends reading at the first finding."""
    raise ValueError(finding.sentence())


def _blocks(path: Path, names: tuple[str, ...], report: Report) -> Iterator[tuple[int, list[tuple[str, ...]]]]:
    """A table's columns of those names in blocks of rows, each with the number of its first row."""
    if not path.is_file():
        return report(Finding("no_file", path.name))
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.reader(file)
        header = next(table, [])
        missing = [name for name in names if name not in header]
        if missing:
            return report(Finding("no_column", path.name, 1, {"items": ", ".join(missing)}))
        places, first = [header.index(name) for name in names], HEADER
        while block := list(islice(table, _BLOCK)):
            if set(map(len, block)) != {len(header)}:
                _even(block, len(header), path.name, first, report)
            columns = list(zip(*block, strict=True))
            yield first, [columns[place] for place in places]
            first += len(block)
    return None


def _even(block: list[list[str]], width: int, file: str, first: int, report: Report) -> None:
    """Rows of another width are reported, and cut or filled with empty texts."""
    for place, row in enumerate(block):
        if len(row) != width:
            report(Finding("row_width", file, first + place, {"found": len(row), "expected": width}))
            block[place] = [*row, *[""] * width][:width]


def _texts(blocks: Sequence[Any]) -> Texts:
    return np.concatenate([np.array(block, np.str_) for block in blocks]) if blocks else np.empty(0, np.str_)


def _numbers(texts: Texts, file: str, column: str, report: Report) -> NDArray[np.float64]:
    """Numbers, NaN where the text is empty."""
    try:
        return np.where(texts == "", "nan", texts).astype(np.float64)
    except ValueError:
        each = enumerate(texts.tolist(), HEADER)
        return np.array([_number(text, file, column, row, report) for row, text in each])


def _number(text: str, file: str, column: str, row: int, report: Report) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        report(Finding("no_number", file, row, {"column": column, "found": text}))
        return float("nan")
