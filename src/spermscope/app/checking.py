"""The self-test at the start, in a process of its own: predictions wait for its outcome, the picture for nothing."""

from __future__ import annotations

import json
import sys

from PySide6.QtCore import QObject, QProcess, Signal

COMMAND = ("-m", "spermscope", "selftest", "--json")
MOST_MS = 180_000
RUNNING = "not graded: the self-test is running"


class SelfTest(QObject):
    """Runs the self-test once; ``done`` tells why predictions stay off, '' when every stage agreed."""

    done = Signal(str)

    def __init__(self, parent: QObject | None = None, command: tuple[str, ...] = COMMAND) -> None:
        super().__init__(parent)
        self._command = command
        self._process = QProcess(self)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._could_not)
        self.reason = RUNNING

    def start(self) -> None:
        """Begin; returns at once."""
        self._process.start(sys.executable, list(self._command))

    def stop(self) -> None:
        """End a test that is still running; it tells nothing then."""
        self._process.blockSignals(True)
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.kill()
            self._process.waitForFinished(5000)

    def _could_not(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._tell("not graded: the self-test could not be started")

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._tell(outcome(bytes(self._process.readAllStandardOutput().data())))

    def _tell(self, reason: str) -> None:
        self.reason = reason
        self.done.emit(reason)


def outcome(said: bytes) -> str:
    """Why predictions stay off after a self-test that wrote this, '' when every stage agreed."""
    try:
        stages = json.loads(said)
        differ = [str(stage["stage"]) for stage in stages if stage["ok"] is not True]
    except (ValueError, TypeError, KeyError):
        return "not graded: the self-test ended without an outcome"
    if not stages:
        return "not graded: the self-test ended without an outcome"
    return f"not graded: the self-test differs in {', '.join(differ)}" if differ else ""
