"""One message catalogue, English and Japanese, for the report and everything else that speaks to people."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

LANGUAGES = ("en", "ja")


def text(key: str, language: str = "en", **values: object) -> str:
    """The message ``key`` in that language with its ``{placeholders}`` filled.

    Raises
    ------
    KeyError
        When there is no such message or language: a mistake of ours, never of the user.
    """
    return catalogue()[key][language].format(**values)


@lru_cache(maxsize=1)
def catalogue() -> dict[str, dict[str, str]]:
    """Every message by key, then by language."""
    return tomllib.loads(files("spermscope.locale").joinpath("messages.toml").read_text(encoding="utf-8"))
