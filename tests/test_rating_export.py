"""A locked study becomes a data set that everything else reads, and the commands say what they did."""

import csv
import json
import uuid

import numpy as np
import pytest
from click.testing import CliRunner
from ratings import clips_of_noise, new, new_vote, rate, started
from studies import noise_study

from spermscope.cli import commands
from spermscope.dataset import check, open_dataset, sound_dataset
from spermscope.importing.ratings import import_ratings
from spermscope.rating.creating import new_study
from spermscope.rating.exporting import export_study
from spermscope.rating.opening import open_study
from spermscope.rating.packages import unpack, write_package
from spermscope.rating.protocol import GRADES, Protocol
from spermscope.rating.reporting import agreement_study
from spermscope.rating.values import Refused
from spermscope.rating.verifying import read_receipts, verify
from spermscope.rating.web.shown import protocol_for
from spermscope.training.fitting import FitSettings
from spermscope.training.network import train_network
from spermscope.training.protocol import Cell


def vote_all(study, raters, rng):
    """Every presentation of those raters, at random; one clip in ten cannot be judged."""
    for rater in raters:
        for turn in study.turns.of(rater):
            grade = None if rng.random() < 0.1 else "ABCDE"[rng.integers(5)]
            study.vote(rater, new_vote(turn.shown, grade, reason=None if grade else "out_of_focus"))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("e")
    with started(folder / "s") as study:
        vote_all(study, ("R001", "R002", "R003"), np.random.default_rng(5))
        again = study.undo_last("R003")
        study.vote("R003", new_vote(again, "E", replaces=uuid.UUID(again.replaces)))
        study.lock()
        table = study.votes_table()
        done = export_study(study, folder / "out")
    return folder, table, done


def test_every_vote_that_counts_is_in_the_data_set_and_nothing_else(exported):
    folder, table, done = exported
    data = open_dataset(folder / "out")
    names = dict(zip(table.clips, data.items.clip.tolist(), strict=True))
    expected = sorted(
        (names[row.clip], row.rater, row.grade, row.occurrence, "head", row.time)
        for row in table.rows
        if not row.reason
    )
    votes = data.votes
    found = zip(
        data.items.clip[votes.row].tolist(),
        votes.rater.tolist(),
        votes.grade.tolist(),
        votes.presentation.tolist(),
        votes.view.tolist(),
        votes.time.tolist(),
        strict=True,
    )
    assert sorted(found) == expected
    assert (done.clips, done.votes, done.cannot_judge) == (10, len(expected), 36 - len(expected))
    assert done.cannot_judge > 0
    with (folder / "out" / "rating.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    assert sum(row["reason"] == "out_of_focus" for row in rows) == done.cannot_judge
    assert {row["occurrence"] for row in rows} == {"1", "2"}
    assert {row["sheet"]: row["clip"] for row in rows} == names


def test_clips_and_codes_are_the_sources_to_the_bit(exported):
    source, out = open_dataset(clips_of_noise()), open_dataset(exported[0] / "out")
    assert out.items.clip.tolist() == source.items.clip.tolist()
    assert out.items.donor.tolist() == source.items.donor.tolist()
    for name in ("frames", "time_s", "xy_um", "observed"):
        rows = range(len(source))
        np.testing.assert_array_equal(getattr(out.clips(rows), name), getattr(source.clips(rows), name))


def test_the_check_is_content(exported):
    assert not [finding.sentence() for finding in check(exported[0] / "out") if finding.refuses]
    sound_dataset(exported[0] / "out")


def test_the_votes_can_be_merged_into_the_data_set_whose_clips_were_rated(exported, tmp_path):
    rated = noise_study(tmp_path / "d", clips=10, donors=5, raters=0)
    given = open_dataset(exported[0] / "out").votes
    assert import_ratings(exported[0] / "out", rated).taken == len(given)
    assert import_ratings(exported[0] / "out" / "votes.csv", rated).taken == 0
    np.testing.assert_array_equal(
        open_dataset(rated).distributions(), open_dataset(exported[0] / "out").distributions()
    )


@pytest.mark.slow
def test_a_network_trains_on_it(toy_network, tmp_path):
    noise_study(tmp_path / "d", clips=30, donors=10)
    new_study(tmp_path / "s", [tmp_path / "d"], Protocol(raters=4, raters_per_clip=2, seed=1))
    with open_study(tmp_path / "s") as study:
        study.start()
        vote_all(study, ("R001", "R002", "R003", "R004"), np.random.default_rng(0))
        study.lock()
        export_study(study, tmp_path / "out")
    made = train_network(
        tmp_path / "out", tmp_path / "toy.spermscope", Cell(0, 0, "emd", "toy"), FitSettings(epochs=1, batch=4)
    )
    assert made.is_file()


def test_the_head_in_an_export_is_a_receipt(exported):
    folder = exported[0]
    receipts = read_receipts(folder / "out" / "head.json")
    assert receipts[0].seq == 39
    assert not verify(folder / "s", receipts=receipts).flaws
    told = json.loads((folder / "out" / "protocol.json").read_text(encoding="utf-8"))
    assert told["study_id"] == receipts[0].study_id


def test_an_export_holds_no_key_and_no_person(exported):
    folder = exported[0]
    names = {path.name for path in (folder / "out").rglob("*")}
    assert not names & {"keys", "people.db", "signing.pem", "rating.db", "anchors.log"}


def test_only_a_locked_study_is_exported_into_a_new_folder(tmp_path):
    with started(tmp_path / "s") as study:
        rate(study, "R001", 2)
        with pytest.raises(Refused):
            export_study(study, tmp_path / "out")
        study.lock()
        (tmp_path / "out").mkdir()
        with pytest.raises(ValueError, match="expected a new folder"):
            export_study(study, tmp_path / "out")


def test_other_grades_are_the_data_sets(tmp_path):
    rules = Protocol(raters=1, grades=tuple(grade for grade in GRADES if grade.code in "ACE"))
    new_study(tmp_path / "s", [clips_of_noise()], rules, anchors={"A": ["c1"]})
    with open_study(tmp_path / "s") as study:
        study.start()
        rate(study, "R001", grade="C")
        study.lock()
        export_study(study, tmp_path / "out")
    data = open_dataset(tmp_path / "out")
    assert data.grades == ("A", "C", "E")
    assert "c1" not in data.items.clip.tolist()
    np.testing.assert_array_equal(data.distributions(), np.tile([0.0, 1.0, 0.0], (9, 1)))


def run(*words):
    done = CliRunner().invoke(commands, [*map(str, words)], standalone_mode=False)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_the_commands_lead_from_clips_to_a_data_set(tmp_path):
    place = {name: tmp_path / name for name in ("s", "p", "mine", "answers", "out")}
    words = ("--raters", 2, "--repeats", 0.2, "--anchor", "A=c0", "--start")
    made = run("rate", "new", place["s"], "--from", clips_of_noise(), *words)
    assert made.stdout.startswith(f"{place['s']}: 10 clips\ncoordinator's code: ")
    assert len(made.stdout.split()[-1]) == 19
    assert "R002" in run("rate", "package", place["s"], "--rater", "R002", "--out", place["p"]).stdout
    assert "rater's code" in run("rate", "unpack", place["p"], "--out", place["mine"]).stdout
    with open_study(place["mine"]) as mine:
        rate(mine, "R002")
    assert run("rate", "answer", place["mine"], "--out", place["answers"]).stdout == f"{place['answers']}: 11 votes\n"
    merged = run("rate", "merge", place["s"], place["answers"], place["answers"])
    assert [line.partition(": ")[2] for line in merged.stdout.splitlines()] == [
        "11 votes taken, 0 there already",
        "0 votes taken, 11 there already",
    ]
    with pytest.raises(ValueError, match="shown once the study is locked"):
        run("rate", "export", place["s"], "--out", place["out"])
    with open_study(place["s"]) as study:
        rate(study, "R001")
        study.lock()
    assert run("rate", "export", place["s"], "--out", place["out"]).stdout.endswith(
        "9 clips, 22 votes, 0 that could not be judged\n"
    )
    sound = run("rate", "verify", place["s"], "--receipt", place["out"] / "head.json")
    assert (sound.return_value, sound.stdout) == (0, "25 rows, 25 of them anchored: every one is as it was written\n")


def test_a_study_and_a_package_begin_in_the_database_that_they_go_on_in(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'votes.db'}"
    unreached = f"sqlite:///{tmp_path / 'nowhere' / 'votes.db'}"
    with pytest.raises(ValueError, match="expected a database"):
        run("rate", "new", tmp_path / "s", "--from", clips_of_noise(), "--database", unreached)
    assert not (tmp_path / "s").exists()
    run("rate", "new", tmp_path / "s", "--from", clips_of_noise(), "--raters", 2, "--database", url, "--start")
    assert run("rate", "verify", tmp_path / "s", "--database", url).return_value == 0
    monkeypatch.setenv("SPERMSCOPE_DATABASE", url)
    run("rate", "package", tmp_path / "s", "--rater", "R002", "--out", tmp_path / "p")
    run("rate", "unpack", tmp_path / "p", "--out", tmp_path / "mine")
    with open_study(tmp_path / "mine", url) as mine:
        assert mine.state == "open"
    assert run("rate", "answer", tmp_path / "mine", "--out", tmp_path / "a").stdout.endswith("0 votes\n")
    assert not [*tmp_path.rglob("rating.db")]


@pytest.mark.slow
def test_verify_exits_with_2_and_names_what_it_found(tmp_path):
    folder = new(tmp_path / "s")
    with open_study(folder) as study:
        study.start()
    (folder / "anchors.log").unlink()
    found = run("rate", "verify", folder, "--language", "ja")
    assert (found.return_value, found.stdout) == (2, "anchors.log: この研究の署名が一つもありません\n")
    told = json.loads(run("rate", "verify", folder, "--json").stdout)
    assert [flaw["kind"] for flaw in told["flaws"]] == ["no_anchors"]


def test_a_protocol_from_a_file_is_used_and_options_stand_above_it(tmp_path):
    (tmp_path / "p.json").write_text('{"view": "field", "seed": 4, "raters": 5}', encoding="utf-8")
    run("rate", "new", tmp_path / "s", "--from", clips_of_noise(), "--protocol", tmp_path / "p.json", "--seed", 9)
    with open_study(tmp_path / "s") as study:
        assert (study.protocol.view, study.protocol.seed, study.protocol.raters) == ("field", 9, 5)
        assert study.state == "draft"


def test_a_simulated_set_is_called_so_on_the_pages_and_its_truth_comes_along(tmp_path):
    run("simulate", "study", "--out", tmp_path / "d", "--clips", 4, "--donors", 1, "--raters", 2, "--processes", 1)
    new_study(tmp_path / "s", [tmp_path / "d"], Protocol(raters=2))
    with open_study(tmp_path / "s") as study:
        assert protocol_for(study)["simulated"]
        study.start()
        write_package(study, "R002", tmp_path / "p")
        rate(study, "R001")
        study.lock()
        export_study(study, tmp_path / "out")
        assert agreement_study(study).facts.simulated
    assert unpack(tmp_path / "p", tmp_path / "mine").simulated
    np.testing.assert_array_equal(open_dataset(tmp_path / "out").truth(), open_dataset(tmp_path / "d").truth())


def test_people_are_listed_and_forgotten(tmp_path):
    folder = new(tmp_path / "s")
    code = run("rate", "invite", folder, "--name", "Sato").stdout.strip()
    with open_study(folder) as study:
        study.join(code, "long enough")
    assert run("rate", "people", folder).stdout == "R001\tSato\n"
    with pytest.raises(ValueError, match="found R002"):
        run("rate", "people", folder, "--erase", "R002")
    assert run("rate", "people", folder, "--erase", "R001").stdout == f"{folder}: 1 forgotten\n"
    assert run("rate", "people", folder).stdout == "R001\t\n"
