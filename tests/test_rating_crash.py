"""Killed in the midst of votes, on either database: what was acknowledged is there, once, in order."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ratings import new, new_vote, rate

from benchmarks import rating as benchmark
from spermscope.rating.opening import open_study
from spermscope.rating.values import Receipt, Refused
from spermscope.rating.verifying import verify

URL = os.environ.get("SPERMSCOPE_POSTGRESQL", "")
postgresql = pytest.param(
    URL, id="postgresql", marks=pytest.mark.skipif(not URL, reason="SPERMSCOPE_POSTGRESQL names no database (.ci/run)")
)
databases = pytest.mark.parametrize("database", [pytest.param(None, id="sqlite"), postgresql])


VOTES = """
import sys
from ratings import rate
from spermscope.rating.opening import open_study

with open_study(sys.argv[1]) as study:
    for rater in ("R001", "R002", "R003"):
        while receipts := rate(study, rater, 1):
            print(receipts[0].vote, receipts[0].seq, receipts[0].chain, receipts[0].signature, flush=True)
"""


def killed_after(folder, count):
    """The receipts that a process printed before it was killed in the midst of voting."""
    command, receipts = [sys.executable, "-c", VOTES, str(folder)], []
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
    ) as process:
        for line in process.stdout:
            if len(receipts) == count:
                process.kill()
            if line.endswith("\n"):
                receipts.append(line.split())
    return process.returncode, receipts


def test_every_acknowledged_vote_survives_a_kill(tmp_path):
    with open_study(new(tmp_path / "s")) as study:
        study.start()
    codes, lines = zip(*(killed_after(tmp_path / "s", count) for count in (7, 11)), strict=True)
    assert set(codes) == {-signal.SIGKILL}
    receipts = [Receipt(vote, study.study_id, int(seq), *signed) for part in lines for vote, seq, *signed in part]
    assert len(receipts) >= 18
    found = verify(tmp_path / "s", receipts=receipts)
    assert found.flaws == ()
    with open_study(tmp_path / "s") as study:
        there = [row.id for row in study.ledger.rows("vote")]
        assert {receipt.vote for receipt in receipts} <= set(there)
        rate(study, "R003")
    assert verify(tmp_path / "s", receipts=receipts).flaws == ()


@pytest.mark.slow
@databases
def test_every_vote_that_the_server_acknowledged_survives_its_kills(tmp_path, database):
    votes = benchmark.make_study(tmp_path, 14, 4, database, side_px=8)
    came = benchmark.run(tmp_path / "study", database, 4, 100.0, votes, 3)
    found = verify(tmp_path / "study", database, list(came.receipts.values()))
    assert found.flaws == ()
    assert len(came.receipts) == votes == 60
    with open_study(tmp_path / "study", database) as study:
        there = [row.id for row in study.ledger.rows("vote")]
    assert sorted(there) == sorted(receipt.vote for receipt in came.receipts.values())
    assert came.contradicted == 0
    if database:
        benchmark.forget(database, study.study_id)


@databases
def test_a_study_is_the_same_in_either_database(tmp_path, database):
    folder = new(tmp_path / "s")
    with open_study(folder, database) as study:
        study.start()
        receipts = rate(study, "R001")
        vote = new_vote(study.next_presentations("R002", 1)[0])
        assert study.vote("R002", vote) == study.vote("R002", vote)
        with pytest.raises(Refused, match="another vote has this id"):
            study.vote("R002", vote.model_copy(update={"grade": "E"}))
        study.lock()
        assert len(study.votes_table().rows) == 13
    with open_study(folder, database) as study:
        assert study.state == "locked"
        assert study.progress("R001").done == 12
        assert study.ledger.by_id(receipts[4].vote).seq == receipts[4].seq
    assert verify(folder, database, receipts).flaws == ()
    if database:
        assert not (folder / "rating.db").exists()
        benchmark.forget(database, study.study_id)


@pytest.mark.skipif(not URL, reason="SPERMSCOPE_POSTGRESQL names no database (.ci/run)")
def test_no_statement_changes_a_row_in_postgresql(tmp_path):
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import DBAPIError

    with open_study(new(tmp_path / "s"), URL) as study:
        study.start()
        engine = create_engine(URL)
        for statement in ("UPDATE {} SET body = ''", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(DBAPIError, match="only ever added"), engine.begin() as connection:
                connection.execute(text(statement.format(f"ledger_{study.study_id}")))
        engine.dispose()
    assert verify(tmp_path / "s", URL).flaws == ()
    benchmark.forget(URL, study.study_id)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("mysql://localhost/x", "expected"),
        ("no url", "expected a URL such as postgresql"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "expected a database"),
    ],
)
def test_what_is_no_database_is_told_in_a_line_without_its_password(tmp_path, url, line):
    with pytest.raises(ValueError, match=line) as caught:
        open_study(new(tmp_path / "s"), url)
    assert "secret" not in str(caught.value)
    open_study(tmp_path / "s").close()
