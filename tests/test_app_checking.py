"""The self-test at the start: in the background, and predictions stay off unless every stage agreed."""

import json
import sys

import pytest

pytest.importorskip("PySide6")

from spermscope.app.checking import RUNNING, SelfTest, outcome
from spermscope.locale import told


def stages(**ok):
    return json.dumps([{"stage": name, "ok": value, "found": ""} for name, value in ok.items()]).encode()


def test_every_stage_agreed():
    assert outcome(stages(video=True, detect=True)) == ""


def test_the_stages_that_differ_are_named():
    assert (
        outcome(stages(video=True, detect=False, grade=False)) == "not graded: the self-test differs in detect, grade"
    )


@pytest.mark.parametrize("said", [b"", b"[]", b"Traceback ...", b'{"ok": true}', b'[{"stage": "video"}]', b"[1]"])
def test_no_outcome_is_none(said):
    assert outcome(said) == "not graded: the self-test ended without an outcome"


@pytest.mark.parametrize("reason", [RUNNING, outcome(b""), outcome(stages(grade=False))])
def test_every_reason_has_its_japanese(reason):
    assert told(reason, "ja").startswith("評価なし:動作確認")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ('print(\'[{"stage": "video", "ok": true}]\')', ""),
        ('print(\'[{"stage": "video", "ok": false}]\'); raise SystemExit(1)', "the self-test differs in video"),
        ("raise SystemExit(1)", "without an outcome"),
        ("import os; os.abort()", "without an outcome"),
    ],
)
def test_a_process_tells_its_outcome(qtbot, code, reason):
    test = SelfTest(command=("-c", code))
    assert test.reason == RUNNING
    with qtbot.waitSignal(test.done, timeout=20_000) as done:
        test.start()
    assert done.args == [test.reason]
    assert test.reason.endswith(reason)
    assert bool(test.reason) == bool(reason)


def test_a_process_that_cannot_start_is_told(qtbot, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    test = SelfTest()
    with qtbot.waitSignal(test.done, timeout=5_000) as done:
        test.start()
    assert done.args == ["not graded: the self-test could not be started"]


def test_a_stopped_one_tells_nothing(qtbot):
    test = SelfTest(command=("-c", "import time; time.sleep(60)"))
    test.start()
    with qtbot.assertNotEmitted(test.done, wait=200):
        test.stop()
    assert test.reason == RUNNING
