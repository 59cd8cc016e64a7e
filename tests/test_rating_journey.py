"""A study from its first command to a model that learned from its votes, by people before real browsers."""

import re
import subprocess
import sys

import pytest
from rating_browsers import CHROMIUM, Seat, chromium, eventually, serving
from studies import noise_study

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

CLIPS, REPEATS = 30, 3


def spermscope(*words):
    done = subprocess.run(
        [sys.executable, "-m", "spermscope", *map(str, words)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rate_all(seat, keys):
    """Every clip that is left, with those keys in turn."""
    while (number := seat.number()) < CLIPS + REPEATS:
        seat.press(keys[number % len(keys)])
        eventually(seat.page, lambda before=number: seat.number() > before)


def reload_in_mid_vote(seat):
    """The vote is on its way when the page goes."""
    seat.page.route("**/api/votes", lambda route: None)
    seat.press("4")
    seat.page.unroute_all(behavior="ignoreErrors")
    seat.page.reload()
    assert seat.seen() == 1


def lose_the_network(seat):
    """Three clips are graded without one."""
    eventually(seat.page, lambda: sum("/sheets/" in url for url in seat.requests) >= 8)
    seat.page.wait_for_timeout(500)
    seat.context.set_offline(True)
    for key in "234":
        seat.press(key)
    seat.until("document.querySelector('#saved').classList.contains('waiting')")
    seat.context.set_offline(False)


@pytest.mark.usefixtures("toy_network")
def test_three_raters_grade_a_study_and_a_model_learns_from_it(tmp_path):
    noise_study(tmp_path / "clips", clips=CLIPS, donors=10, raters=2)
    study = tmp_path / "study"
    told = spermscope("rate", "new", study, "--from", tmp_path / "clips", "--raters", 3, "--repeats", 0.1)
    code = re.search(r"code: (\S+)", told)[1]
    with serving(study) as (address, _), chromium() as browser:
        seats = collect(browser, address, code)
        for seat in seats:
            assert seat.complaints == [one for one in seat.complaints if "ERR_INTERNET_DISCONNECTED" in one]
            assert seat.requests
            assert all(url.startswith((address, "data:", "blob:")) for url in seat.requests)
    rows = 3 * (CLIPS + REPEATS) + len(("open", "locked"))
    assert spermscope("rate", "verify", study).startswith(f"{rows} rows, {rows} of them anchored")
    spermscope("rate", "export", study, "--out", tmp_path / "rated")
    assert f"{CLIPS} clips" in spermscope("data", "check", tmp_path / "rated")
    learn(tmp_path / "rated", tmp_path / "toy.spermscope")


def collect(browser, address, code):
    """Coordinator and raters do their part in the browser; their seats."""
    head = Seat(browser, address).join(f"{address}/enter#code={code}")
    links = []
    for _ in range(3):
        head.page.click("[data-invite=rater]")
        eventually(head.page, lambda: head.page.locator("#links li").count() > len(links))
        links.append(head.page.locator("#links input").first.input_value())
    english, japanese, third = (
        Seat(browser, address, locale=locale).join(link)
        for locale, link in zip(("en-GB", "ja-JP", "en-GB"), links, strict=True)
    )
    english.page.wait_for_selector("text=The study has not started yet")
    head.page.click("#open")
    reload_in_mid_vote(japanese)
    assert "最も望ましい" in japanese.page.locator("#grades").inner_text()
    lose_the_network(third)
    for seat, keys in ((english, "12345"), (japanese, "2345"), (third, "13524")):
        rate_all(seat, keys)
        seat.saved(30)
    english.page.wait_for_selector("text=You have graded every clip")
    japanese.page.wait_for_selector("text=すべての動画の評価が終わりました")
    eventually(head.page, lambda: head.number() == 3 * (CLIPS + REPEATS))
    lock_and_read(head)
    return head, english, japanese, third


def lock_and_read(head):
    head.page.click("[data-move=locked]")
    head.page.click("#sure [value=yes]")
    head.page.wait_for_selector("#agreement-open:not([hidden])")
    with head.context.expect_page() as coming:
        head.page.click("#agreement-open")
    coming.value.wait_for_selector("text=Krippendorff", timeout=120_000)


def learn(dataset, out):
    from spermscope.runtime import load_model
    from spermscope.training.fitting import FitSettings
    from spermscope.training.network import train_network
    from spermscope.training.protocol import Cell

    card = load_model(train_network(dataset, out, Cell(0, 0, "emd", "toy"), FitSettings(epochs=2, batch=4))).card
    assert card.scores["donors"] >= 1
