"""Forty raters at once on the rating server: how long a vote waits until it is on the disk, and what killing costs.

``python -m benchmarks.rating [--clips N] [--raters N] [--rate V] [--kills N] [--database URL]``. The server runs as
``spermscope rate serve``; raters are threads that sign in, fetch their clips' sheets (150 px, 16 frames) and vote at
random moments, ``rate`` votes a second together, until every presentation has a vote. The server is killed with -9
``kills`` times on the way and started again; raters then sign in again and send the vote that got no answer once more.
At the end every vote that was acknowledged must be there, once, in order, and the chain must verify. Times are from
sending to the receipt, of votes that were answered at once while nobody was signing in: what waits for a restart is not
among them. Without ``--database`` PostgreSQL is measured too where ``SPERMSCOPE_POSTGRESQL`` has its URL.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from sqlalchemy import create_engine, text

from spermscope.dataset import DatasetWriter, Form
from spermscope.rating.creating import new_study
from spermscope.rating.opening import open_study
from spermscope.rating.protocol import Protocol
from spermscope.rating.values import Receipt
from spermscope.rating.verifying import verify
from spermscope.types import Clip

SEED, PASSPHRASE = 615, "forty raters at once"
SLOWEST_MS = 100.0
"""What 99 of 100 votes wait at the most."""


def make_study(folder: Path, clips: int, raters: int, database: str | None, side_px: int = 150) -> int:
    """A started study of noise pictures, 10 clips a donor, whose raters have joined; how many votes it asks for."""
    rng = np.random.default_rng(SEED)
    with DatasetWriter(folder / "clips", Form(size_px=side_px)) as writer:
        for number in range(clips):
            frames = rng.integers(0, 256, (16, side_px, side_px), np.uint8)
            seen = np.arange(16) / 15, np.zeros((16, 2)), np.ones(16, bool)
            writer.add(f"c{number}", Clip(number, frames, *seen, 0.5, f"D{number // 10}", "S"))
    new_study(folder / "study", [folder / "clips"], Protocol(raters=raters, seed=SEED))
    with open_study(folder / "study", database) as study:
        study.start()
        joined = [study.join(study.invite("rater"), PASSPHRASE).pseudonym for _ in range(raters)]
        return sum(len(study.turns.of(name)) for name in joined)


@dataclass
class Came:
    """What was acknowledged, whatever became of the server."""

    receipts: dict[tuple[str, int], Receipt] = field(default_factory=dict)
    waited_ms: list[float] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    contradicted: int = 0
    signing_in: int = 0
    lock: Lock = field(default_factory=Lock)

    def sign_in(self, step: int) -> None:
        """How many are about to sign in, +1 or -1."""
        with self.lock:
            self.signing_in += step

    def take(self, rater: str, number: int, receipt: Receipt, waited_ms: float | None) -> None:
        """One receipt; the time where the vote was answered at once and nobody is signing in."""
        with self.lock:
            self.at_s.append(time.perf_counter())
            quiet = waited_ms is not None and not self.signing_in
            self.contradicted += self.receipts.setdefault((rater, number), receipt) != receipt
            if quiet:
                self.waited_ms.append(waited_ms)


class Rater(Thread):
    """Votes from the first presentation to the last, through every restart."""

    def __init__(self, name: str, port: int, mean_gap_s: float, came: Came) -> None:
        super().__init__(name=name, daemon=True)
        self._port, self._gap_s, self._came = port, mean_gap_s, came
        self._rng = np.random.default_rng([SEED, int(name[1:])])
        self._door: http.client.HTTPConnection | None = None
        self._headers: dict[str, str] = {}
        came.sign_in(+1)

    def run(self) -> None:
        """Until nothing is left."""
        self._patiently("GET", "/api/me")
        while self._came.signing_in:
            time.sleep(0.1)
        time.sleep(self._rng.uniform(0, self._gap_s))
        while coming := self._patiently("GET", "/api/next?count=24")[0]["presentations"]:
            for shown in coming:
                self._vote(shown)
        self._leave()
        self._came.sign_in(-1)

    def _vote(self, shown: dict[str, Any]) -> None:
        self._patiently("GET", f"/sheets/{shown['id']}.png")
        vote = {
            "id": str(uuid5(NAMESPACE_OID, shown["id"])),
            "presentation": shown["id"],
            "grade": "ABCDE"[self._rng.integers(5)],
            "elapsed_ms": 1000,
            "display_width_px": 1280,
            "display_height_px": 720,
            "display_scale": 1.0,
            "app_version": "benchmark",
            "protocol_version": 1,
        }
        receipt, waited_ms = self._patiently("POST", "/api/votes", vote)
        self._came.take(self.name, shown["number"], Receipt(**receipt), waited_ms)
        time.sleep(self._rng.exponential(self._gap_s))

    def _patiently(self, method: str, path: str, body: Any = None) -> tuple[Any, float | None]:
        """The answer, however often it takes; and how long it took where once was enough."""
        once = True
        while True:
            try:
                if self._door is None:
                    once = False
                    self._door = self._sign_in()
                    self._came.sign_in(-1)
                sent_s = time.perf_counter()
                status, found = self._ask(self._door, method, path, body)
                if status == 200:
                    return found, 1e3 * (time.perf_counter() - sent_s) if once else None
                if status != 401:
                    raise RuntimeError(f"{self.name}: {method} {path}: {status} {found}")
            except (OSError, http.client.HTTPException):
                time.sleep(0.1)
            self._leave()

    def _leave(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None
            self._came.sign_in(+1)

    def _sign_in(self) -> http.client.HTTPConnection:
        door, self._headers = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60), {}
        try:
            self._ask(door, "POST", "/api/session", {"pseudonym": self.name, "passphrase": PASSPHRASE})
            self._headers["X-CSRF-Token"] = self._ask(door, "GET", "/api/me")[1]["token"]
        except (OSError, http.client.HTTPException):
            door.close()
            raise
        return door

    def _ask(self, door: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        content = None if body is None else json.dumps(body)
        door.request(method, path, content, self._headers | {"Content-Type": "application/json"})
        answer = door.getresponse()
        found = answer.read()
        if cookie := answer.getheader("set-cookie"):
            self._headers["Cookie"] = cookie.partition(";")[0]
        return answer.status, found if path.startswith("/sheets") else json.loads(found)


def run(folder: Path, database: str | None, raters: int, votes_per_s: float, votes: int, kills: int) -> Came:
    """Until every presentation has a vote, with ``kills`` kills spread over them at random."""
    rng, came = np.random.default_rng(SEED), Came()
    at = np.sort(rng.integers(0, max(votes - 2 * raters, 1), kills)).tolist()
    port, server = _free_port(), None
    everyone = [Rater(f"R{number:03d}", port, raters / votes_per_s, came) for number in range(1, raters + 1)]
    try:
        server = _serve(folder, database, port)
        for rater in everyone:
            rater.start()
        while any(rater.is_alive() for rater in everyone):
            time.sleep(rng.uniform(0.0, 0.05))
            if at and len(came.receipts) > at[0]:
                at.pop(0)
                server.kill()
                server.wait()
                server = _serve(folder, database, port)
            if server.poll() is not None:
                raise RuntimeError(f"the server ended with {server.returncode}")
    finally:
        if server is not None:
            server.terminate()
            server.wait()
    return came


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
    return port


def _serve(folder: Path, database: str | None, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "spermscope.cli", "rate", "serve", str(folder), "--port", str(port)]
    return subprocess.Popen(command + (["--database", database] if database else []), stdout=subprocess.DEVNULL)


def measure(database: str | None, clips: int, raters: int, votes_per_s: float, kills: int) -> int:
    """Print one row; how many things are wrong."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        votes = make_study(folder, clips, raters, database)
        came = run(folder / "study", database, raters, votes_per_s, votes, kills)
        took_s = came.at_s[-1] - came.at_s[0]
        found = verify(folder / "study", database, list(came.receipts.values()))
        with open_study(folder / "study", database) as study:
            there = [row.id for row in study.ledger.rows("vote")]
    if database:
        forget(database, study.study_id)
    lost = len({receipt.vote for receipt in came.receipts.values()} - set(there))
    doubled, missing = len(there) - len(set(there)), votes - len(there)
    middle, high, most = np.percentile(came.waited_ms, [50, 99, 100])
    wrong = (lost, doubled, missing, len(found.flaws) + came.contradicted)
    where = "PostgreSQL" if database else "SQLite"
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
        connection.execute(text(f"DROP FUNCTION only_added_ledger_{study_id}"))
    engine.dispose()


def main() -> int:
    """Run it; 0 when nothing was lost and p99 is 100 ms at the most."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=int, default=615)
    parser.add_argument("--raters", type=int, default=40)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--database")
    given = parser.parse_args()
    sys.stdout.write(
        "| votes in | raters x clips | votes | offered /s | taken /s | kills | lost | doubled | missing | flaws | "
        "median ms | p99 ms | most ms |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    sys.stdout.flush()
    databases = [given.database] if given.database else [None, *filter(None, [os.environ.get("SPERMSCOPE_POSTGRESQL")])]
    wrong = [measure(database, given.clips, given.raters, given.rate, given.kills) for database in databases]
    return int(any(wrong))


if __name__ == "__main__":
    sys.exit(main())
