"""A locked study as a data set that ``train`` reads, and what a data set has no place for beside it."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from spermscope.dataset import DatasetWriter, open_dataset
from spermscope.dataset.writer import Vote
from spermscope.labels import MISSING
from spermscope.rating.creating import SOURCE, gather
from spermscope.rating.opening import Study
from spermscope.rating.protocol import FILE as PROTOCOL
from spermscope.rating.values import Receipt, VotesTable

ROWS, HEAD = "rating.csv", "head.json"
_COLUMNS = ("clip", "sheet", "rater", "grade", "reason", "occurrence", "number", "block", "elapsed_ms", "time")


@dataclass(frozen=True, slots=True)
class Exported:
    """How much there was."""

    clips: int
    votes: int
    cannot_judge: int


def export_study(study: Study, out: Path) -> Exported:
    """Write a locked study into a new folder.

    The data set has the rated clips, the protocol's grades and every vote that counts, hidden repeats as presentation
    2. Beside it lie ``rating.csv`` (every row that counts, "cannot judge" among them, with number, block and time;
    ``sheet`` is the clip's name in reports), ``head.json`` (the signed head of the chain, a receipt for ``verify``)
    and ``protocol.json``. No name of a person, no passphrase, no key.

    Raises
    ------
    Refused
        ``unlocked``, before the lock.
    ValueError
        When the folder is there, or the study is a package (its votes go out as answers).
    """
    table = study.votes_table()
    if study.file.pseudonym is not None:
        raise ValueError(f"{study.folder}: expected a whole study, found a rater's package (rate answer)")
    if out.exists():
        raise ValueError(f"{out}: expected a new folder, found one that exists")
    part = out.with_name(f"{out.name}.partial")
    shutil.rmtree(part, ignore_errors=True)
    names = {hash: study.sheets[hash].name for hash in table.clips}
    form = open_dataset(study.folder / SOURCE).form
    with DatasetWriter(part, form.model_copy(update={"grades": table.grades})):
        pass
    gather(part, study.folder / SOURCE, set(names.values()))
    given = [row for row in table.rows if row.grade != MISSING]
    with DatasetWriter(part) as writer:
        for row in given:
            grade = table.grades[row.grade]
            writer.vote(Vote(names[row.clip], row.rater, grade, row.occurrence, study.protocol.view_name, row.time))
    _write_rows(part / ROWS, table, names)
    head = study.head()
    receipt = Receipt("", study.study_id, head.seq, head.chain, head.signature)
    (part / HEAD).write_text(json.dumps(asdict(receipt), indent=1), encoding="utf-8")
    shutil.copyfile(study.folder / PROTOCOL, part / "protocol.json")
    part.replace(out)
    return Exported(len(names), len(given), len(table.rows) - len(given))


def _write_rows(path: Path, table: VotesTable, names: dict[str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, _COLUMNS, lineterminator="\n", extrasaction="ignore")
        out.writeheader()
        for row in table.rows:
            grade = "" if row.grade == MISSING else table.grades[row.grade]
            out.writerow(asdict(row) | {"clip": names[row.clip], "sheet": row.clip, "grade": grade})
