"""A rating study's ``votes.csv`` into the data set whose clips were rated."""

from __future__ import annotations

from pathlib import Path

from spermscope.dataset.form import FILE, read_form
from spermscope.dataset.tables import VOTES, read_items, read_votes, refuse
from spermscope.dataset.writer import DatasetWriter, Vote
from spermscope.importing.sessions import Imported, Progress


def import_ratings(source: Path, out: Path, progress: Progress = lambda done, total: None) -> Imported:
    """Merge the votes of ``source`` (a ``votes.csv``, or a folder with one) into ``out``; none counts twice.

    Raises
    ------
    ValueError
        When ``out`` is no data set, or a row names no clip or grade of it, or is a rater's second vote on one
        presentation; names file and row, and nothing is merged.
    """
    folder = source if source.is_dir() else source.parent
    if source.name != VOTES and not source.is_dir():
        raise ValueError(f"{source}: expected {VOTES} or a folder with it, found something else")
    if not (out / FILE).is_file():
        raise ValueError(f"{out}: expected the data set whose clips were rated, found none")
    items, form = read_items(out, refuse), read_form(out)
    votes = read_votes(folder, form, items, refuse)
    names, raters = items.clip[votes.row].tolist(), votes.rater.tolist()
    taken = 0
    with DatasetWriter(out) as writer:
        for row in range(len(votes)):
            vote = Vote(
                clip=names[row],
                rater=raters[row],
                grade=form.grades[votes.grade[row]],
                presentation=int(votes.presentation[row]),
                view=str(votes.view[row]),
                time=str(votes.time[row]),
            )
            taken += writer.vote(vote)
            progress(row + 1, len(votes))
    return Imported(taken, len(votes) - taken, "in the set already")
