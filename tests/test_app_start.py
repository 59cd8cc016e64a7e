"""The start: by its command, without sockets, told in one line where Qt is missing."""

import sys
import textwrap

import pytest
from click.testing import CliRunner
from test_house import FORBID_SOCKETS, run_fresh

pytest.importorskip("PySide6")

from spermscope.cli import commands

SESSION = """
import os, time
from pathlib import Path
os.environ["QT_QPA_PLATFORM"] = "offscreen"
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from spermscope.app import application
from spermscope.app.window import LiveWindow

began, folder, seen = time.monotonic(), Path(sys.argv[1]), []

def look():
    window = next(part for part in QApplication.topLevelWidgets() if isinstance(part, LiveWindow))
    window._sure = lambda: True
    if window.view.shown is not None and not seen:
        seen.append(time.monotonic() - began)
        QTimer.singleShot(1500, window.close)
    elif window.running.run is None and window.notices.lines:
        print(window.notices.lines)
        QApplication.exit(0 if seen else 1)

running = QApplication([])
timer = QTimer()
timer.timeout.connect(look)
timer.start(100)
source = "sim:width_px=240,height_px=200,um_per_px=0.4,cells=3,fps=15,duration_s=60"
code = application.start(source, out=folder, sample="S-1")
print("picture after", seen, "session of", sorted(path.name for path in next(folder.iterdir()).iterdir()))
sys.exit(code)
"""


@pytest.mark.slow
def test_a_session_of_the_window_opens_no_socket(tmp_path, monkeypatch):
    monkeypatch.setenv("SPERMSCOPE_CONFIG", str(tmp_path / "config"))
    done = run_fresh(FORBID_SOCKETS + textwrap.dedent(SESSION), str(tmp_path / "sessions"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report.html" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_tells_what_it_takes():
    said = CliRunner().invoke(commands, ["live", "--help"]).output
    for word in (
        "--um-per-px",
        "--optics",
        "--out",
        "--sample",
        "--operator",
        "--language",
        "Example: spermscope live",
    ):
        assert word in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sample", "Hanako"], "expected a code"),
        (["--optics", "unknown"], "none calibrated yet"),
        (["--optics", "a", "--um-per-px", "0.4"], "expected one scale"),
    ],
)
def test_what_cannot_be_used_is_refused_before_a_window_opens(words, told, tmp_path, monkeypatch):
    monkeypatch.setenv("SPERMSCOPE_CONFIG", str(tmp_path))
    done = CliRunner().invoke(commands, ["live", "camera:0", *words], standalone_mode=False)
    assert isinstance(done.exception, ValueError)
    assert told in str(done.exception)


def test_without_qt_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PySide6", None)
    done = CliRunner().invoke(commands, ["live"], standalone_mode=False)
    assert isinstance(done.exception, ValueError)
    assert "extra: app" in str(done.exception)
