"""The three pickles that were published with a grading network, as a data set.

``16frame.pkl`` holds a picture sequence ``(T, H, W, 3)`` or ``(T, H, W)``, 0-255, and ``grades.pkl`` the shares of the
grades A to E, each a dict by sperm id. ``td.pkl`` (trajectories, in no stated unit) is not read: displacements are
absent. Shares are made into votes again, which needs to know how many raters there were: the largest number of votes up
to that of which they are whole parts. Distributions come back exactly; who gave which vote is made up, and the set says
so. No donor, time or scale is in the pickles: donors come from a table, times from 15 pictures a second.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spermscope.dataset.form import Form
from spermscope.dataset.writer import DatasetWriter, Vote
from spermscope.importing.plain_pickle import read_plain_pickle
from spermscope.importing.sessions import Imported, Progress
from spermscope.types import Clip

FRAMES, GRADES = "16frame.pkl", "grades.pkl"
WHOLE = 1e-3
"""Of a vote: shares rounded to five digits still give whole votes of 40."""
_GREY = np.array([0.299, 0.587, 0.114])
"""Of red, green, blue (ITU-R BT.601)."""


def import_pickles(
    source: Path,
    out: Path,
    progress: Progress = lambda done, total: None,
    *,
    raters: int,
    um_per_px: float | None = None,
    donors: Path | None = None,
) -> Imported:
    """Make a new data set from a folder with the pickles.

    ``raters`` is how many experts graded, ``um_per_px`` the clips' scale where it is known, ``donors`` a CSV table with
    the columns ``clip,donor``.

    Raises
    ------
    ValueError
        When a pickle is missing, or tries to run code, a video is of another form, or shares are no votes of so many.
    """
    if out.exists():
        raise ValueError(f"{out}: expected a new folder, found one that exists")
    videos, shares = _read(source / FRAMES), _read(source / GRADES)
    clips = {name: _grey(source / FRAMES, name, video) for name, video in videos.items() if name in shares}
    if not clips:
        raise ValueError(f"{source}: expected sperm ids that {FRAMES} and {GRADES} share, found none")
    whose = _donors(donors) if donors else {}
    length, size, _ = next(iter(clips.values())).shape
    form = Form(length=length, size_px=size, um_per_px=um_per_px, raters_known=False)
    votes = {name: whole_votes(shares[name], raters, f"{source / GRADES}: {name}") for name in clips}
    with DatasetWriter(out, form) as writer:
        for done, (name, frames) in enumerate(clips.items(), 1):
            writer.add(name, _clip(done, frames, form, whose.get(name, "")))
            for number, grade in enumerate(np.repeat(np.arange(len(form.grades)), votes[name]).tolist(), 1):
                writer.vote(Vote(name, f"unknown-{number:03d}", form.grades[grade]))
            progress(done, len(clips))
    return Imported(len(clips), len(videos.keys() ^ shares.keys()), f"in one of {FRAMES} and {GRADES} only")


def whole_votes(shares: Any, raters: int, where: str) -> NDArray[np.int64]:
    """Shares ``(K,)`` to the votes of the largest panel of at most ``raters`` that gives them.

    Raises
    ------
    ValueError
        When no such panel does.
    """
    found = np.asarray(shares, np.float64)
    if found.shape != (len(Form().grades),) or not (found >= 0).all() or abs(found.sum() - 1.0) > WHOLE:
        raise ValueError(f"{where}: expected {len(Form().grades)} shares that sum to 1, found {found.tolist()}")
    for count in range(raters, 0, -1):
        votes = np.rint(count * found)
        if votes.sum() == count and np.abs(votes - count * found).max() <= WHOLE:
            return votes.astype(np.int64)
    raise ValueError(f"{where}: expected shares of at most {raters} votes, found {found.tolist()}")


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"{path}: expected a pickle by sperm id, found none")
    found = read_plain_pickle(path)
    if not isinstance(found, dict):
        raise ValueError(f"{path}: expected a dict by sperm id, found a {type(found).__name__}")
    return {str(name): value for name, value in found.items()}


def _grey(path: Path, name: str, video: Any) -> NDArray[np.uint8]:
    """``(T, S, S)``."""
    frames = np.asarray(video)
    if frames.ndim == 4 and frames.shape[3] == 3:
        frames = frames @ _GREY
    if frames.ndim != 3 or frames.shape[1] != frames.shape[2] or not len(frames):
        raise ValueError(f"{path}: {name}: expected pictures (T, S, S) or (T, S, S, 3), found {np.shape(video)}")
    if not np.isfinite(frames).all() or frames.min() < 0 or frames.max() > 255.5:
        raise ValueError(f"{path}: {name}: expected levels 0 to 255, found {frames.min():g} to {frames.max():g}")
    return np.rint(frames).astype(np.uint8)


def _clip(number: int, frames: NDArray[np.uint8], form: Form, donor: str) -> Clip:
    count = len(frames)
    nowhere, scale = np.full((count, 2), np.nan), form.um_per_px or float("nan")
    return Clip(number, frames, np.arange(count) / form.rate_hz, nowhere, np.ones(count, bool), scale, donor)


def _donors(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        if not {"clip", "donor"} <= set(table.fieldnames or ()):
            raise ValueError(f"{path}: expected the columns clip,donor, found {','.join(table.fieldnames or ())}")
        return {row["clip"]: row["donor"] for row in table}
