"""What stands in the way of learning from a data set: its tables, its votes, and every clip, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.dataset.findings import Finding, listed
from spermscope.dataset.folder import Dataset, open_dataset
from spermscope.dataset.form import FILE, Form, read_form
from spermscope.dataset.shards import FOLDER, NAMES, mapped, shapes, shard_path
from spermscope.dataset.tables import HEADER, ITEMS, VOTES, Items, Votes, read_items, read_votes
from spermscope.locale import text

SELDOM = 0.01
"""A grade with a smaller share of the votes is said to be hardly used."""
RATE_OFF = 0.25
"""Of the set's rate: a clip at 12 Hz, the slowest that is cut for 15 Hz, is within."""
UM_PER_PX = (0.03, 2.5)
_BLOCK = 64

Progress = Callable[[int, int | None], None]


def check(folder: Path | str, progress: Progress = lambda done, total: None) -> list[Finding]:
    """Everything that is wrong with the set (``Finding.refuses``) or worth a hint; nothing when it is sound.

    Of each kind and table the first 20 are listed and the others counted. ``progress`` counts clips.

    Raises
    ------
    ValueError
        When the folder is no data set.
    """
    place = Path(folder)
    form = read_form(place)
    found: list[Finding] = []
    items = read_items(place, found.append)
    votes = read_votes(place, form, items, found.append)
    found += [*_of_form(form), *_of_items(items), *_of_votes(votes, items, form)]
    found += _of_clips(place, form, items, progress)
    return list(listed(found))


def overview(folder: Path | str, language: str = "en") -> str:
    """How much there is in a sound set."""
    there = open_dataset(folder)
    donors = len(np.unique(there.items.donor))
    size = {"clips": len(there), "donors": donors, "votes": len(there.votes), "raters": len(there.raters)}
    return text("data_overview", language, **size)


def _of_form(form: Form) -> Iterator[Finding]:
    if form.um_per_px is None:
        yield Finding("scale_unknown", FILE)
    if not form.raters_known:
        yield Finding("raters_unknown", FILE)


def _of_items(items: Items) -> Iterator[Finding]:
    if not len(items):
        yield Finding("no_clip", ITEMS)
    for row in np.flatnonzero(items.donor == "").tolist():
        yield Finding("no_donor", ITEMS, row + HEADER, {"clip": items.clip[row]})
    scale = items.um_per_px
    for row in np.flatnonzero((scale < UM_PER_PX[0]) | (scale > UM_PER_PX[1])).tolist():
        yield Finding("other_scale", ITEMS, row + HEADER, {"clip": items.clip[row], "found": f"{scale[row]:g}"})
    if unknown := int(np.isnan(scale).sum()):
        yield Finding("source_scale_unknown", ITEMS, 0, {"count": unknown})
    donors, first, count = np.unique(items.donor, return_index=True, return_counts=True)
    for place in np.flatnonzero((count == 1) & (donors != "")).tolist():
        yield Finding("one_clip", ITEMS, int(first[place]) + HEADER, {"donor": donors[place]})


def _of_votes(votes: Votes, items: Items, form: Form) -> Iterator[Finding]:
    if len(votes.raters) < 2:
        yield Finding("few_raters", VOTES, 0, {"count": len(votes.raters)})
    used = np.bincount(votes.grade, minlength=len(form.grades))
    for grade, count in zip(form.grades, used.tolist(), strict=True) if len(votes) else ():
        if not count:
            yield Finding("empty_class", VOTES, 0, {"grade": grade})
        elif count < SELDOM * used.sum():
            yield Finding("seldom_used", VOTES, 0, {"grade": grade, "count": count, "total": int(used.sum())})
    for row in np.setdiff1d(np.arange(len(items)), votes.row).tolist():
        yield Finding("no_vote", ITEMS, row + HEADER, {"clip": items.clip[row]})


def _of_clips(folder: Path, form: Form, items: Items, progress: Progress) -> Iterator[Finding]:
    for shard, first in enumerate(range(0, len(items), form.clips_a_shard)):
        count = min(form.clips_a_shard, len(items) - first)
        wrong = [finding for name in NAMES for finding in _of_file(folder, form, name, shard, first, count)]
        yield from wrong
        arrays = {} if wrong else {name: mapped(folder, form, name, shard) for name in NAMES}
        for start in range(0, count, _BLOCK):
            block = {name: array[start : start + _BLOCK] for name, array in arrays.items()}
            for place, kind, values in _of_block(block, form) if block else ():
                row = first + start + place
                yield Finding(kind, ITEMS, row + HEADER, {"clip": items.clip[row]} | values)
            progress(first + min(start + _BLOCK, count), len(items))


def _of_file(folder: Path, form: Form, name: str, shard: int, first: int, count: int) -> Iterator[Finding]:
    """One file of a shard as a whole; ``row`` values name the items whose clips it should hold."""
    path = shard_path(folder, name, shard)
    rows = {"first": first + HEADER, "last": first + count - 1 + HEADER}
    where = f"{FOLDER}/{path.name}"
    if not path.is_file():
        yield Finding("no_shard", where, 0, rows)
        return
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        yield Finding("no_array", where, 0, rows)
        return
    dtype, shape = shapes(form)[name]
    if array.ndim >= 2 and array.shape[1] != form.length:
        kind = "too_short" if array.shape[1] < form.length else "too_long"
        yield Finding(kind, where, 0, rows | {"found": array.shape[1], "expected": form.length})
    elif array.dtype != dtype or array.shape[1:] != shape:
        values = {"found": _told(array.shape[1:], array.dtype), "expected": _told(shape, dtype)}
        yield Finding("other_size", where, 0, rows | values)
    elif len(array) < count:
        yield Finding("few_clips", where, 0, rows | {"found": len(array), "expected": count})


def _told(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    return f"{' x '.join(map(str, shape))} {dtype}"


def _of_block(block: dict[str, NDArray[Any]], form: Form) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Place in the block, kind and values of what is wrong with single clips."""
    time_s, xy_um = block["time_s"], block["xy_um"]
    flat = block["frames"].reshape(*time_s.shape, -1)
    still = (flat.max(axis=2) == flat.min(axis=2)).sum(axis=1)
    timed = np.isfinite(time_s).all(axis=1)
    ordered = timed & (np.diff(time_s, axis=1) > 0).all(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = (form.length - 1) / (time_s[:, -1] - time_s[:, 0])
    odd = ordered & (np.abs(rate / form.rate_hz - 1.0) > RATE_OFF)
    known = np.isfinite(xy_um).all(axis=2).sum(axis=1)
    for place in np.flatnonzero(still).tolist():
        yield place, "constant_picture", {"count": int(still[place])}
    for place in np.flatnonzero(~timed).tolist():
        yield place, "no_time", {}
    for place in np.flatnonzero(timed & ~ordered).tolist():
        yield place, "time_order", {}
    for place in np.flatnonzero(odd).tolist():
        yield place, "other_rate", {"found": f"{rate[place]:.1f}", "expected": f"{form.rate_hz:g}"}
    for place in np.flatnonzero((known > 0) & (known < form.length)).tolist():
        yield place, "some_places", {"count": form.length - int(known[place])}


def sound_dataset(folder: Path) -> Dataset:
    """Open a data set that ``check`` finds nothing wrong with.

    Raises
    ------
    ValueError
        Otherwise; has the first finding in words and how many more there are.
    """
    faults = [finding for finding in check(folder) if finding.refuses]
    if faults:
        more = sum(fault.more or 1 for fault in faults) - 1
        others = f" and {more} more (spermscope data check)" if more else ""
        raise ValueError(f"{folder}: expected a sound data set, found {faults[0].sentence()}{others}")
    return open_dataset(folder)
