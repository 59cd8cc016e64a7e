"""The rating server as its pages meet it: joining, clips in turn, votes, states, and what no page is ever told."""

import json
import re
import uuid

import pytest
from rating_visitors import PASSPHRASE, Visitor, refused, small_study, vote_on

from spermscope.locale import pages
from spermscope.rating.answers import merge_answers, write_answers
from spermscope.rating.opening import open_study
from spermscope.rating.packages import unpack, write_package
from spermscope.rating.web.rater import AHEAD


@pytest.fixture
def study(tmp_path):
    with small_study(tmp_path) as opened:
        yield opened


@pytest.fixture
def rater(study):
    return Visitor(study).join()


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    """A rater whose study keeps nothing of what is asked of it."""
    with small_study(tmp_path_factory.mktemp("idle")) as opened:
        yield Visitor(opened).join()


def rate_all(visitor, grade="C"):
    """Every clip that comes, in turn; the presentations."""
    seen = []
    while coming := visitor.get("/api/next?count=1")["presentations"]:
        answer = visitor.ask("POST", "/api/votes", vote_on(coming[0], grade=grade))
        assert answer.status_code == 200, answer.text
        seen += coming
    return seen


def test_one_joins_once_and_signs_in_again_with_what_was_chosen(study):
    visitor = Visitor(study)
    code = study.invite("rater")
    joined = visitor.ask("POST", "/api/join", {"code": code, "passphrase": PASSPHRASE})
    assert joined.json() == {"pseudonym": "R001", "role": "rater"}
    assert visitor.get("/api/me")["pseudonym"] == "R001"
    assert refused(visitor.ask("POST", "/api/join", {"code": code, "passphrase": PASSPHRASE})) == (403, "code")
    again = visitor.other()
    assert refused(again.ask("POST", "/api/session", {"pseudonym": "R001", "passphrase": "x" * 12})) == (403, "sign_in")
    assert again.ask("POST", "/api/session", {"pseudonym": " r001 ", "passphrase": PASSPHRASE}).status_code == 200


def test_clips_come_in_the_raters_own_order_and_votes_reach_the_study(study, rater):
    seen = rate_all(rater)
    order = study.turns.of("R001")
    assert [one["id"] for one in seen] == [turn.shown.id for turn in order]
    assert [one["number"] for one in seen] == list(range(1, len(order) + 1))
    state = rater.get("/api/next")
    assert (state["done"], state["total"], state["presentations"]) == (len(order), len(order), [])
    study.lock()
    assert {row.grade for row in study.votes_table().rows} == {2}


def test_a_page_is_given_no_more_than_a_few_clips_ahead(tmp_path):
    with small_study(tmp_path, clips=30, anchors=False) as study:
        rater = Visitor(study).join()
        assert len(rater.get("/api/next?count=1000")["presentations"]) == AHEAD
        assert refused(rater.ask("GET", "/api/next?count=0")) == (422, "malformed")


def test_a_sheet_is_the_picture_of_ones_own_presentation_to_the_byte(idle):
    for shown in idle.get("/api/next")["presentations"]:
        clip = idle.study.presentation("R001", shown["id"]).clip
        answer = idle.ask("GET", f"/sheets/{shown['id']}.png")
        assert answer.content == (idle.study.folder / "clips" / f"{clip}.png").read_bytes()
        assert answer.headers["content-type"] == "image/png"
        assert shown["sheet"]["frames"] == 16
        assert set(re.findall(rb"IHDR|IDAT|IEND|[tiz][TE][Xx][tf]|tIME", answer.content)) == {b"IHDR", b"IDAT", b"IEND"}


def test_anchor_clips_are_there_for_their_grades_and_no_others(idle):
    anchors = {grade["code"]: len(grade["anchors"]) for grade in idle.me["protocol"]["grades"]}
    assert anchors == {"A": 1, "B": 1, "C": 0, "D": 0, "E": 0}
    assert idle.ask("GET", "/anchors/A/0.png").content.startswith(b"\x89PNG")
    for path in ("/anchors/A/1.png", "/anchors/C/0.png", "/anchors/Z/0.png", "/anchors/A/-1.png"):
        assert refused(idle.ask("GET", path)) == (404, "unknown")


def test_a_vote_sent_twice_counts_once_and_gives_the_same_receipt(study, rater):
    vote = vote_on(rater.get("/api/next")["presentations"][0])
    receipts = [rater.ask("POST", "/api/votes", vote).json() for _ in range(3)]
    assert receipts[0] == receipts[1] == receipts[2]
    assert receipts[0]["vote"] == vote["id"]
    assert study.progress("R001").done == 1


def test_the_last_vote_alone_can_be_replaced(study, rater):
    first, second = rater.get("/api/next")["presentations"][:2]
    votes = [vote_on(first, grade="A"), vote_on(second, reason="tail_unseen")]
    assert rater.get("/api/last") is None
    for vote in votes:
        rater.ask("POST", "/api/votes", vote)
    last = rater.get("/api/last")
    assert (last["vote"]["id"], last["presentation"]) == (votes[1]["id"], second)
    too_late = vote_on(first, grade="E") | {"replaces": votes[0]["id"]}
    assert refused(rater.ask("POST", "/api/votes", too_late))[0] == 409
    assert rater.ask("POST", "/api/votes", vote_on(second, grade="D") | {"replaces": votes[1]["id"]}).status_code == 200
    study.lock()
    assert [row.grade for row in study.votes_table().rows] == [0, 3]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"grade": "F"}, (422, "answer")),
        ({"grade": None, "reason": "tired"}, (422, "answer")),
        ({"reason": "too_short"}, (422, "malformed")),
        ({"grade": None}, (422, "malformed")),
        ({"elapsed_ms": -1}, (422, "malformed")),
        ({"display_scale": 0}, (422, "malformed")),
        ({"id": "1"}, (422, "malformed")),
        ({"presentation": "0" * 32}, (404, "presentation")),
        ({"presentation": "../../etc/passwd"}, (422, "malformed")),
        ({"protocol_version": 2}, (409, "protocol")),
        ({"rater": "R002"}, (422, "malformed")),
    ],
)
def test_a_vote_that_makes_no_sense_is_refused_and_nothing_is_kept(idle, change, key):
    vote = vote_on(idle.get("/api/next")["presentations"][0]) | change
    assert refused(idle.ask("POST", "/api/votes", vote)) == key
    assert idle.study.progress("R001").done == 0


def test_votes_out_of_turn_are_refused(idle):
    second = idle.get("/api/next")["presentations"][1]
    assert refused(idle.ask("POST", "/api/votes", vote_on(second))) == (409, "order")


def test_a_study_waits_pauses_and_ends(tmp_path):
    with small_study(tmp_path, started=False) as study:
        head, rater = Visitor(study).join("coordinator"), None
        rater = head.other().join()
        assert rater.get("/api/next")["state"] == "draft"
        for to, shown in (("open", 4), ("paused", 0), ("open", 4), ("locked", 0)):
            assert head.ask("POST", "/api/state", {"to": to}).json() == {"state": to}
            assert len(rater.get("/api/next?count=4")["presentations"]) == shown
        for to in ("open", "paused", "locked"):
            assert head.ask("POST", "/api/state", {"to": to}).status_code == 409
        rows = [row.content for row in study.ledger.rows("state")]
        assert [(row["state"], row["who"]) for row in rows] == [
            (state, "C001") for state in ("open", "paused", "open", "locked")
        ]


def test_a_vote_during_a_pause_is_refused_so_that_the_page_keeps_it(study, rater):
    vote = vote_on(rater.get("/api/next")["presentations"][0])
    study.pause()
    assert refused(rater.ask("POST", "/api/votes", vote)) == (409, "paused")
    study.resume()
    assert rater.ask("POST", "/api/votes", vote).status_code == 200


def test_the_coordinator_sees_completion_and_drift_but_no_vote(study, rater):
    rate_all(rater, grade="D")
    head = rater.other().join("coordinator")
    told = head.get("/api/study")
    (row,) = told["raters"]
    assert (row["pseudonym"], row["done"]) == ("R001", row["total"])
    assert [block["mean_grade"] for block in row["drift"]] == [4.0, None]
    study.lock()
    assert {block["mean_grade"] for block in head.get("/api/study")["raters"][0]["drift"]} == {4.0}
    assert set(row) == {"pseudonym", "joined", "done", "total", "pace_per_min", "last_time", "drift"}
    assert told["state"] == "open"


def test_seats_that_nobody_took_count_as_not_graded(study, rater):
    rate_all(rater)
    told = rater.other().join("coordinator").get("/api/study")
    (row,) = told["raters"]
    assert (told["seats"], told["total"]) == (4, 4 * row["total"])


def test_an_invitation_joins_in_its_role(study):
    head = Visitor(study).join("coordinator")
    for role, pseudonym in (("rater", "R001"), ("coordinator", "C002")):
        code = head.ask("POST", "/api/invitations", {"role": role}).json()["code"]
        joined = head.other().ask("POST", "/api/join", {"code": code, "passphrase": PASSPHRASE})
        assert joined.json() == {"pseudonym": pseudonym, "role": role}


def test_a_name_goes_to_the_map_of_people_and_to_no_page(study):
    head = Visitor(study).join("coordinator")
    code = head.ask("POST", "/api/invitations", {"role": "rater", "name": "花子"}).json()["code"]
    rater = head.other()
    answers = [rater.ask("POST", "/api/join", {"code": code, "passphrase": PASSPHRASE})]
    rater.known()
    answers += [rater.ask("GET", "/api/me"), rater.ask("GET", "/api/next"), head.ask("GET", "/api/study")]
    assert study.names()["R001"] == "花子"
    assert not any("花子" in answer.text for answer in answers)


def test_home_leads_to_the_page_of_whoever_asks_and_what_is_not_known_of_a_rater_is_null(idle):
    head = idle.other().join("coordinator")
    for visitor, page in ((idle.other(), "/enter"), (idle, "/rate"), (head, "/coordinate")):
        answer = visitor.ask("GET", "/")
        assert (answer.status_code, answer.headers["location"]) == (303, page)
    (row,) = head.get("/api/study")["raters"]
    assert row["pace_per_min"] is None
    assert (row["last_time"], row["drift"]) == ("", [])


@pytest.mark.parametrize("view", ["head", "field"])
def test_nothing_that_a_rater_is_sent_tells_clip_donor_file_others_or_repeats(tmp_path, view):
    with small_study(tmp_path, view=view, trail=True, clips=12) as study:
        other = Visitor(study).join()
        rate_all(other, grade="E")
        rater = other.other().join()
        answers = [rater.ask("GET", "/api/me"), rater.ask("GET", "/words"), rater.ask("GET", "/rate")]
        while (coming := rater.ask("GET", "/api/next")).json()["presentations"]:
            first = coming.json()["presentations"][0]
            answers += [coming, rater.ask("GET", f"/sheets/{first['id']}.png")]
            answers += [rater.ask("POST", "/api/votes", vote_on(first, grade="A")), rater.ask("GET", "/api/last")]
        secrets = {"R001", str(study.folder), "set", "repeat", "occurrence", "donor", "sample", "seed", "source"}
        for sheet in study.sheets.values():
            secrets |= {sheet.hash, sheet.content, sheet.name, sheet.donor}
        for answer in answers:
            told = [f"{name}: {value}" for name, value in answer.headers.items()]
            if answer.headers["content-type"] == "application/json" and answer.request.url.path != "/words":
                told += [answer.text, *strings(answer.json())]
            assert not secrets & set(told), answer.request.url
            hidden = {str(study.folder), *study.sheets}
            assert not any(secret in line for line in told for secret in hidden)


def strings(content):
    """Every key and every text of a JSON answer."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from strings(value)
    elif isinstance(content, list):
        for value in content:
            yield from strings(value)
    elif isinstance(content, str):
        yield content


def test_a_repeat_differs_from_the_first_time_by_its_place_in_the_order_alone(study, rater):
    seen = rate_all(rater)
    by_clip = {}
    for shown in seen:
        by_clip.setdefault(study.presentation("R001", shown["id"]).clip, []).append(shown)
    repeats = [pair for pair in by_clip.values() if len(pair) == 2]
    assert repeats
    for first, second in repeats:
        assert first["sheet"] == second["sheet"]
        assert set(first) == set(second) == {"id", "number", "block", "sheet"}
        heads = [dict(rater.ask("GET", f"/sheets/{one['id']}.png").headers) for one in (first, second)]
        assert heads[0] == heads[1]
        assert not {"etag", "last-modified"} & set(heads[0])


def test_every_refusal_that_a_page_may_get_has_its_words_in_both_languages(idle):
    keys = {refused(idle.ask("GET", path))[1] for path in ("/api/nothing", "/sheets/x.png", "/api/study", "/assets/x")}
    assert keys == {"unknown", "presentation", "role"}
    assert all(f"refused_{key}" in pages() for key in keys)


def test_many_raters_vote_at_once_and_each_vote_is_there(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    with small_study(tmp_path, raters=4) as study:
        first = Visitor(study).join()
        raters = [first, *(first.other().join() for _ in range(3))]
        with ThreadPoolExecutor(4) as pool:
            counts = list(pool.map(lambda rater: len(rate_all(rater)), raters))
        study.lock()
        assert len(study.votes_table().rows) == sum(counts)


def test_receipts_and_answers_are_plain_json(study, rater):
    answer = rater.ask("POST", "/api/votes", vote_on(rater.get("/api/next")["presentations"][0]))
    assert set(json.loads(answer.text)) == {"vote", "study_id", "seq", "chain", "signature"}
    assert uuid.UUID(answer.json()["vote"])


def test_a_package_is_rated_on_its_own_pc_with_the_same_pages(study, tmp_path):
    write_package(study, "R002", tmp_path / "R002.rating")
    online = Visitor(study)
    code = study.invite("rater", "R002")
    assert online.ask("POST", "/api/join", {"code": code, "passphrase": PASSPHRASE}).status_code == 200
    told = online.known().get("/api/next")
    assert (told["state"], told["presentations"]) == ("carried", [])
    unpack(tmp_path / "R002.rating", tmp_path / "mine")
    with open_study(tmp_path / "mine") as mine:
        mine.start()
        rater = Visitor(mine).join()
        assert rater.me["pseudonym"] == "R002"
        seen = rate_all(rater)
        assert write_answers(mine, tmp_path / "R002.answers") == len(seen)
    assert merge_answers(study, tmp_path / "R002.answers") == (len(seen), 0)
    assert study.progress("R002").done == len(seen)
