"""The head of the candidates: how they are sorted and filtered, the tone, and whether a person grades first."""

from __future__ import annotations

from typing import get_args

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QToolButton, QWidget

from spermscope.acquisition.candidates import Filter, Sort
from spermscope.app.words import word
from spermscope.types import GRADES

FILTERS = (
    ("motile_only", "filter_motile"),
    ("followed", "filter_followed"),
    ("not_ambiguous", "filter_ambiguous"),
)


class CandidatesHead(QWidget):
    """Menus; ``changed`` when something was chosen, ``blind_changed`` when grading first was switched."""

    changed = Signal()
    blind_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sort: Sort = "rating"
        self.filter = Filter()
        self.tone_at: int | None = None
        self._demonstration = False
        self.sorting, self.filtering, self.blind = QToolButton(), QToolButton(), QToolButton()
        self.blind.setCheckable(True)
        self.blind.toggled.connect(self.blind_changed)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        for button in (self.sorting, self.filtering, self.blind):
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            button.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
            button.setStyleSheet("padding: 1px 6px;")
            line.addWidget(button, 1 if button is self.sorting else 0)
        self.sorts = self._sort_menu()
        self.filters = self._filter_menu()
        self.tones = self._tone_menu()
        self.retell()

    def _sort_menu(self) -> dict[Sort, QAction]:
        menu, group, found = QMenu(self), QActionGroup(self), {}
        for sort in get_args(Sort):
            action = QAction(self)
            action.setCheckable(True)
            action.setChecked(sort == self.sort)
            action.triggered.connect(lambda _=False, sort=sort: self._choose_sort(sort))
            group.addAction(action)
            menu.addAction(action)
            found[sort] = action
        self.sorting.setMenu(menu)
        return found

    def _filter_menu(self) -> dict[str, QAction]:
        menu, found = QMenu(self), {}
        for name, _ in FILTERS:
            action = QAction(self)
            action.setCheckable(True)
            action.setChecked(getattr(self.filter, name))
            action.toggled.connect(self._choose_filter)
            menu.addAction(action)
            found[name] = action
        self.filtering.setMenu(menu)
        return found

    def _tone_menu(self) -> dict[int | None, QAction]:
        self.toning = QMenu(self)
        group, found = QActionGroup(self), {}
        for at in (None, *range(len(GRADES) - 1)):
            action = QAction(self)
            action.setCheckable(True)
            action.setChecked(at is None)
            action.triggered.connect(lambda _=False, at=at: setattr(self, "tone_at", at))
            group.addAction(action)
            self.toning.addAction(action)
            found[at] = action
        menu = self.filtering.menu()
        assert menu is not None
        menu.addSeparator()
        menu.addMenu(self.toning)
        return found

    def set_demonstration(self, demonstration: bool) -> None:
        """A demonstration model has no tone: the menu says so and is off."""
        if demonstration != self._demonstration:
            self._demonstration = demonstration
            if demonstration:
                self.tone_at = None
                self.tones[None].setChecked(True)
            self.retell()

    def _choose_sort(self, sort: Sort) -> None:
        self.sort = sort
        self.retell()
        self.changed.emit()

    def _choose_filter(self) -> None:
        self.filter = Filter(**{name: action.isChecked() for name, action in self.filters.items()})
        self.retell()
        self.changed.emit()

    def retell(self) -> None:
        """Say everything in the language that is spoken."""
        self.sorting.setText(word("sort_by", what=word(f"sort_{self.sort}")))
        self.filtering.setText(word("filter"))
        self.blind.setText(word("blind_first"))
        self.blind.setToolTip(word("blind_first_more"))
        for sort, action in self.sorts.items():
            action.setText(word(f"sort_{sort}"))
        for name, key in FILTERS:
            self.filters[name].setText(word(key))
        self.toning.setTitle(word("tone_demonstration" if self._demonstration else "tone"))
        self.toning.setEnabled(not self._demonstration)
        for at, action in self.tones.items():
            action.setText(word("tone_off") if at is None else word("tone_at", grade=GRADES[at]))
