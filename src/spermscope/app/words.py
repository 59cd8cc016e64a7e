"""The application's words in the language that is spoken now; it changes at once, without a restart.

The language belongs to the ``QApplication``. A widget sets its texts in one method and calls that method again from
``changeEvent`` on ``QEvent.Type.LanguageChange``, which Qt hands down from the windows to every child.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from spermscope import locale

_SPOKEN = "spermscope language"


def language() -> str:
    """``en`` or ``ja``; ``en`` until ``speak`` was called or where no application runs."""
    running = QCoreApplication.instance()
    return str((running and running.property(_SPOKEN)) or "en")


def speak(tongue: str) -> None:
    """Say everything in that language (``en`` or ``ja``) from now on, on every open window.

    Raises
    ------
    ValueError
        When it is no language of the catalogue.
    """
    if tongue not in locale.LANGUAGES:
        raise ValueError(f"language: expected one of {locale.LANGUAGES}, found {tongue!r}")
    running = QApplication.instance()
    if running is None or tongue == language():
        return
    running.setProperty(_SPOKEN, tongue)
    for window in QApplication.topLevelWidgets():
        QCoreApplication.sendEvent(window, QEvent(QEvent.Type.LanguageChange))


def word(key: str, **values: object) -> str:
    """The message ``key`` of ``locale/app.toml`` with its ``{placeholders}`` filled.

    Raises
    ------
    KeyError
        When there is no such message: a mistake of ours.
    """
    return locale.screens()[key][language()].format(**values)


def told(line: str) -> str:
    """A reason or note, which results keep in English, in the language that is spoken."""
    return locale.told(line, language())
