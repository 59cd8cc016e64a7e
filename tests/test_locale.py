"""The catalogue: both languages whole, and no word that promises what no picture can."""

import re
import string

import pytest

from spermscope.locale import LANGUAGES, catalogue, text

FORBIDDEN_EN = ("healthy", "fertile", "viable", "normal", "good", "dead", "diagnosis", "pass", "fail")
FORBIDDEN_JA = ("正常", "異常", "良好", "不良", "死滅", "生存", "診断", "合格", "不合格")


def placeholders(message):
    return sorted(name for _, name, _, _ in string.Formatter().parse(message) if name)


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_every_message_is_there_in_both_languages_with_the_same_placeholders(key):
    messages = catalogue()[key]
    assert sorted(messages) == sorted(LANGUAGES)
    assert len({tuple(placeholders(message)) for message in messages.values()}) == 1
    assert all(message.strip() for message in messages.values())


def test_no_message_uses_a_word_that_we_do_not_use():
    for key, messages in catalogue().items():
        for word in FORBIDDEN_EN:
            assert not re.search(rf"\b{word}\b", messages["en"], re.IGNORECASE), (key, word)
        for word in FORBIDDEN_JA:
            assert word not in messages["ja"], (key, word)


def test_values_are_filled_in():
    assert text("none_seen", "en", frames=7) == "no cell seen in 7 frames"
    assert "7" in text("none_seen", "ja", frames=7)


def test_an_unknown_message_is_our_mistake():
    with pytest.raises(KeyError):
        text("no such thing")
