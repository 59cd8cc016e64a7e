"""Forty raters at once: how long a vote waits until it is on the disk, and what killing the process costs.

``python -m benchmarks.rating [--clips N] [--raters N] [--rate V] [--kills N] [--database URL]``. Raters vote in threads
of one process, at random moments, ``rate`` votes a second together, until every presentation has a vote. The process is
killed with -9 ``kills`` times on the way and started again; each rater then sends the last vote once more. At the end
every vote that was acknowledged must be there, once, in order, and the chain must verify. Times are from sending to the
receipt; the waits that a restart causes are not among them. Without ``--database`` PostgreSQL is measured too where
``SPERMSCOPE_POSTGRESQL`` has its URL.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from sqlalchemy import create_engine, text

from spermscope.dataset import DatasetWriter, Form
from spermscope.rating.creating import new_study
from spermscope.rating.opening import Study, open_study
from spermscope.rating.protocol import Protocol
from spermscope.rating.values import NewVote, Presentation, Receipt
from spermscope.rating.verifying import verify
from spermscope.types import Clip

SIDE_PX, SEED = 8, 615
SLOWEST_MS = 100.0
"""What 99 of 100 votes wait at the most."""


def make_study(folder: Path, clips: int, raters: int, database: str | None) -> int:
    """A started study of tiny noise pictures, 10 clips a donor; how many votes it asks for."""
    rng = np.random.default_rng(SEED)
    with DatasetWriter(folder / "clips", Form(size_px=SIDE_PX)) as writer:
        for number in range(clips):
            frames = rng.integers(0, 256, (16, SIDE_PX, SIDE_PX), np.uint8)
            seen = np.arange(16) / 15, np.zeros((16, 2)), np.ones(16, bool)
            writer.add(f"c{number}", Clip(number, frames, *seen, 0.5, f"D{number // 10}", "S"))
    new_study(folder / "study", [folder / "clips"], Protocol(raters=raters, seed=SEED))
    with open_study(folder / "study", database) as study:
        study.start()
        return sum(len(study.turns.of(name)) for name in names(raters))


def names(raters: int) -> list[str]:
    """Of the seats."""
    return [f"R{number:03d}" for number in range(1, raters + 1)]


def vote_of(rater: str, shown: Presentation, study_id: str) -> NewVote:
    """The vote that this rater gives there: always the same one, under the same id."""
    grade = "ABCDE"[hash_of(f"{rater}/{shown.clip}") % 5]
    return NewVote(
        id=uuid5(NAMESPACE_OID, f"{study_id}/{rater}/{shown.number}"),
        presentation=shown.id,
        grade=grade,
        elapsed_ms=1000 + shown.number,
        display_width_px=1280,
        display_height_px=720,
        display_scale=1.0,
        app_version="benchmark",
        protocol_version=1,
    )


def hash_of(word: str) -> int:
    """The same number in every process."""
    return uuid5(NAMESPACE_OID, word).int


def rate(study: Study, rater: str, mean_gap_s: float, seed: int) -> None:
    """Send the last vote once more, then vote until the end; a line on stdout for each receipt."""
    rng, turns = np.random.default_rng([seed, hash_of(rater) % 2**32]), study.turns.of(rater)
    done = study.progress(rater).done
    time.sleep(rng.uniform(0, mean_gap_s))
    for turn in turns[max(done - 1, 0) :]:
        vote, sent_s = vote_of(rater, turn.shown, study.study_id), time.perf_counter()
        receipt = study.vote(rater, vote)
        waited_ms = 1e3 * (time.perf_counter() - sent_s)
        words = (rater, turn.shown.number, receipt.vote, receipt.seq, receipt.chain, receipt.signature)
        sys.stdout.write(" ".join(map(str, (*words, f"{waited_ms:.3f}"))) + "\n")
        sys.stdout.flush()
        time.sleep(max(0.0, rng.exponential(mean_gap_s) - 1e-3 * waited_ms))


def serve(folder: Path, database: str | None, raters: int, votes_per_s: float) -> None:
    """What is killed: all raters at once on one study."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with open_study(folder, database) as study:
        seed = int(time.time())
        threads = [Thread(target=rate, args=(study, name, raters / votes_per_s, seed)) for name in names(raters)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sys.stdout.write("end\n")


class Acknowledged:
    """The receipts that came through, whatever became of the process."""

    def __init__(self, study_id: str) -> None:
        self._study_id = study_id
        self.receipts: dict[tuple[str, int], Receipt] = {}
        self.waited_ms: list[float] = []
        self.ended = False
        self.contradicted = 0

    def read(self, lines: list[str]) -> None:
        """Lines of one process; an unfinished last one was not acknowledged."""
        for line in lines:
            if line == "end\n":
                self.ended = True
            elif line.endswith("\n"):
                rater, number, vote, seq, chain, signature, waited = line.split()
                receipt = Receipt(vote, self._study_id, int(seq), chain, signature)
                self.contradicted += self.receipts.setdefault((rater, int(number)), receipt) != receipt
                self.waited_ms.append(float(waited))


def run(folder: Path, database: str | None, raters: int, votes_per_s: float, votes: int, kills: int) -> Acknowledged:
    """Until every presentation has a vote, with ``kills`` kills spread over them at random."""
    with open_study(folder, database) as study:
        came = Acknowledged(study.study_id)
    command = [sys.executable, "-m", "benchmarks.rating", "--serve", str(folder)]
    command += ["--raters", str(raters), "--rate", str(votes_per_s), *(["--database", database] if database else [])]
    rng = np.random.default_rng(SEED)
    at = np.sort(rng.integers(1, max(votes - raters, 2), kills)).tolist()
    while not came.ended:
        lines: list[str] = []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                lines.append(line)
                if at and len(came.receipts) + len(lines) > at[0]:
                    at.pop(0)
                    time.sleep(rng.uniform(0.0, 0.05))
                    process.kill()
        came.read(lines)
        if not at and process.returncode not in (0, -9):
            raise RuntimeError(f"the raters' process ended with {process.returncode}")
    return came


def measure(database: str | None, clips: int, raters: int, votes_per_s: float, kills: int) -> int:
    """Print one row; how many things are wrong."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        votes = make_study(folder, clips, raters, database)
        start_s = time.perf_counter()
        came = run(folder / "study", database, raters, votes_per_s, votes, kills)
        took_s = time.perf_counter() - start_s
        found = verify(folder / "study", database, list(came.receipts.values()))
        with open_study(folder / "study", database) as study:
            there = [row.id for row in study.ledger.rows("vote")]
    if database:
        forget(database, study.study_id)
    lost = len({receipt.vote for receipt in came.receipts.values()} - set(there))
    doubled, missing = len(there) - len(set(there)), votes - len(there)
    middle, high, most = np.percentile(came.waited_ms, [50, 99, 100])
    where = "PostgreSQL" if database else "SQLite"
    wrong = (lost, doubled, missing, len(found.flaws) + came.contradicted)
    counts = (where, f"{raters} x {clips}", votes, f"{votes_per_s:g}", f"{votes / took_s:.0f}", kills, *wrong)
    waits = (f"{middle:.1f}", f"{high:.1f}", f"{most:.0f}")
    sys.stdout.write(f"| {' | '.join(map(str, (*counts, *waits)))} |\n")
    sys.stdout.writelines(f"{flaw.sentence()}\n" for flaw in found.flaws[:5])
    sys.stdout.flush()
    return sum(wrong) + (high > SLOWEST_MS)


def forget(database: str, study_id: str) -> None:
    """Leave nothing in the database."""
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE ledger_{study_id}"))
    engine.dispose()


def main() -> int:
    """Run it; 0 when nothing was lost and p99 is 100 ms at the most."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=615)
    parser.add_argument("--raters", type=int, default=40)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--database")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.database, given.raters, given.rate)
        return 0
    sys.stdout.write(
        "| votes in | raters x clips | votes | offered /s | taken /s | kills | lost | doubled | missing | flaws | "
        "median ms | p99 ms | most ms |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    databases = [given.database] if given.database else [None, *filter(None, [os.environ.get("SPERMSCOPE_POSTGRESQL")])]
    wrong = [measure(database, given.clips, given.raters, given.rate, given.kills) for database in databases]
    return int(any(wrong))


if __name__ == "__main__":
    sys.exit(main())
