"""The rating pages in real headless Chromium: what they show, what keys do, what a lost network or a reload leaves."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from rating_browsers import CHROMIUM, LAPTOP, PHONE, TABLET, Seat, chromium, eventually, needs_axe, served, serving
from ratings import new

from spermscope.rating.opening import open_study
from spermscope.rating.protocol import read_study_file
from spermscope.rating.sheets import read_frames, read_sheets

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    """A started study of noise, and codes for three raters and a coordinator."""
    return prepared(new(tmp_path / "study", block=50))


def prepared(folder):
    with open_study(folder) as study:
        study.start()
        codes = {name: study.invite("rater", name) for name in ("R001", "R002", "R003")}
        codes["C001"] = study.invite("coordinator")
    (folder.parent / "codes.json").write_text(json.dumps(codes), encoding="utf-8")
    return folder


@pytest.fixture
def address(folder, browser):
    with open_study(folder) as study, served(study) as address:
        yield address
        for context in browser.contexts:
            context.close()


def link(folder, address, name):
    codes = json.loads((folder.parent / "codes.json").read_text(encoding="utf-8"))
    return f"{address}/enter#code={codes[name]}"


def sit(browser, folder, address, name="R001", **how):
    return Seat(browser, address, **how).join(link(folder, address, name))


def votes(folder, rater="R001"):
    """Grade or reason of every vote row of that rater, in order, of a study that may be in use."""
    table = f"ledger_{read_study_file(folder).study_id}"
    asked = f"SELECT body FROM {table} WHERE kind = 'vote' AND rater = ? ORDER BY seq"
    with closing(sqlite3.connect(f"file:{folder / 'rating.db'}?mode=ro", uri=True)) as base:
        rows = [json.loads(body) for (body,) in base.execute(asked, (rater,))]
    return [row["grade"] or row["reason"] for row in rows]


def test_a_rater_grades_with_the_keyboard_alone(browser, folder, address):
    rater = sit(browser, folder, address)
    for key in ("1", "5", "3"):
        rater.press(key)
    rater.press("x")
    rater.page.keyboard.press("2")
    rater.saved()
    assert votes(folder) == ["A", "E", "C", "not_a_sperm"]
    assert rater.seen() == 4
    assert rater.complaints == []
    assert all(url.startswith(address) for url in rater.requests)


def test_the_last_clip_alone_is_graded_again(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.press("1")
    rater.press("2")
    rater.seen()
    rater.page.keyboard.press("Backspace")
    rater.page.wait_for_selector("#again:not([hidden])")
    assert rater.page.locator("#undo").is_disabled()
    rater.page.wait_for_timeout(280)
    rater.page.keyboard.press("4")
    assert rater.seen() == 2
    rater.press("5")
    rater.saved()
    assert votes(folder) == ["A", "B", "D", "E"]


def test_the_last_clip_can_be_graded_again_after_a_reload_too(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.press("1")
    rater.saved()
    rater.reload()
    rater.page.keyboard.press("Backspace")
    rater.page.wait_for_selector("#again:not([hidden])")
    rater.page.wait_for_timeout(280)
    rater.page.keyboard.press("5")
    rater.saved()
    assert votes(folder) == ["A", "E"]


def graded_again(seat):
    seat.page.wait_for_selector("#again:not([hidden])")
    seat.page.wait_for_timeout(280)


def undo_asked_for(seat):
    """Press Backspace until the last clip's picture is asked for; what was asked is held back, and returned."""
    held = []
    seat.page.route("**/sheets/*", lambda route: held.append(route))
    eventually(seat.page, lambda: held or seat.page.keyboard.press("Backspace"))
    return held


def test_undo_twice_on_a_slow_network_shows_the_last_clip_once_and_drops_none(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.press("1")
    rater.saved()
    rater.reload()
    held = undo_asked_for(rater)
    rater.page.keyboard.press("Backspace")
    for route in held:
        route.continue_()
    rater.page.unroute_all(behavior="ignoreErrors")
    graded_again(rater)
    rater.page.keyboard.press("4")
    assert rater.seen() == 1
    rater.press("2")
    rater.press("3")
    rater.saved()
    assert votes(folder) == ["A", "D", "B", "C"]
    assert refused_votes(rater) == []


def refused_votes(seat):
    names = "Object.keys(localStorage).filter((key) => key.endsWith('.refused'))"
    return seat.page.evaluate(f"{names}.flatMap((key) => JSON.parse(localStorage[key]))")


def test_a_grade_before_the_last_clips_picture_comes_ends_the_undo(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.press("1")
    rater.saved()
    rater.reload()
    held = undo_asked_for(rater)
    rater.page.keyboard.press("2")
    for route in held:
        route.continue_()
    rater.page.unroute_all(behavior="ignoreErrors")
    rater.seen()
    assert rater.page.locator("#again").is_hidden()
    rater.press("3")
    rater.saved()
    assert votes(folder) == ["A", "B", "C"]
    assert refused_votes(rater) == []


def test_undo_without_a_network_shows_the_last_clip_or_says_why_not(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.press("1")
    rater.saved()
    rater.reload()
    rater.context.set_offline(True)
    rater.page.keyboard.press("Backspace")
    rater.page.wait_for_selector("#trouble:visible")
    rater.press("2")
    assert rater.seen() == 2
    assert rater.page.locator("#trouble").is_hidden()
    rater.page.keyboard.press("Backspace")
    graded_again(rater)
    rater.page.keyboard.press("5")
    rater.context.set_offline(False)
    rater.seen()
    rater.saved()
    assert votes(folder) == ["A", "B", "E"]


def test_an_undo_outlives_a_next_clip_that_cannot_be_fetched(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    rater.page.route("**/sheets/*", lambda route: route.abort())
    rater.page.route("**/api/next*", lambda route: route.abort())
    while rater.page.locator("#notice").is_hidden():
        rater.page.keyboard.press("1")
        rater.page.wait_for_timeout(280)
    done = rater.number()
    held = []
    rater.page.unroute_all(behavior="ignoreErrors")
    rater.page.route("**/api/next*", lambda route: held.append(route))
    eventually(rater.page, lambda: held)
    rater.page.keyboard.press("Backspace")
    graded_again(rater)
    for route in held:
        route.abort()
    rater.page.unroute_all(behavior="ignoreErrors")
    rater.page.wait_for_timeout(300)
    assert rater.page.locator("#again").is_visible()
    rater.page.keyboard.press("5")
    rater.saved()
    assert votes(folder) == ["A"] * done + ["E"]


def test_space_after_a_click_on_a_grade_stops_the_next_clip_and_grades_nothing(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    rater.page.click("#grades button:nth-child(1)")
    rater.seen()
    rater.page.keyboard.press("Space")
    stopped = frame(rater)
    rater.page.wait_for_timeout(300)
    assert frame(rater) == stopped
    assert rater.number() == 1
    rater.saved()
    assert votes(folder) == ["A"]


def strike(seat, **stroke):
    """A key goes down, as the browser tells the page."""
    seat.page.evaluate(
        "(stroke) => document.body.dispatchEvent(new KeyboardEvent('keydown', stroke))", stroke | {"bubbles": True}
    )


def test_strokes_that_come_before_a_clip_can_be_seen_or_of_a_key_held_down_grade_nothing(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    stroke = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '2', bubbles: true}))"
    rater.page.evaluate("; ".join([stroke] * 3))
    rater.seen()
    strike(rater, key="3", repeat=True)
    rater.saved()
    assert votes(folder) == ["B"]


def test_an_input_method_that_hides_the_key_does_not_hide_the_grade(browser, folder, address):
    rater = sit(browser, folder, address, locale="ja-JP")
    rater.seen()
    strike(rater, key="Process", code="Digit4")
    rater.saved()
    assert votes(folder) == ["D"]


def test_a_reload_in_mid_vote_loses_and_doubles_nothing(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.press("1")
    rater.saved()
    rater.page.route("**/api/votes", lambda route: None)  # taken, never answered
    rater.press("2")
    rater.press("3")
    rater.page.unroute_all(behavior="ignoreErrors")
    rater.page.reload()
    assert rater.seen() == 3
    rater.saved()
    assert votes(folder) == ["A", "B", "C"]


def test_an_answer_that_was_lost_on_its_way_back_counts_once(browser, folder, address):
    rater = sit(browser, folder, address)
    lost = []

    def answer_is_lost(route):
        if lost:
            return route.continue_()
        lost.append(route.fetch())
        return route.abort()

    rater.page.route("**/api/votes", answer_is_lost)
    rater.press("4")
    rater.press("5")
    rater.saved()
    assert votes(folder) == ["D", "E"]


STRANGERS = [
    {"status": 403, "body": "blocked by the proxy"},
    {"status": 403, "json": {"detail": "blocked"}},
    {"status": 404, "json": None},
    {"status": 200, "content_type": "text/html", "body": "<p>Sign in to the guest network</p>"},
    {"status": 200, "json": {"welcome": True}},
]


@pytest.mark.parametrize("answer", STRANGERS)
def test_an_answer_that_is_not_the_studys_keeps_the_vote_and_sends_it_again(browser, folder, address, answer):
    rater = sit(browser, folder, address)
    rater.seen()
    rater.page.route("**/api/votes", lambda route: route.fulfill(**answer))
    rater.press("3")
    rater.until("document.getElementById('saved').classList.contains('waiting')")
    rater.page.unroute_all(behavior="ignoreErrors")
    rater.saved()
    assert votes(folder) == ["C"]
    assert refused_votes(rater) == []


def test_a_vote_that_the_study_refused_is_told_with_its_reason_until_the_rater_has_read_it(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    answer = {"refused": {"key": "order", "values": {"expected": 1, "found": 7}}}
    rater.page.route("**/api/votes", lambda route: route.fulfill(status=409, json=answer))
    rater.press("3")
    rater.page.wait_for_selector("#refused:has-text('number 1 is next, found 7')")
    assert rater.page.locator("#saved").inner_text() == "All saved"
    assert rater.seen() == 0
    rater.context.set_offline(True)
    rater.page.unroute_all(behavior="ignoreErrors")
    rater.press("2")
    rater.until("document.getElementById('saved').textContent.startsWith('No connection: 1')")
    rater.page.click("#dismiss")
    assert rater.page.locator("#refused").is_hidden()
    rater.context.set_offline(False)
    rater.saved()
    rater.page.reload()
    rater.seen()
    assert rater.page.locator("#refused").is_hidden()
    assert [one["why"] for one in refused_votes(rater)] == ["order"]
    assert votes(folder) == ["B"]


def test_clips_asked_for_before_a_refusal_do_not_leave_out_what_was_refused(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    held = []
    first = "fetch('/api/next').then((answer) => answer.json()).then((said) => said.presentations[0].id)"
    rater.page.evaluate(f"{first}.then((id) => (window.answered = [id]))")
    rater.page.route("**/api/next*", lambda route: held.append(route))
    begin = "({ Clips }) => { window.clips = new Clips(() => answered); window.coming = clips.next(); }"
    rater.page.evaluate(f"import('/assets/clips.js').then({begin})")
    eventually(rater.page, lambda: held)
    rater.page.evaluate("answered = []; clips.restart(); null")
    eventually(rater.page, lambda: held)
    for route in held:
        route.continue_()
    rater.page.unroute_all(behavior="ignoreErrors")
    assert rater.page.evaluate("coming.then((shown) => shown.presentation.number)") == 1


def test_a_lost_network_is_told_and_grading_goes_on(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    eventually(rater.page, lambda: sum("/sheets/" in url for url in rater.requests) >= 6)
    rater.page.wait_for_timeout(500)
    rater.context.set_offline(True)
    for key in ("1", "2", "3"):
        rater.press(key)
    rater.until("document.getElementById('saved').textContent.startsWith('No connection: 3')")
    assert votes(folder) == []
    rater.context.set_offline(False)
    rater.saved()
    assert votes(folder) == ["A", "B", "C"]
    assert rater.page.locator("#saved").inner_text() == "All saved"


def test_votes_outlive_a_server_that_is_killed_and_a_session_that_is_gone(browser, folder):
    with serving(folder, "--port", "0") as (address, process):
        port = address.rsplit(":", 1)[1]
        rater = sit(browser, folder, address)
        rater.press("2")
        rater.saved()
        process.kill()
        process.wait()
        rater.press("3")
        rater.press("4")
    with serving(folder, "--port", port) as (address, _):
        rater.page.wait_for_url("**/enter#out", timeout=20_000)
        rater.page.wait_for_selector("#trouble:has-text('You are signed out')")
        rater.page.fill("#enter [name=pseudonym]", "R001")
        rater.page.fill("#enter [name=passphrase]", "correct horse battery")
        rater.page.keyboard.press("Enter")
        assert rater.seen() == 3
        rater.saved()
    assert votes(folder) == ["B", "C", "D"]


def test_votes_never_go_out_under_another_name_that_was_signed_in_meanwhile(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.press("1")
    rater.saved()
    other = rater.context.new_page()
    other.goto(link(folder, address, "R002"))
    for field in ("passphrase", "again"):
        other.fill(f"#join [name={field}]", "correct horse battery")
    other.keyboard.press("Enter")
    other.wait_for_selector("#joined:not([hidden])")
    rater.press("2")
    rater.page.wait_for_url("**/enter#out")
    assert (votes(folder), votes(folder, "R002")) == (["A"], [])
    rater.page.fill("#enter [name=pseudonym]", "R001")
    rater.page.fill("#enter [name=passphrase]", "correct horse battery")
    rater.page.keyboard.press("Enter")
    rater.seen()
    rater.saved()
    assert (votes(folder), votes(folder, "R002")) == (["A", "B"], [])


def test_pause_and_lock_reach_the_raters_page(browser, folder, address):
    rater, head = sit(browser, folder, address), sit(browser, folder, address, "C001")
    rater.press("1")
    rater.saved()
    head.page.click("[data-move=paused]")
    head.page.wait_for_selector("#open:not([hidden])")
    rater.press("2")
    rater.until("document.getElementById('saved').classList.contains('waiting')")
    head.page.click("#open")
    rater.saved(25)
    assert votes(folder) == ["A", "B"]
    head.page.click("[data-move=locked]")
    head.page.click("#sure [value=no]")
    assert head.page.locator("#state").inner_text() == "Open"
    head.page.click("[data-move=locked]")
    head.page.click("#sure [value=yes]")
    head.until("document.getElementById('state').textContent === 'Locked'")
    rater.page.reload()
    rater.page.wait_for_selector("text=The study is locked")


def test_a_link_names_the_server_as_others_reach_it(browser, folder):
    with open_study(folder) as study, served(study, "http://clinic-pc:8765") as address:
        head = sit(browser, folder, address, "C001")
        head.page.click("[data-invite=rater]")
        head.page.wait_for_selector("#links input")
        assert head.page.locator("#links input").input_value().startswith("http://clinic-pc:8765/enter#code=")
        assert head.page.locator("#only-here").is_hidden()
        head.context.close()


@pytest.mark.parametrize("name", ["R001", "C001"])
def test_whoever_cannot_sign_out_stays_and_is_told(browser, folder, address, name):
    seat = sit(browser, folder, address, name)
    told = []
    seat.page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.accept()))
    seat.page.route("**/api/session", lambda route: route.abort())
    seat.page.click("#leave")
    eventually(seat.page, lambda: told)
    assert told[0].startswith("You are still signed in")
    assert not seat.page.url.endswith("/enter")
    seat.page.unroute_all(behavior="ignoreErrors")
    seat.page.click("#leave")
    seat.page.wait_for_url("**/enter")
    seat.page.goto(address)
    assert seat.page.url.endswith("/enter")


def test_a_study_served_to_this_computer_alone_says_so_beside_its_links(browser, folder, address):
    head = sit(browser, folder, address, "C001")
    head.page.wait_for_selector("#only-here:visible")
    assert "--host" in head.page.locator("#only-here").inner_text()


def test_the_lock_counts_the_seats_that_nobody_took(browser, folder, address):
    rater, head = sit(browser, folder, address), sit(browser, folder, address, "C001")
    rater.press("1")
    rater.saved()
    head.until("document.getElementById('progress').textContent === '1 of 36'")
    assert head.page.locator("#seats").inner_text() == "1 of 3 seats are taken."
    head.page.click("[data-move=locked]")
    told = head.page.locator("#sure-text").inner_text()
    assert "35 of 36 presentations" in told
    assert "2 of 3 seats are empty" in told


def test_what_the_coordinator_asked_for_in_vain_stays_told(browser, folder, address):
    head = sit(browser, folder, address, "C001")
    head.page.route("**/api/invitations", lambda route: route.abort())
    head.page.click("[data-invite=rater]")
    head.page.wait_for_selector("#trouble:visible")
    with head.page.expect_response("**/api/study"):
        pass
    head.page.wait_for_timeout(300)
    assert head.page.locator("#trouble").is_visible()
    head.page.unroute_all(behavior="ignoreErrors")
    head.page.click("[data-invite=rater]")
    head.page.wait_for_selector("#links input")
    assert head.page.locator("#trouble").is_hidden()
    refused = {"refused": {"key": "state", "values": {"before": "locked", "after": "paused"}}}
    head.page.route("**/api/state", lambda route: route.fulfill(status=409, json=refused))
    head.page.click("#language")
    with head.page.expect_response("**/api/study"):
        head.page.click("[data-move=paused]")
    head.page.wait_for_timeout(300)
    assert "「締切済み」" in head.page.locator("#trouble").inner_text()
    assert "locked" not in head.page.locator("#trouble").inner_text()


def test_a_link_that_the_coordinator_makes_lets_one_rater_in(browser, folder, address):
    head = sit(browser, folder, address, "C001")
    head.page.click("[data-invite=rater]")
    made = head.page.locator("#links input").input_value()
    rater = Seat(browser, address).join(made)
    rater.seen()
    assert rater.page.locator("#who").inner_text() == "R001"
    eventually(head.page, lambda: head.page.locator("#raters td").first.inner_text() == "R001")
    again = Seat(browser, address)
    again.page.goto(made)
    again.page.fill("#join [name=passphrase]", "another passphrase")
    again.page.fill("#join [name=again]", "another passphrase")
    again.page.keyboard.press("Enter")
    again.page.wait_for_selector("#trouble:not([hidden])")


def test_the_page_turns_to_japanese_and_back_without_losing_its_place(browser, folder, address):
    rater = sit(browser, folder, address, locale="ja-JP")
    rater.press("1")
    assert rater.seen() == 1
    assert rater.page.locator("html").get_attribute("lang") == "ja"
    assert "最も望ましい" in rater.page.locator("#grades").inner_text()
    rater.page.click("#language")
    assert rater.page.locator("#cannot").inner_text().startswith("Cannot judge")
    assert "undefined" not in rater.page.locator("body").inner_text()
    assert rater.number() == 1
    rater.page.reload()
    rater.seen()
    assert rater.page.locator("html").get_attribute("lang") == "en"


def pixels(seat, path):
    """A sheet's first frame as the page decodes it, (150, 150) of the red channel."""
    code = """async (path) => {
      const { picture } = await import("/assets/server.js");
      const shown = await picture(path);
      const pen = new OffscreenCanvas(shown.width, shown.height).getContext("2d");
      pen.drawImage(shown, 0, 0);
      const { data } = pen.getImageData(0, 0, 150, 150);
      return Array.from(data).filter((_, at) => at % 4 === 0);
    }"""
    return np.array(seat.page.evaluate(code, path), np.uint8).reshape(150, 150)


def test_every_pixel_is_shown_as_it_was_recorded(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    path = next(url for url in rater.requests if "/sheets/" in url)
    shown = pixels(rater, path)
    first = [read_frames(folder, sheet)[0] for sheet in read_sheets(folder)]
    assert sum(np.array_equal(shown, one) for one in first) == 1


def rate_hz(seat, ms=4000):
    """Frames a second by which the clip on show goes on, whatever the browser leaves out; a clip has 16."""
    watch = """(ms) => new Promise((done) => {
      const seen = [];
      const shown = document.getElementById("frame");
      const note = () => seen.push([performance.now() / 1000, parseInt(shown.textContent.match(/\\d+/)[0])]);
      new MutationObserver(note).observe(shown, { childList: true });
      setTimeout(() => done(seen), ms);
    })"""
    time_s, number = np.array(seat.page.evaluate(watch, ms)).T
    return np.polyfit(time_s, np.unwrap(number, period=16), 1)[0]


def test_a_clip_loops_at_its_true_rate_and_at_a_quarter_of_it(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    assert rate_hz(rater) == pytest.approx(15.0, rel=0.02)
    rater.page.keyboard.press("s")
    assert rate_hz(rater) == pytest.approx(3.75, rel=0.05)


def frame(seat):
    return seat.page.locator("#frame").inner_text()


def test_frames_zoom_and_brightness_follow_the_keys_and_go_back(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    rater.page.keyboard.press("ArrowRight")
    first = frame(rater)
    rater.page.wait_for_timeout(300)
    assert frame(rater) == first
    for _ in range(15):
        rater.page.keyboard.press("ArrowRight")
    rater.page.keyboard.press("ArrowRight")
    assert frame(rater) == first
    rater.page.keyboard.press("ArrowLeft")
    assert frame(rater) != first
    for _ in range(9):
        rater.page.keyboard.press("+")
    rater.page.keyboard.press("ArrowUp")
    assert rater.page.locator("#zoom").inner_text() == "4×"
    assert rater.page.locator("#brightness").inner_text() == "110 %"
    rater.page.keyboard.press("0")
    assert rater.page.locator("#zoom").inner_text() == "1×"
    assert rater.page.locator("#brightness").inner_text() == "100 %"
    rater.page.wait_for_timeout(300)
    assert frame(rater) != first


def marked(seat):
    """How many pixels of the clip on show have the colour of the corners."""
    code = """() => {
      const canvas = document.getElementById("clip");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) count += data[at] - data[at + 2] > 60;
      return count;
    }"""
    return seat.page.evaluate(code)


def test_a_button_hides_the_corners_of_a_fixed_field_on_a_tablet(browser, tmp_path):
    folder = prepared(new(tmp_path / "field", block=50, view="field"))
    with open_study(folder) as study, served(study) as address:
        rater = sit(browser, folder, address, size=TABLET)
        rater.seen()
        assert marked(rater) > 50
        rater.page.click("#mark")
        assert rater.page.locator("#mark").get_attribute("aria-pressed") == "false"
        assert marked(rater) == 0
        rater.page.click("#mark")
        assert marked(rater) > 50
        rater.context.close()


def test_there_is_no_button_for_corners_where_the_view_follows_the_head(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    assert rater.page.locator("#mark").is_hidden()


def test_the_receipt_that_a_rater_keeps_is_one_that_verify_reads(browser, folder, address, tmp_path):
    from spermscope.rating.verifying import read_receipts

    rater = sit(browser, folder, address)
    assert rater.page.locator("#receipt").is_disabled()
    rater.press("1")
    rater.saved()
    with rater.page.expect_download() as coming:
        rater.page.click("#receipt")
    coming.value.save_as(tmp_path / "receipt.json")
    (receipt,) = read_receipts(tmp_path / "receipt.json")
    assert len(receipt.signature) == 128


@pytest.mark.parametrize("size", [LAPTOP, TABLET, (1024, 768), PHONE])
@pytest.mark.parametrize("locale", ["en-GB", "ja-JP"])
def test_everything_a_rater_needs_is_within_sight(browser, folder, address, size, locale):
    rater = sit(browser, folder, address, size=size, locale=locale)
    rater.seen()
    width, height = size
    assert rater.page.evaluate("document.documentElement.scrollWidth") <= width
    for part in ("#clip", "#grades button:nth-child(1)", "#grades button:nth-child(5)", "#cannot", "#undo", "#leave"):
        box = rater.page.locator(part).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width + 1
        assert size == PHONE or box["y"] + box["height"] <= height + 1, part
    assert rater.page.locator("#clip").bounding_box()["width"] >= min(300, 0.8 * width)


@pytest.mark.parametrize("page", ["enter", "rate", "coordinate"])
def test_a_page_whose_words_fail_once_says_so_and_goes_on_by_itself(browser, folder, address, page):
    if page == "enter":
        seat = Seat(browser, address)
    else:
        seat = sit(browser, folder, address, {"rate": "R001", "coordinate": "C001"}[page])
    seat.page.route("**/words", lambda route: route.fulfill(status=502, body="bad gateway"))
    seat.page.goto(f"{address}/{page}")
    seat.page.wait_for_selector(".unreached:has-text('does not answer'):has-text('応答しません')")
    seat.page.unroute_all(behavior="ignoreErrors")
    seat.page.wait_for_selector("main")
    assert seat.page.locator(".unreached").is_hidden()


PAGES = {"enter": None, "join": None, "rate": "R001", "coordinate": "C001"}


@pytest.mark.parametrize("size", [LAPTOP, PHONE])
@pytest.mark.parametrize("page", PAGES)
@needs_axe
def test_axe_finds_no_serious_fault(browser, folder, address, page, size):
    if PAGES[page]:
        seat = sit(browser, folder, address, PAGES[page], size=size)
        seat.page.wait_for_selector("#clip:visible" if page == "rate" else "#state:not(:empty)")
        opened = {"rate": ["#show-keys"], "coordinate": ["[data-invite=rater]", "[data-move=locked]"]}[page]
    else:
        seat, opened = Seat(browser, address, size=size), []
        seat.page.goto(f"{address}/enter{'#code=X' if page == 'join' else ''}")
        seat.page.wait_for_selector("main:not([hidden])")
    for step in [None, *opened]:
        if step:
            seat.page.click(step)
            seat.page.wait_for_timeout(200)
        assert seat.faults() == []


def test_whoever_goes_by_tab_sees_where_he_is(browser, folder, address):
    rater = sit(browser, folder, address)
    rater.seen()
    reached = set()
    for _ in range(40):
        rater.page.keyboard.press("Tab")
        name, outline = rater.page.evaluate(
            "[document.activeElement.id || document.activeElement.className || document.activeElement.dataset.do || '',"
            " getComputedStyle(document.activeElement).outlineWidth]"
        )
        if rater.page.evaluate("document.activeElement !== document.body"):
            reached.add(name)
            assert outline == "3px", name
    assert {"language", "leave", "cannot", "show-keys"} <= reached
