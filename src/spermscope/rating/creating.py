"""A new study from data sets of clips: its sheets, its key, and a data set of its own that no rater sees."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spermscope.dataset import Dataset, DatasetWriter, open_dataset
from spermscope.dataset.form import FILE as DATASET_FILE
from spermscope.importing.sessions import Imported, import_sessions
from spermscope.rating.fields import Recordings
from spermscope.rating.keys import SigningKey
from spermscope.rating.protocol import Protocol, StudyFile, write_study_file
from spermscope.rating.sheets import FOLDER, Sheet, content_hash, field_of, tiled, write_sheet, write_sheets
from spermscope.types import Clip

SOURCE = "source"
"""The study's own data set, without votes: what an export gives the votes to."""
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Made:
    """How many clips a new study has, and how many were left out, by reason."""

    clips: int
    left: dict[str, int]


def new_study(
    folder: Path,
    sources: Sequence[Path],
    protocol: Protocol,
    *,
    anchors: Mapping[str, Sequence[str]] | None = None,
    progress: Progress = lambda done, total: None,
) -> Made:
    """Make a study in a new folder from data sets and session folders; ``anchors`` names clips for each grade's code.

    They stand in place of the protocol's own, which are names too, or hashes of sheets; the study's are hashes.
    Clips of all sources have one form. A clip of which the view cannot be made is left out, and so is one that is there
    already.

    Raises
    ------
    ValueError
        When the folder is there, a source is none, forms differ, an anchor is no clip, or no clip is left to rate.
    """
    part = new_part(folder)
    try:
        made = _make(part, sources, protocol, anchors or {}, progress)
        os.replace(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return made


def new_part(folder: Path) -> Path:
    """A new folder beside ``folder``, to be renamed to it.

    Raises
    ------
    ValueError
        When ``folder`` is there, or what an earlier try has left.
    """
    if folder.exists():
        raise ValueError(f"{folder}: expected a new folder, found one that exists")
    part = folder.with_name(f"{folder.name}.partial")
    try:
        part.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise ValueError(f"{part}: expected no such folder, found what an earlier try has left: remove it") from error
    return part


def _make(
    folder: Path,
    sources: Sequence[Path],
    protocol: Protocol,
    anchors: Mapping[str, Sequence[str]],
    progress: Progress,
) -> Made:
    (folder / FOLDER).mkdir(mode=0o700)
    key = SigningKey()
    key.save(folder)
    left: dict[str, int] = {}
    for source in sources:
        came = gather(folder / SOURCE, source)
        if came.left:
            left[came.why] = left.get(came.why, 0) + came.left
    data = open_dataset(folder / SOURCE)
    sheets = _sheets(folder, data, protocol, Recordings(sources), left, progress)
    if not sheets:
        raise ValueError(f"study: expected clips to rate, found {', '.join(left) or 'none'}")
    write_sheets(folder, sheets)
    anchored = _with_anchors(protocol, sheets, anchors)
    write_study_file(
        folder,
        StudyFile(
            study_id=secrets.token_hex(8),
            public_key=key.public,
            protocol=anchored,
            simulated=data.truth() is not None,
        ),
    )
    return Made(len(sheets), left)


def gather(out: Path, source: Path, keep: Container[str] | None = None) -> Imported:
    """Add a data set's clips without their votes, or those of session folders, to the data set ``out``; what came.

    Of a data set only the names in ``keep``, where that is given. A simulated one's truth comes along where grades are
    the same, so that a model that learns from such clips says that it is a demonstration.
    """
    if not (source / DATASET_FILE).is_file():
        return import_sessions(source, out)
    data = open_dataset(source)
    items, truth = data.items, data.truth()
    form = None if (out / DATASET_FILE).is_file() else data.form.model_copy(update={"raters_known": True})
    with DatasetWriter(out, form) as writer:
        if truth is not None and writer.form.grades != data.form.grades:
            truth = None
        for row, clip in enumerate(_clips(data)):
            if keep is not None and items.clip[row] not in keep:
                continue
            if items.clip[row] in writer:
                raise ValueError(f"{source}: expected clips of other names, found {items.clip[row]} again")
            writer.add(
                str(items.clip[row]),
                clip,
                clinic=str(items.clinic[row]),
                optics=str(items.optics[row]),
                source_um_per_px=float(items.um_per_px[row]),
                truth=() if truth is None else tuple(truth[row].tolist()),
            )
    return Imported(len(data) if keep is None else sum(name in keep for name in items.clip))


def _clips(data: Dataset) -> Iterator[Clip]:
    scale, items = data.form.um_per_px or float("nan"), data.items
    for row in range(len(data)):
        one = data.clips([row])
        seen = one.frames[0], one.time_s[0], one.xy_um[0], one.observed[0]
        yield Clip(row, *seen, um_per_px=scale, donor=str(items.donor[row]), sample=str(items.sample[row]))


def _sheets(
    folder: Path, data: Dataset, protocol: Protocol, recordings: Recordings, left: dict[str, int], progress: Progress
) -> list[Sheet]:
    """Those that can be made; the others are counted in ``left`` by reason."""
    sheets: dict[str, Sheet] = {}
    for row, clip in enumerate(_clips(data)):
        try:
            sheet = _sheet(folder, str(data.items.clip[row]), clip, protocol, recordings)
            if sheet.hash in sheets:
                raise ValueError("the same pictures as another")
            sheets[sheet.hash] = sheet
        except ValueError as why:
            left[str(why)] = left.get(str(why), 0) + 1
        progress(row + 1, len(data))
    return list(sheets.values())


def _sheet(folder: Path, name: str, clip: Clip, protocol: Protocol, recordings: Recordings) -> Sheet:
    path_px = (clip.xy_um - clip.xy_um[0]) / clip.um_per_px
    known = bool(np.isfinite(path_px).all())
    if protocol.trail and not known:
        raise ValueError("displacements unknown")
    frames = clip.frames
    if protocol.view == "field":
        frames, path_px = recordings.field(name) or field_of(frames, path_px)
    _, height, width = frames.shape
    return Sheet(
        hash=write_sheet(folder, frames),
        content=content_hash(clip.frames, clip.time_s, clip.xy_um, clip.observed),
        name=name,
        donor=clip.donor,
        sample=clip.sample,
        columns=tiled(frames[:, :1, :1]).shape[1],
        width_px=width,
        height_px=height,
        um_per_px=clip.um_per_px if np.isfinite(clip.um_per_px) else None,
        time_s=tuple(np.round(clip.time_s - clip.time_s[0], 6).tolist()),
        path_px=tuple(map(tuple, np.round(path_px, 3).tolist())) if known else (),
    )


def _with_anchors(protocol: Protocol, sheets: Sequence[Sheet], anchors: Mapping[str, Sequence[str]]) -> Protocol:
    """The protocol with its anchor clips by hash; ``anchors`` stand in place of its own."""
    if unknown := [code for code in anchors if code not in protocol.codes]:
        raise ValueError(f"anchor {unknown[0]}: expected a grade of {', '.join(protocol.codes)}, found none")
    hashes = {sheet.hash: sheet.hash for sheet in sheets} | {sheet.name: sheet.hash for sheet in sheets}

    def known(code: str, name: str) -> str:
        if name not in hashes:
            raise ValueError(f"anchor {code}={name}: expected a clip of the study, found none")
        return hashes[name]

    grades = tuple(
        grade.model_copy(
            update={"anchors": tuple(known(grade.code, name) for name in anchors.get(grade.code, grade.anchors))}
        )
        for grade in protocol.grades
    )
    shown = {clip for grade in grades for clip in grade.anchors}
    if all(sheet.hash in shown for sheet in sheets):
        raise ValueError(f"study: expected a clip to rate besides its anchors, found {len(sheets)} clips, all anchors")
    return protocol.model_copy(update={"grades": grades})
