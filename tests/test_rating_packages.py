"""A rater's part goes out and comes back, once, and only as it was signed."""

import json
import shutil
import uuid
import zipfile

import pytest
from ratings import PASSPHRASE, new_vote, rate, started

from spermscope.rating.answers import merge_answers, write_answers
from spermscope.rating.keys import SigningKey, read_key
from spermscope.rating.opening import open_study
from spermscope.rating.packages import unpack, write_package
from spermscope.rating.values import Refused
from spermscope.rating.verifying import verify
from spermscope.rating.voting import vote_content


def refused(call, *arguments):
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value.key


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory):
    """A study with a package for R002, unpacked and begun: five votes, the last corrected."""
    folder = tmp_path_factory.mktemp("carried")
    with started(folder / "s") as study:
        rate(study, "R001", 3)
        assert write_package(study, "R002", folder / "p") == 12
    unpack(folder / "p", folder / "mine")
    with open_study(folder / "mine") as mine:
        mine.start()
        rate(mine, "R002", 5, "C")
        again = mine.undo_last("R002")
        mine.vote("R002", new_vote(again, "E", replaces=uuid.UUID(again.replaces)))
        assert write_answers(mine, folder / "answers") == 5
    return folder


@pytest.fixture
def carried(handed_out, tmp_path):
    return shutil.copytree(handed_out, tmp_path / "c")


def test_votes_come_back_once_with_their_ids_and_times(carried):
    with open_study(carried / "mine") as mine:
        given = [row.content for row in mine.ledger.rows("vote")]
    sent = [(row["id"], row["clip"], row["grade"], row["time"]) for row in given]
    with open_study(carried / "s") as study:
        assert merge_answers(study, carried / "answers") == (6, 0)
        assert merge_answers(study, carried / "answers") == (0, 6)
        rows = [row.content for row in study.ledger.rows("vote", "R002")]
        assert [(row["id"], row["clip"], row["grade"], row["time"]) for row in rows] == sent
        assert [row["grade"] for row in rows] == ["C"] * 5 + ["E"]
        assert study.progress("R002").done == 5
        assert study.progress("R001").done == 3
    assert not verify(carried / "s").flaws


def test_more_votes_come_back_later(carried):
    with open_study(carried / "s") as study:
        merge_answers(study, carried / "answers")
    with open_study(carried / "mine") as mine:
        rate(mine, "R002")
        write_answers(mine, carried / "answers")
    with open_study(carried / "s") as study:
        assert merge_answers(study, carried / "answers") == (7, 6)
        assert study.progress("R002").done == 12
        study.lock()
        assert merge_answers(study, carried / "answers") == (0, 13)
    assert not verify(carried / "s").flaws
    assert not verify(carried / "mine").flaws


def test_a_package_shows_the_same_clips_in_the_same_order_to_its_rater_alone(carried):
    with open_study(carried / "s") as study, open_study(carried / "mine") as mine:
        there = [turn.shown for turn in study.turns.of("R002")]
        here = [turn.shown for turn in mine.turns.of("R002")]
        assert [(one.clip, one.number, one.block) for one in here] == [
            (one.clip, one.number, one.block) for one in there
        ]
        assert refused(mine.next_presentations, "R001", 1) == "presentation"
        assert mine.join(mine.invite("rater"), PASSPHRASE).pseudonym == "R002"
        for one in here:
            assert study.clip(one.clip).frames == mine.clip(one.clip).frames


def test_a_package_holds_no_name_no_donor_and_no_other_key(carried):
    with zipfile.ZipFile(carried / "p") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert {name.partition("/")[0] for name in contents} == {
        *("manifest.json", "manifest.sig", "study.json", "clips.json", "keys", "clips")
    }
    told = json.loads(contents["clips.json"])
    assert {(row["name"], row["donor"], row["sample"], row["content"]) for row in told} == {("", "", "", "")}
    assert contents["keys/signing.pem"] != read_key(carried / "s").pem()


def test_who_has_voted_or_has_a_package_gets_none(carried, tmp_path):
    with open_study(carried / "s") as study:
        assert refused(write_package, study, "R001", tmp_path / "p1") == "voted"
        assert refused(write_package, study, "R002", tmp_path / "p2") == "package"
        for strange in ("R004", "bob"):
            with pytest.raises(ValueError, match=f"{strange}: expected a seat, R001 to R003, found none"):
                write_package(study, strange, tmp_path / "p4")
        study.pause()
        assert refused(write_package, study, "R003", tmp_path / "p3") == "paused"
        assert refused(merge_answers, study, carried / "answers") == "paused"
    assert not list(tmp_path.glob("p?"))


def test_a_package_that_could_not_be_written_takes_no_seat(carried):
    with open_study(carried / "s") as study:
        with pytest.raises(FileNotFoundError):
            write_package(study, "R003", carried / "nowhere" / "p")
        assert not study.carried("R003")
        sheet = next(iter(study.sheets.values()))
        kept = (carried / "s" / "clips" / f"{sheet.hash}.png").rename(carried / "away.png")
        with pytest.raises(FileNotFoundError):
            write_package(study, "R003", carried / "q")
        kept.rename(carried / "s" / "clips" / f"{sheet.hash}.png")
        assert not [*carried.glob("q*")]
        assert write_package(study, "R003", carried / "q") == 12


def test_a_lost_package_is_replaced_and_its_answers_are_not_taken_any_more(carried):
    with open_study(carried / "s") as study:
        assert refused(lambda: write_package(study, "R003", carried / "q", again=True)) == "no_package"
        assert write_package(study, "R002", carried / "q", again=True) == 12
        assert refused(merge_answers, study, carried / "answers") == "no_package"
        unpack(carried / "q", carried / "yours")
        with open_study(carried / "yours") as yours:
            yours.start()
            rate(yours, "R002", 2)
            write_answers(yours, carried / "new")
        assert merge_answers(study, carried / "new") == (2, 0)
        assert refused(lambda: write_package(study, "R002", carried / "r", again=True)) == "voted"
    assert not verify(carried / "s").flaws


def repacked(path, out, change):
    """The package with ``change`` applied to its contents by name."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    change(contents)
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return out


def another_picture(contents):
    one, other = [name for name in contents if name.endswith(".png")][:2]
    contents[one] = contents[other]


def another_order(contents):
    contents["study.json"] = contents["study.json"].replace(b"R002", b"R003")


def a_lost_picture(contents):
    del contents[next(name for name in contents if name.endswith(".png"))]


def another_manifest(contents):
    contents["manifest.json"] = contents["manifest.json"].replace(b'"schema_version":1', b'"schema_version": 1')


def signed_anew(contents, **changes):
    key = SigningKey()
    manifest = json.loads(contents["manifest.json"]) | {"public_key": key.public} | changes
    contents["manifest.json"] = json.dumps(manifest).encode()
    contents["manifest.sig"] = key.sign(json.dumps(manifest)).encode()


def a_name_that_leads_out(contents):
    name = "clips/../../../evil.png"
    contents[name] = b"evil"
    signed_anew(contents, files={**json.loads(contents["manifest.json"])["files"], name: "0" * 64})


def a_name_of_the_root(contents):
    contents["/tmp/evil.png"] = b"evil"
    signed_anew(contents, files={**json.loads(contents["manifest.json"])["files"], "/tmp/evil.png": "0" * 64})


def no_manifest(contents):
    del contents["manifest.json"]


@pytest.mark.parametrize(
    "change",
    [
        another_picture,
        another_order,
        a_lost_picture,
        another_manifest,
        a_name_that_leads_out,
        a_name_of_the_root,
        no_manifest,
    ],
)
def test_a_changed_package_is_refused_and_nothing_is_written(carried, change):
    path = repacked(carried / "p", carried / "q", change)
    before = sorted(carried.iterdir())
    with pytest.raises(ValueError, match="expected"):
        unpack(path, carried / "out")
    assert sorted(carried.iterdir()) == before


def test_what_stands_in_the_archive_but_not_in_the_manifest_is_left_there(carried):
    path = repacked(carried / "p", carried / "q", lambda contents: contents.update({"../evil.txt": b"evil"}))
    unpack(path, carried / "out")
    assert not list(carried.rglob("*evil*"))
    assert not list(carried.parent.glob("*evil*"))


def test_a_package_of_another_study_is_told_by_its_key(carried):
    public = read_key(carried / "s").public
    unpack(carried / "p", carried / "one", public)
    path = repacked(carried / "p", carried / "q", signed_anew)
    unpack(path, carried / "two")
    with pytest.raises(ValueError, match="expected a package under the key"):
        unpack(path, carried / "three", public)


def test_what_is_no_package_is_refused(carried):
    for path in (carried / "answers", carried / "s" / "study.json"):
        with pytest.raises(ValueError, match="expected a rating package"):
            unpack(path, carried / "out")


def altered(path, change):
    answers = json.loads(path.read_text(encoding="utf-8"))
    change(answers)
    path.write_text(json.dumps(answers), encoding="utf-8")


def edited_grade(answers):
    answers["rows"][2]["body"] = answers["rows"][2]["body"].replace('"C"', '"A"')


def dropped(answers):
    del answers["rows"][-1]


def of_another_rater(answers):
    answers["rows"][2]["rater"] = "R003"


def unsigned(answers):
    answers["signature"] = "0" * 128


@pytest.mark.parametrize("change", [edited_grade, dropped, of_another_rater, unsigned])
def test_changed_answers_are_refused_whole(carried, change):
    altered(carried / "answers", change)
    with open_study(carried / "s") as study:
        with pytest.raises(ValueError, match=r"expected the (votes as they were signed|signature)"):
            merge_answers(study, carried / "answers")
        assert study.progress("R002").done == 0


def test_answers_go_to_the_study_they_were_given_for(carried, tmp_path):
    with started(tmp_path / "other", seed=9) as other, pytest.raises(ValueError, match="expected answers to study"):
        merge_answers(other, carried / "answers")
    altered(carried / "answers", lambda answers: answers.update(package="0" * 16))
    with open_study(carried / "s") as study:
        assert refused(merge_answers, study, carried / "answers") == "no_package"
    (carried / "answers").write_text("{}", encoding="utf-8")
    with open_study(carried / "s") as study, pytest.raises(ValueError, match="expected a rater's answers"):
        merge_answers(study, carried / "answers")


def test_a_seat_with_a_package_is_rated_from_it_alone(carried):
    with open_study(carried / "s") as study:
        turn = study.turns.of("R002")[0]
        assert refused(study.next_presentations, "R002", 1) == "carried"
        assert refused(study.vote, "R002", new_vote(turn.shown)) == "carried"
        assert merge_answers(study, carried / "answers") == (6, 0)
        assert refused(study.vote, "R002", new_vote(study.turns.of("R002")[5].shown)) == "carried"
    assert not verify(carried / "s").flaws


def test_a_vote_that_came_past_its_package_is_found(carried):
    with open_study(carried / "s") as study:
        turn = study.turns.of("R002")[0]
        vote = new_vote(turn.shown)
        content = vote_content(study.protocol, turn, "R002", vote)
        study.add(lambda adding: adding.add(content["id"], "vote", content, "R002", 1))
    assert {flaw.kind for flaw in verify(carried / "s").flaws} == {"not_carried"}


def test_what_an_earlier_try_left_is_named(carried):
    (carried / "new.partial").mkdir()
    with pytest.raises(ValueError, match=r"new\.partial: expected no such folder, found what an earlier try has left"):
        unpack(carried / "p", carried / "new")


def test_a_package_hands_out_none(carried):
    with open_study(carried / "mine") as mine, pytest.raises(ValueError, match="expected a whole study"):
        write_package(mine, "R002", carried / "q")


def test_only_a_package_gives_answers(carried):
    with open_study(carried / "s") as study, pytest.raises(ValueError, match="expected an unpacked package"):
        write_answers(study, carried / "a")
