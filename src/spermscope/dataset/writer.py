"""Adds clips and votes to a data set, so that nothing half written ever counts.

Whatever is added lies beside its place until ``commit``: then shards are put in their places, after them the items that
name their rows, last the votes. A kill before leaves the set as it was; what lay beside is removed by the next writer.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from spermscope.dataset.folder import open_dataset
from spermscope.dataset.form import FILE, Form, write_form
from spermscope.dataset.shards import FOLDER, ShardWriter
from spermscope.dataset.tables import ITEM_COLUMNS, ITEMS, TRAITS, TRUTH, VOTE_COLUMNS, VOTES, truth_columns
from spermscope.types import Clip
from spermscope.whole_files import put


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote: a row of ``votes.csv``."""

    clip: str
    rater: str
    grade: str
    presentation: int = 1
    view: str = ""
    time: str = ""


class DatasetWriter:
    """Writes one data set; as a context it commits at the end, and abandons what an error cut short.

    Parameters
    ----------
    folder
        A data set, or a new or empty folder that becomes one.
    form
        The form of a new set; None takes the one that is there (or the usual one).

    Raises
    ------
    ValueError
        When something else lies in the folder, a set of another form, or one whose tables are wrong.
    """

    def __init__(self, folder: Path | str, form: Form | None = None) -> None:
        self.folder = Path(folder)
        if not (self.folder / FILE).exists():
            _begin(self.folder, form or Form())
        there = open_dataset(self.folder)
        if form is not None and form != there.form:
            raise ValueError(f"{self.folder}: expected a set of the form {form}, found {there.form}")
        self.form = there.form
        for unfinished in self.folder.rglob("*.part"):
            unfinished.unlink()
        self._names = dict.fromkeys(there.items.clip.tolist())
        votes = there.votes
        clip_of = there.items.clip[votes.row].tolist()
        keys = zip(clip_of, votes.rater.tolist(), votes.presentation.tolist(), strict=True)
        self._given = dict(zip(keys, votes.grade.tolist(), strict=True))
        self._rows: dict[str, list[dict[str, object]]] = {ITEMS: [], VOTES: [], TRUTH: [], TRAITS: []}
        self._shard: ShardWriter | None = None
        self._whole: list[ShardWriter] = []

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.commit() if kind is None else self.abandon()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(
        self,
        name: str,
        clip: Clip,
        *,
        clinic: str = "",
        optics: str = "",
        source_um_per_px: float = float("nan"),
        truth: tuple[float, ...] = (),
        traits: Mapping[str, float] | None = None,
    ) -> None:
        """One clip of the set's form, under a name of its own; ``truth`` and ``traits`` are a simulated one's.

        Raises
        ------
        ValueError
            When the name is taken, or the clip is of another length, size or scale.
        """
        if not name or name in self._names:
            raise ValueError(f"{self.folder}: expected a new name for a clip, found {name or 'none'}")
        self._same_form(name, clip)
        if self._shard is None:
            shard, count = divmod(len(self._names), self.form.clips_a_shard)
            self._shard = ShardWriter(self.folder, self.form, shard, count)
        self._shard.add(clip)
        self._names[name] = None
        scale = f"{source_um_per_px:.6g}" if np.isfinite(source_um_per_px) else ""
        item = (name, clip.donor, clip.sample, clinic, optics, scale)
        self._rows[ITEMS].append(dict(zip(ITEM_COLUMNS, item, strict=True)))
        if truth:
            shares = zip(truth_columns(self.form)[1:], truth, strict=True)
            self._rows[TRUTH].append({"clip": name, **{column: f"{share:.9f}" for column, share in shares}})
        if traits:
            self._rows[TRAITS].append({"clip": name, **{column: f"{value:.6g}" for column, value in traits.items()}})
        if self._shard.count == self.form.clips_a_shard:
            self._end_shard()

    def vote(self, vote: Vote) -> bool:
        """One vote; False where the same one is there already.

        Raises
        ------
        ValueError
            When it names no clip or grade of the set, or no rater; or when the rater has voted on that presentation.
        """
        if vote.clip not in self._names:
            raise ValueError(f"vote of {vote.rater}: expected a clip of {self.folder}, found {vote.clip or 'none'}")
        if vote.grade not in self.form.grades:
            grades = ", ".join(self.form.grades)
            raise ValueError(f"vote of {vote.rater} on {vote.clip}: expected {grades}, found {vote.grade or 'none'}")
        if not vote.rater or vote.presentation < 1:
            raise ValueError(f"vote on {vote.clip}: expected a rater and a presentation of 1 or more, found {vote}")
        key, grade = (vote.clip, vote.rater, vote.presentation), self.form.grades.index(vote.grade)
        if key in self._given:
            if self._given[key] == grade:
                return False
            raise ValueError(
                f"vote of {vote.rater} on {vote.clip}: expected one on presentation {vote.presentation}, found a second"
            )
        self._given[key] = grade
        self._rows[VOTES].append(asdict(vote))
        return True

    def commit(self) -> None:
        """Make all that was added part of the set."""
        self._end_shard()
        for shard in self._whole:
            shard.place()
        self._whole.clear()
        for name, rows in self._rows.items():
            if rows:
                _grow(self.folder / name, tuple(rows[0]), rows)
                rows.clear()

    def abandon(self) -> None:
        """Forget what was added since the last commit; the writer is of no use afterwards."""
        self._end_shard()
        for shard in self._whole:
            shard.abandon()
        self._whole.clear()
        for rows in self._rows.values():
            rows.clear()

    def _end_shard(self) -> None:
        if self._shard is not None:
            self._shard.close()
            self._whole.append(self._shard)
            self._shard = None

    def _same_form(self, name: str, clip: Clip) -> None:
        form = self.form
        expected = (form.length, form.size_px, form.size_px)
        if clip.frames.shape != expected or clip.xy_um.shape != (form.length, 2):
            raise ValueError(f"clip {name}: expected pictures {expected}, found {clip.frames.shape}")
        if form.um_per_px is not None and not np.isclose(clip.um_per_px, form.um_per_px):
            raise ValueError(f"clip {name}: expected {form.um_per_px:g} um per pixel, found {clip.um_per_px:g}")


def _begin(folder: Path, form: Form) -> None:
    """An empty set in a new or empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: expected a data set or a new folder, found something else")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / FOLDER).mkdir()
    for name, columns in ((ITEMS, ITEM_COLUMNS), (VOTES, VOTE_COLUMNS)):
        (folder / name).write_text(",".join(columns) + "\n", encoding="utf-8")
    write_form(folder, form)


def _grow(path: Path, columns: Sequence[str], rows: list[dict[str, object]]) -> None:
    """Put the table with those rows at its end in its place, whole; its own columns and rows stay as they are."""
    with put(path) as part:
        if path.exists():
            shutil.copyfile(path, part)
            with path.open(encoding="utf-8-sig", newline="") as old:
                columns = next(csv.reader(old))
        with part.open("a+", encoding="utf-8", newline="") as file:
            if not path.exists():
                file.write(",".join(columns) + "\n")
            elif not path.read_bytes().endswith(b"\n"):
                file.write("\n")
            csv.DictWriter(file, columns, lineterminator="\n").writerows(rows)
            file.flush()
            os.fsync(file.fileno())
