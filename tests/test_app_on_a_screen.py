"""A whole session in a real window on a virtual screen, by keys, as ``benchmarks.screens`` drives it."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from spermscope.acquisition.recovery import describe

pytest.importorskip("PySide6")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs a virtual screen (xvfb-run)"),
]
HOUSE = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("screen")
    screen = ["xvfb-run", "-a", "-s", "-screen 0 2600x1500x24"]
    command = [*screen, sys.executable, "-m", "benchmarks.screens", str(place)]
    done = subprocess.run(
        command, cwd=HOUSE, env=os.environ | {"QT_QPA_PLATFORM": "xcb"}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def test_every_window_was_painted_in_both_languages_and_sizes(folder):
    sides = {path.name: cv2.imread(str(path)).shape for path in folder.glob("live-*.png")}
    assert {name: sides[name][1::-1] for name in sides} == {
        f"live-{tongue}-{width}.png": (width, height)
        for tongue in ("en", "ja")
        for width, height in ((1280, 800), (2560, 1440))
    }
    names = {path.name.split("-")[0] for path in folder.glob("*.png")}
    assert names >= {"empty", "setup", "live", "keys", "micrometer", "frozen", "replay", "kept", "sessions"}
    shown, asked = (cv2.imread(str(folder / f"{name}-en-1280.png")) for name in ("live", "empty"))
    assert shown.std() > asked.std()


def test_the_session_holds_the_recording_the_decision_and_the_report(folder):
    (session,) = (path for path in (folder / "sessions").iterdir() if path.is_dir())
    assert (session / "report.html").is_file()
    assert json.loads((session / "session.json").read_text(encoding="utf-8"))["complete"]
    with (session / "decisions.csv").open(encoding="utf-8") as table:
        assert [row["action"] for row in csv.DictReader(table)] == ["accept"]
    recording = describe(session, verify=True)
    assert recording.ended
    assert recording.frames > 15 * 10
    assert not recording.lines
