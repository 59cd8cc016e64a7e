"""The pages as files: their words are in the catalogue, nothing comes from outside, nothing runs from within."""

import re
from html import escape
from importlib.resources import files

import pytest

from spermscope.locale import pages
from spermscope.rating.protocol import REASONS
from spermscope.rating.web.guards import POLICY
from spermscope.rating.web.pages import OTHERS, PAGES, assets

SOURCES = {
    item.name: item.read_text(encoding="utf-8") for item in files("spermscope.rating.web").joinpath("assets").iterdir()
}
HTML = sorted(name for name in SOURCES if name.endswith(".html"))
SCRIPTS = sorted(name for name in SOURCES if name.endswith(".js"))


def test_every_page_is_there_and_every_asset_is_served():
    assert {f"{page}.html" for page in (*PAGES, *OTHERS)} == set(HTML)
    assert set(assets()) == set(SOURCES)


@pytest.mark.parametrize("name", HTML)
def test_a_page_says_only_what_stands_in_the_catalogue(name):
    keys = re.findall(r'data-say(?:-label|-title)?="([^"]+)"', SOURCES[name])
    assert len(keys) > 5
    assert not set(keys) - set(pages())
    bare = re.sub(r"<title>.*?</title>|<svg.*?</svg>|<[^>]+>", "", SOURCES[name], flags=re.S)
    assert not re.search(r"[A-Za-z]{2}", bare), "words outside the catalogue"


@pytest.mark.parametrize("name", HTML)
def test_a_page_says_in_both_languages_that_it_waits_before_it_has_its_words(name):
    served = assets()[name].body.decode()
    assert "waiting" in re.search(r"<body class=\"([^\"]+)\"", served)[1]
    for language, line in pages()["unreached"].items():
        assert f'<p lang="{language}">{escape(line)}</p>' in served


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_only_what_stands_in_the_catalogue(name):
    keys = re.findall(r'\bsay\("([^"]+)"', SOURCES[name]) + re.findall(r'\btell\("([^"]+)"', SOURCES[name])
    assert not set(keys) - set(pages())


def test_verbs_reasons_and_states_have_their_words():
    verbs = re.findall(r'^  \["(\w+)", \[', SOURCES["keys.js"], flags=re.M)
    assert len(verbs) == 14
    states = [f"state_{state}" for state in ("draft", "open", "paused", "locked")]
    assert not {*verbs, *REASONS, *states, "rater", "coordinator", "pan"} - set(pages())


def test_no_word_of_the_pages_is_left_over():
    built = {"state_", "view_", "trail_", "invite_", "refused_"}
    used = "\n".join(SOURCES.values())
    for key in pages():
        assert f'"{key}"' in used or key in REASONS or any(key.startswith(start) for start in built), key


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_nothing_comes_from_outside_and_no_script_or_style_stands_inside_a_page(name):
    text = SOURCES[name].replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]|@import|url\(", text)
    if name in HTML:
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", text)
        assert all(path.startswith("/") for path in re.findall(r'(?:src|href)="([^"]+)"', text))
    if name in SCRIPTS:
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)


def test_the_policy_lets_in_only_what_the_server_itself_has():
    rules = dict(rule.strip().split(" ", 1) for rule in POLICY.split(";"))
    assert rules["default-src"] == "'none'"
    assert {value for name, value in rules.items() if name.endswith("-src") and name != "default-src"} == {"'self'"}
