"""One message catalogue, English and Japanese, for the report and everything else that speaks to people."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files

LANGUAGES = ("en", "ja")
_LIST = {"en": ", ", "ja": "、"}
_SENTENCES = ("why", "items", "error", "name")
"""Placeholders that hold more than one word; what stands at the others is a number or a word."""


def text(key: str, language: str = "en", **values: object) -> str:
    """The message ``key`` in that language with its ``{placeholders}`` filled.

    Raises
    ------
    KeyError
        When there is no such message or language: a mistake of ours, never of the user.
    """
    return catalogue()[key][language].format(**values)


def listed(parts: list[str], language: str = "en") -> str:
    """The parts in a row, with that language's comma."""
    return _LIST[language].join(parts)


def told(line: str, language: str = "en") -> str:
    """A reason or note, which results keep in English, in that language.

    The line is found by the catalogue's English patterns, the one with the most letters of its own first; a line that
    none fits (an operating system's own words) stays as it is.
    """
    if language == "en":
        return line
    for key, pattern in _patterns():
        found = pattern.fullmatch(line)
        if found:
            return reasons()[key][language].format(**_told_values(found.groupdict(), language))
    return line


def _told_values(values: dict[str, str], language: str) -> dict[str, str]:
    """What stood at the placeholders: numbers as they are, a reason within a reason and a list of them told too."""
    for name, value in values.items():
        if name == "why":
            values[name] = told(value, language)
        elif name == "items":
            values[name] = listed([told(item, language) for item in value.split(", ")], language)
    return values


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    found = [(key, re.split(r"\{(\w+)\}", messages["en"])) for key, messages in reasons().items()]
    found.sort(key=lambda item: -sum(map(len, item[1][::2])))
    return [(key, re.compile("".join(_piece(part, at % 2) for at, part in enumerate(parts)))) for key, parts in found]


def _piece(part: str, is_placeholder: int) -> str:
    if not is_placeholder:
        return re.escape(part)
    return f"(?P<{part}>.+)" if part in _SENTENCES else rf"(?P<{part}>\S+)"


@lru_cache(maxsize=1)
def catalogue() -> dict[str, dict[str, str]]:
    """Every message by key, then by language."""
    return _read("messages.toml")


@lru_cache(maxsize=1)
def reasons() -> dict[str, dict[str, str]]:
    """Every reason and note by key, then by language."""
    return _read("reasons.toml")


@lru_cache(maxsize=1)
def pages() -> dict[str, dict[str, str]]:
    """What the pages of a rating study say, by key, then by language; with every refusal, which others say too."""
    refusals = {key: messages for key, messages in catalogue().items() if key.startswith("refused_")}
    return _read("rating.toml") | refusals


@lru_cache(maxsize=1)
def screens() -> dict[str, dict[str, str]]:
    """What the live application's windows say, by key, then by language."""
    return _read("app.toml")


def _read(name: str) -> dict[str, dict[str, str]]:
    return tomllib.loads(files("spermscope.locale").joinpath(name).read_text(encoding="utf-8"))
