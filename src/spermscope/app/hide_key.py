"""A key that, while it is held, hides every mark: Space, wherever the focus is, save where text is typed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QLineEdit, QPlainTextEdit, QWidget

_TYPED = (QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit)


class HideKey(QObject):
    """``held`` says that the key went down or up while ``window`` is the active one."""

    held = Signal(bool)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._down = False
        running = QApplication.instance()
        if running is not None:
            running.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the key from whatever has the focus."""
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Space:
            typing = isinstance(QApplication.focusWidget(), _TYPED) or not self._window.isActiveWindow()
            if not typing and event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
                if not event.isAutoRepeat():
                    self._set(event.type() == QEvent.Type.KeyPress)
                return True
        elif event.type() == QEvent.Type.WindowDeactivate and watched is self._window:
            self._set(False)
        return super().eventFilter(watched, event)

    def _set(self, down: bool) -> None:
        if down != self._down:
            self._down = down
            self.held.emit(down)
