"""Codes work once, passphrases are kept as hashes, and a person can be forgotten."""

import stat

import pytest
from click.testing import CliRunner
from ratings import PASSPHRASE, new, rate, started

from spermscope.commands.rate.serve import invite
from spermscope.rating import people as module
from spermscope.rating.opening import open_study
from spermscope.rating.people import People
from spermscope.rating.values import Person, Refused
from spermscope.rating.verifying import verify


def refused(call, *arguments, **named):
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value.key


@pytest.fixture
def people(tmp_path):
    book = People(tmp_path)
    yield book
    book.close()


def join(people, role="rater", pseudonym=None, seats=3, taken=(), name=""):
    return people.join(people.invite(role, pseudonym, name), PASSPHRASE, seats, taken)


def test_raters_take_the_lowest_free_seat_and_coordinators_have_their_own(people):
    assert join(people) == Person("R001", "rater")
    assert join(people, "coordinator") == Person("C001", "coordinator")
    assert join(people, pseudonym="R003") == Person("R003", "rater")
    assert join(people) == Person("R002", "rater")
    assert refused(join, people) == "seats"
    assert join(people, seats=5, taken={"R004"}) == Person("R005", "rater")


def test_a_code_works_once_however_it_is_typed(people):
    code = people.invite("rater", None)
    assert len(code.replace("-", "")) == 16
    assert people.join(code.lower().replace("-", " "), PASSPHRASE, 3, ()).pseudonym == "R001"
    assert refused(people.join, code, PASSPHRASE, 3, ()) == "code"
    assert refused(people.join, "", PASSPHRASE, 3, ()) == "code"


def test_a_code_is_not_used_up_by_what_was_refused(people):
    code = people.invite("rater", None)
    assert refused(people.join, code, "short", 3, ()) == "passphrase"
    assert refused(people.join, code, "x" * 257, 3, ()) == "passphrase"
    assert refused(people.join, code, PASSPHRASE, 0, ()) == "seats"
    assert people.join(code, PASSPHRASE, 3, ()).pseudonym == "R001"


def test_a_code_grows_old(people, monkeypatch):
    monkeypatch.setattr(module, "VALID_S", -1.0)
    assert refused(join, people) == "code"


def test_a_seat_is_given_to_one(people):
    first, second = people.invite("rater", "R002"), people.invite("rater", "R002")
    people.join(first, PASSPHRASE, 3, ())
    assert refused(people.join, second, PASSPHRASE, 3, ()) == "code"


def test_a_forgotten_passphrase_ends_when_a_new_code_is_made_and_the_seat_goes_on(people):
    join(people, name="Sato")
    older = people.invite("rater", "R001")
    assert people.renew("R002") is None
    code = people.renew("R001")
    assert refused(people.sign_in, "R001", PASSPHRASE) == "sign_in"
    assert refused(people.sign_in, "R001", "") == "sign_in"
    assert refused(people.join, older, PASSPHRASE, 3, ()) == "code"
    assert people.join(code, "another one", 3, ()) == Person("R001", "rater")
    assert people.sign_in("R001", "another one") == Person("R001", "rater")
    assert refused(people.join, code, PASSPHRASE, 3, ()) == "code"
    assert people.names() == {"R001": "Sato"}


def test_a_code_for_a_seat_that_was_erased_meanwhile_gives_nothing_back(people):
    join(people, name="Sato")
    code = people.renew("R001", "Suzuki")
    people.erase("R001")
    assert refused(people.join, code, PASSPHRASE, 3, ()) == "code"


def test_a_seat_renewed_by_the_command_keeps_its_votes_and_is_noted(tmp_path):
    with started(tmp_path / "s") as study:
        study.join(study.invite("rater"), PASSPHRASE)
        study.join(study.invite("coordinator"), PASSPHRASE)
        rate(study, "R001", 2)
    codes = {
        seat: CliRunner().invoke(invite, [str(tmp_path / "s"), "--seat", seat]).stdout.strip()
        for seat in ("R001", "C001", "R003")
    }
    with open_study(tmp_path / "s") as study:
        for seat, code in codes.items():
            assert study.join(code, "another one").pseudonym == seat
        assert study.sign_in("C001", "another one").role == "coordinator"
        assert [row.content["seat"] for row in study.ledger.rows("seat")] == ["R001", "C001"]
        assert [row.pseudonym for row in study.completion()] == ["R001", "R003"]
        rate(study, "R001", 1)
        assert study.progress("R001").done == 3
        for strange in ("R004", "R0003", "r001", "C002", "R000", "x"):
            with pytest.raises(ValueError, match=r"expected a seat \(R001 to R003\)"):
                study.renew(strange)
    assert not verify(tmp_path / "s").flaws


def test_who_signs_in_is_known_by_pseudonym_and_passphrase(people):
    join(people)
    assert people.sign_in("R001", PASSPHRASE) == Person("R001", "rater")
    for pseudonym, passphrase in (("R001", PASSPHRASE + " "), ("R002", PASSPHRASE), ("", ""), ("R001' OR 1=1 --", "")):
        assert refused(people.sign_in, pseudonym, passphrase) == "sign_in"


def test_no_code_and_no_passphrase_stands_in_the_file(people, tmp_path):
    code = people.invite("rater", None)
    join(people)
    content = (tmp_path / "people.db").read_bytes()
    assert PASSPHRASE.encode() not in content
    assert code.replace("-", "").encode() not in content
    assert code.encode() not in content
    assert b"$argon2id$" in content
    assert stat.S_IMODE((tmp_path / "people.db").stat().st_mode) == 0o600


def test_an_erased_person_is_nowhere_and_the_seat_stays_taken(people, tmp_path):
    join(people, name="Sato Hanako")
    join(people, name="Suzuki Ichiro")
    assert people.names() == {"R001": "Sato Hanako", "R002": "Suzuki Ichiro"}
    assert people.erase("R001") == 1
    content = (tmp_path / "people.db").read_bytes()
    assert b"Sato" not in content
    assert b"Suzuki" in content
    assert refused(people.sign_in, "R001", PASSPHRASE) == "sign_in"
    assert join(people).pseudonym == "R003"
    unused = people.invite("rater", None, "Suzuki Jiro")
    assert people.erase(None) == 3
    assert refused(people.join, unused, PASSPHRASE, 9, ()) == "code"
    assert b"Suzuki" not in (tmp_path / "people.db").read_bytes()
    assert set(people.names().values()) == {""}


def test_a_seat_with_votes_stays_taken_when_the_whole_map_is_removed(tmp_path):
    with started(tmp_path / "s") as study:
        assert study.join(study.invite("rater", name="Sato"), PASSPHRASE).pseudonym == "R001"
        rate(study, "R001", 2)
    (tmp_path / "s" / "keys" / "people.db").unlink()
    with open_study(tmp_path / "s") as study:
        assert study.join(study.invite("rater"), PASSPHRASE).pseudonym == "R002"
        assert len(study.votes_table(unlocked=True).rows) == 2


def test_nothing_of_a_person_is_outside_the_keys_folder(tmp_path):
    with started(tmp_path / "s") as study:
        study.join(study.invite("rater", name="Sato Hanako"), PASSPHRASE)
        rate(study, "R001", 2)
    for path in (tmp_path / "s").rglob("*"):
        if path.is_file() and path.name != "people.db":
            assert b"Sato" not in path.read_bytes(), path


def test_a_study_folder_and_its_keys_are_the_owners(tmp_path):
    folder = new(tmp_path / "s")
    for name in ("", "keys", "clips"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "keys" / "signing.pem").stat().st_mode) == 0o600
