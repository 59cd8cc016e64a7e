"""A locked study's agreement: its votes as arrays, and the report that is written of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from spermscope.agreement import AgreementStudy, Repeats, StudyFacts
from spermscope.labels import MISSING
from spermscope.metrics.intervals import RESAMPLES
from spermscope.rating.ledger import STATE
from spermscope.rating.opening import Study
from spermscope.rating.sheets import Frames, Sheet, read_frames
from spermscope.rating.values import VoteRow, VotesTable
from spermscope.report.agreement import write_agreement

Language = Literal["en", "ja"]


def report_study(study: Study, out: Path, language: Language = "en", *, resamples: int = RESAMPLES) -> Path:
    """Write a locked study's agreement into a folder: the page, which is given, and its tables.

    Clips go by the hash that raters saw, raters by pseudonym; donors are counted, not named.

    Raises
    ------
    Refused
        ``unlocked``, before the lock.
    ValueError
        When the study is a package (its votes go back as answers).
    """
    arrays = agreement_study(study, language)

    def pictures(clip: str) -> tuple[Frames, float]:
        sheet = study.sheets[clip]
        return read_frames(study.folder, sheet), _seconds(sheet)

    return write_agreement(out, arrays, pictures, language, resamples=resamples)


def agreement_study(study: Study, language: Language = "en") -> AgreementStudy:
    """The votes that count of a locked study, and what its protocol says in that language.

    Clips without a donor's code are taken for one donor's. Raises as ``report_study`` does.
    """
    table = study.votes_table()
    if study.file.pseudonym is not None:
        raise ValueError(f"{study.folder}: expected a whole study, found a rater's package (rate answer)")
    clip = {name: row for row, name in enumerate(table.clips)}
    rater = {name: column for column, name in enumerate(table.raters)}
    shape, reasons = (len(clip), len(rater)), study.protocol.reasons
    votes, why, blocks = (np.full(shape, MISSING, np.int64) for _ in range(3))
    time_s, due = np.full(shape, np.nan), np.zeros(shape, np.bool_)
    for name, column in rater.items():
        due[[clip[turn.shown.clip] for turn in study.turns.of(name)], column] = True
    for row in table.rows:
        if row.occurrence == 1:
            at = clip[row.clip], rater[row.rater]
            votes[at], blocks[at], time_s[at] = row.grade, row.block - 1, row.elapsed_ms / 1000.0
            why[at] = reasons.index(row.reason) if row.reason else MISSING
    return AgreementStudy(
        name=study.folder.resolve().name,
        clips=table.clips,
        donors=np.unique(np.array(table.donors, np.str_), return_inverse=True)[1],
        raters=table.raters,
        grades=table.grades,
        reason_names=reasons,
        votes=votes,
        reasons=why,
        due=due,
        blocks=blocks,
        time_s=time_s,
        repeats=_repeats(table, clip, rater),
        facts=_facts(study, language),
    )


def _repeats(table: VotesTable, clip: dict[str, int], rater: dict[str, int]) -> Repeats:
    rows = [(rater[one.rater], clip[one.clip], one.grade, two.grade) for one, two in _seen_again(table)]
    found = np.array(rows, np.int64).reshape(-1, 4)
    return Repeats(found[:, 0], found[:, 1], found[:, 2:])


def _seen_again(table: VotesTable) -> Iterator[tuple[VoteRow, VoteRow]]:
    first = {(row.rater, row.clip): row for row in table.rows if row.occurrence == 1}
    for row in table.rows:
        if row.occurrence > 1:
            yield first[row.rater, row.clip], row


def _facts(study: Study, language: Language) -> StudyFacts:
    rules = study.protocol
    times = {entry.content["state"]: entry.content["time"] for entry in reversed(list(study.ledger.rows(STATE)))}
    return StudyFacts(
        question=getattr(rules.question, language),
        labels=tuple(getattr(grade.label, language) for grade in rules.grades),
        view=rules.view_name,
        anchors=sum(len(grade.anchors) for grade in rules.grades),
        seats=rules.raters,
        per_clip=rules.raters_per_clip,
        repeats_share=rules.repeats_share,
        block=rules.block,
        seed=rules.seed,
        protocol_version=rules.version,
        started=times.get("open", ""),
        locked=times.get("locked", ""),
        simulated=study.file.simulated,
    )


def _seconds(sheet: Sheet) -> float:
    """How long a clip lasts: its last frame is shown for the mean time of the others."""
    return sheet.time_s[-1] * len(sheet.time_s) / max(len(sheet.time_s) - 1, 1)
