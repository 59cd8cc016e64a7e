"""What someone who means harm may try on the rating server, and that nothing of it works."""

import asyncio
import json
import logging
from collections import Counter

import httpx2
import pytest
from rating_visitors import PASSPHRASE, Visitor, refused, small_study, vote_on

from spermscope.rating.web.app import PARTS, make_app
from spermscope.rating.web.guards import HEADERS, MOST_BYTES
from spermscope.rating.web.limits import AT_ONE

SPITEFUL = (
    "' OR '1'='1",
    "R001'; DROP TABLE people; --",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}}",
    "=cmd|'/C calc'!A0",
    "../../keys/people.db",
    "a\x00b",
    "\u202egrade",
    "%00%0d%0aSet-Cookie:x=1",
    "A" * 199,
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    with small_study(tmp_path_factory.mktemp("intruded")) as opened:
        yield opened


@pytest.fixture(scope="module")
def rater(study):
    return Visitor(study).join()


@pytest.fixture(scope="module")
def head(rater):
    return rater.other().join("coordinator")


@pytest.fixture(autouse=True)
def unchanged(study):
    """Whatever is tried: no vote, and the study is open."""
    yield
    assert (study.progress("R001").done, study.state) == (0, "open")


def first(rater):
    return rater.get("/api/next")["presentations"][0]


def routes():
    """(method, path with its parameters filled) of all that the application answers to."""
    fill = {"id": "0" * 32, "grade": "A", "number": "0", "name": "page.css", "page": "rate"}
    for part in PARTS:
        for route in part.router.routes:
            for method in route.methods:
                yield method, route.path.format(**fill)


OPEN = {("GET", path) for path in ("/", "/words", "/assets/page.css", "/rate")} | {
    ("POST", "/api/join"),
    ("POST", "/api/session"),
}


def test_without_a_session_only_the_way_in_answers(rater):
    stranger = rater.other()
    found = set(routes())
    assert len(found) == len(OPEN) + 11
    for method, path in found - OPEN:
        assert refused(stranger.ask(method, path)) == (401, "session"), path
    for method, path in OPEN:
        assert stranger.ask(method, path).status_code in (200, 303, 422), path


def test_a_rater_can_do_nothing_of_the_coordinators_and_the_other_way_round(rater, head):
    for method, path, body in (
        ("GET", "/api/study", None),
        ("GET", "/agreement", None),
        ("POST", "/api/state", {"to": "locked"}),
        ("POST", "/api/invitations", {"role": "coordinator"}),
    ):
        assert refused(rater.ask(method, path, body)) == (403, "role")
    shown = first(rater)
    for method, path, body in (
        ("GET", "/api/next", None),
        ("GET", "/api/last", None),
        ("GET", f"/sheets/{shown['id']}.png", None),
        ("GET", "/anchors/A/0.png", None),
        ("POST", "/api/votes", vote_on(shown)),
    ):
        assert refused(head.ask(method, path, body)) == (403, "role")


def test_another_raters_clips_can_neither_be_seen_nor_graded(study, rater):
    other = rater.other().join()
    shown = first(rater)
    assert refused(other.ask("GET", f"/sheets/{shown['id']}.png")) == (404, "presentation")
    assert refused(other.ask("POST", "/api/votes", vote_on(shown))) == (404, "presentation")
    clip = study.presentation("R001", shown["id"]).clip
    assert refused(rater.ask("GET", f"/sheets/{clip}.png")) == (404, "presentation")


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../study.json",
        "/assets/..%2f..%2fapp.py",
        "/assets/%2e%2e/app.py",
        "/assets/....//app.py",
        "/assets/C:%5Cwindows",
        "/assets/rate.html",
        "/assets/__init__.py",
        "/sheets/../keys/people.db",
        "/sheets/..%2f..%2fkeys%2fpeople.db.png",
        "/anchors/A/..%2f..%2fstudy.json",
        "/anchors/../../0.png",
        "/study.json",
        "/keys/people.db",
        "/rating.db",
        "/openapi.json",
        "/docs",
        "/.env",
    ],
)
def test_no_path_leads_out_of_what_is_served(rater, path):
    answer = rater.client.get(path, follow_redirects=False)
    assert answer.status_code in (404, 422), answer.status_code
    assert set(answer.json()) == {"refused"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": "guess"},
        {"X-CSRF-Token": "é".encode()},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "http://testserver:81"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_request_that_another_page_made_changes_nothing(rater, headers):
    vote = vote_on(first(rater))
    assert refused(rater.ask("POST", "/api/votes", vote, headers=headers)) == (403, "token")


def test_the_token_of_someone_else_is_no_token(rater, head):
    vote = vote_on(first(rater))
    assert refused(rater.ask("POST", "/api/votes", vote, headers={"X-CSRF-Token": head.token})) == (403, "token")


def test_a_page_behind_which_someone_else_signed_in_is_told_nothing(rater, head):
    assert refused(rater.ask("GET", "/api/next", headers={"X-CSRF-Token": head.token})) == (403, "token")


def test_another_page_can_sign_nobody_in(rater):
    body = {"pseudonym": "R001", "passphrase": PASSPHRASE}
    stranger = rater.other()
    answer = stranger.ask("POST", "/api/session", body, headers={"Origin": "http://evil.example"})
    assert refused(answer) == (403, "token")
    form = stranger.client.post("/api/session", data=body)
    assert refused(form) == (422, "malformed")


def test_a_cookie_that_was_stolen_opens_nothing_once_its_owner_signed_out(study, rater):
    owner = rater.other()
    owner.ask("POST", "/api/session", {"pseudonym": "R001", "passphrase": PASSPHRASE})
    owner.known()
    stolen = dict(owner.client.cookies)
    thief = rater.other()
    thief.client.cookies.update(stolen)
    assert thief.get("/api/me")["pseudonym"] == "R001"
    assert owner.ask("DELETE", "/api/session").status_code == 204
    thief.client.cookies.update(stolen)
    assert refused(thief.ask("GET", "/api/me")) == (401, "session")
    assert refused(thief.ask("POST", "/api/votes", {}, headers={"X-CSRF-Token": owner.token})) == (401, "session")


def test_signing_in_never_takes_up_a_cookie_that_was_planted(study, rater):
    victim = rater.other()
    name = f"spermscope-{study.study_id}"
    victim.client.cookies.set(name, "planted")
    answer = victim.ask("POST", "/api/session", {"pseudonym": "R001", "passphrase": PASSPHRASE})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{name}=")
    assert "planted" not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    planted = rater.other()
    planted.client.cookies.set(name, "planted")
    assert refused(planted.ask("GET", "/api/me")) == (401, "session")


def test_under_tls_the_cookie_is_bound_to_it(study):
    visitor = Visitor(study, make_app(study, secure=True, hosts=("testserver",)))
    visitor.client.base_url = "https://testserver"
    answer = visitor.ask("POST", "/api/join", {"code": study.invite("coordinator"), "passphrase": PASSPHRASE})
    assert answer.headers["set-cookie"].startswith("__Host-")
    assert "Secure" in answer.headers["set-cookie"].split("; ")
    assert "max-age" in answer.headers["strict-transport-security"]


def test_codes_cannot_be_guessed_by_trying(study):
    visitor = Visitor(study)
    real = study.invite("rater")
    for _ in range(AT_ONE):
        assert (
            refused(visitor.ask("POST", "/api/join", {"code": "AAAA-AAAA-AAAA-AAAA", "passphrase": PASSPHRASE}))[1]
            == "code"
        )
    answer = visitor.ask("POST", "/api/join", {"code": real, "passphrase": PASSPHRASE})
    assert refused(answer) == (429, "often")
    assert int(answer.headers["retry-after"]) > 60


@pytest.mark.slow
def test_passphrases_cannot_be_guessed_by_trying(study, rater):
    visitor = Visitor(study)
    for number in range(AT_ONE):
        tried = {"pseudonym": "R001", "passphrase": f"guess number {number}"}
        assert refused(visitor.ask("POST", "/api/session", tried))[1] == "sign_in"
    assert refused(visitor.ask("POST", "/api/session", {"pseudonym": "R001", "passphrase": PASSPHRASE})) == (
        429,
        "often",
    )


@pytest.mark.slow
def test_passphrases_cannot_be_guessed_by_many_tries_at_once(study, rater):
    async def tries(passphrase, count):
        transport = httpx2.ASGITransport(make_app(study, hosts=("testserver",)))
        async with httpx2.AsyncClient(transport=transport, base_url="http://testserver") as client:
            asked = {"pseudonym": "R001", "passphrase": passphrase}
            return await asyncio.gather(*(client.post("/api/session", json=asked) for _ in range(count)))

    wrong = Counter(answer.status_code for answer in asyncio.run(tries("x" * 12, AT_ONE + 8)))
    assert wrong == {403: AT_ONE, 429: 8}
    right = Counter(answer.status_code for answer in asyncio.run(tries(PASSPHRASE, AT_ONE + 8)))
    assert right == {200: AT_ONE + 8}


def test_a_pseudonym_that_is_nobodys_is_refused_in_the_same_words(rater):
    answers = [
        rater.other().ask("POST", "/api/session", {"pseudonym": name, "passphrase": "wrong passphrase"}).text
        for name in ("R001", "R004")
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("text", SPITEFUL[:4])
def test_spiteful_words_sign_nobody_in_and_leave_the_map_of_people_whole(rater, text):
    before = rater.study.names()
    stranger = rater.other()
    stranger.client.app.state.house.limits.succeeded(text.strip().upper(), "testclient", 0.0)
    answer = stranger.ask("POST", "/api/session", {"pseudonym": text, "passphrase": text})
    assert refused(answer)[1] in ("sign_in", "malformed")
    assert text not in answer.text
    assert rater.study.names() == before


@pytest.mark.parametrize("text", SPITEFUL)
def test_spiteful_words_in_any_field_are_refused_and_come_back_nowhere(rater, head, text):
    vote = vote_on(first(rater))
    tries = [
        (rater, "POST", "/api/votes", vote | {"id": text}),
        (rater, "POST", "/api/votes", vote | {"presentation": text}),
        (rater, "POST", "/api/votes", vote | {"grade": text}),
        (rater, "POST", "/api/votes", vote | {"grade": None, "reason": text}),
        (rater, "POST", "/api/votes", vote | {"replaces": text}),
        (rater, "POST", "/api/votes", vote | {"protocol_version": text}),
        (rater, "POST", "/api/votes", vote | {text: "B"}),
        (head, "POST", "/api/state", {"to": text}),
        (head, "POST", "/api/invitations", {"role": text}),
    ]
    for visitor, method, path, body in tries:
        answer = visitor.ask(method, path, body)
        assert 400 <= answer.status_code < 500, (path, body)
        assert text not in json.dumps(answer.json(), ensure_ascii=False)
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"null", "malformed"),
        (b"[]", "malformed"),
        (b"\xff\xfe\x00", "malformed"),
        (b'{"id": NaN}', "malformed"),
        (b"[" * 8000, "malformed"),
        (b'{"a":' * 2500 + b"1" + b"}" * 2500, "malformed"),
        (b'{"elapsed_ms": 1' + b"0" * 5000 + b"}", "malformed"),
        (b" " * (MOST_BYTES + 1), "large"),
    ],
)
def test_bodies_that_are_no_vote_are_refused(rater, body, key):
    headers = {"X-CSRF-Token": rater.token, "Content-Type": "application/json"}
    answer = rater.client.post("/api/votes", content=body, headers=headers)
    assert answer.status_code in (400, 413, 422)
    assert answer.json()["refused"]["key"] == key


def test_a_body_of_no_stated_length_is_cut_off(rater):
    sent = []

    def endless():
        for _ in range(1000):
            sent.append(1)
            yield b" " * 1024

    headers = {"X-CSRF-Token": rater.token, "Content-Type": "application/json"}
    assert refused(rater.client.post("/api/votes", content=endless(), headers=headers)) == (413, "large")


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "[::1]:8765"])
def test_on_the_loopback_address_this_machines_own_names_are_answered(study, host):
    assert Visitor(study, make_app(study)).client.get("/words", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_another_name_for_this_server_is_not_answered(rater, host):
    assert rater.client.get("/api/me", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "HEAD", "PROPFIND"])
def test_other_methods_find_nothing(rater, method):
    for path in ("/api/votes", "/api/me", "/sheets/x.png"):
        assert rater.ask(method, path).status_code in (404, 405)


def test_every_answer_has_its_guards_also_where_something_went_wrong(study, rater, head, caplog):
    shown = first(rater)
    path = study.folder / "clips" / f"{study.presentation('R001', shown['id']).clip}.png"
    kept = path.read_bytes()
    path.unlink()
    with caplog.at_level(logging.CRITICAL):
        broken = rater.ask("GET", f"/sheets/{shown['id']}.png")
    path.write_bytes(kept)
    assert refused(broken) == (500, "broken")
    assert str(study.folder) not in broken.text
    answers = [rater.ask(method, path) for method, path in routes() if method == "GET"]
    answers += [broken, rater.ask("GET", "/nothing"), rater.ask("POST", "/api/votes", {})]
    answers += [rater.client.get("/", headers={"Host": "evil.example"}), rater.other().ask("GET", "/api/me")]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (answer.request.url, name)
        assert "server" not in answer.headers


def test_no_log_holds_a_secret(study, rater, caplog):
    with caplog.at_level(logging.DEBUG):
        visitor = rater.other()
        visitor.ask("POST", "/api/session", {"pseudonym": "R001", "passphrase": PASSPHRASE})
        visitor.known()
        visitor.ask("POST", "/api/join", {"code": "BBBB-BBBB-BBBB-BBBB", "passphrase": "my other secret"})
    for secret in (PASSPHRASE, "my other secret", visitor.token, "BBBB", *dict(visitor.client.cookies).values()):
        assert secret not in caplog.text
