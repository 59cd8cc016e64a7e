"""Killed in the midst of votes, on either database: what was acknowledged is there, once, in order."""

import os

import pytest
from ratings import new, new_vote, rate

from benchmarks import rating as benchmark
from spermscope.rating.opening import open_study
from spermscope.rating.values import Refused
from spermscope.rating.verifying import verify

URL = os.environ.get("SPERMSCOPE_POSTGRESQL", "")
postgresql = pytest.param(
    URL, id="postgresql", marks=pytest.mark.skipif(not URL, reason="SPERMSCOPE_POSTGRESQL names no database (.ci/run)")
)
databases = pytest.mark.parametrize("database", [pytest.param(None, id="sqlite"), postgresql])


@databases
def test_every_acknowledged_vote_survives_two_kills(tmp_path, database):
    votes = benchmark.make_study(tmp_path, 6, 12, database)
    came = benchmark.run(tmp_path / "study", database, 12, 400.0, votes, 2)
    found = verify(tmp_path / "study", database, list(came.receipts.values()))
    assert found.flaws == ()
    assert len(came.receipts) == votes == 72
    with open_study(tmp_path / "study", database) as study:
        there = [row.id for row in study.ledger.rows("vote")]
    assert sorted(there) == sorted(receipt.vote for receipt in came.receipts.values())
    assert came.contradicted == 0


@databases
def test_a_study_is_the_same_in_either_database(tmp_path, database):
    folder = new(tmp_path / "s")
    with open_study(folder, database) as study:
        if study.state != "draft":
            benchmark.forget(database, study.study_id)
            pytest.fail("the database held this study already")
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
