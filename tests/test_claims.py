"""Locks between processes: one does the work, and what a dead one left is taken over."""

import json
import os
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from spermscope.training.claims import UNWRITTEN_S, abandoned, claim, holder

HOLD = """
import sys, time
from pathlib import Path
from spermscope.training.claims import claim
with claim(Path(sys.argv[1])) as ours:
    print(ours, flush=True)
    time.sleep(60)
"""
RACE = """
import sys, time
from pathlib import Path
from spermscope.training.claims import claim
folder, me = Path(sys.argv[1]), sys.argv[2]
for number in range(150):
    done = folder / f"{number}.done"
    with claim(folder / f"{number}.lock") as ours:
        if ours and not done.exists():
            with (folder / "log").open("a") as log:
                log.write(f"{number}\\n")
            time.sleep(0.002)
            done.touch()
"""


def start(code, *words):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), *map(str, words)], stdout=subprocess.PIPE)


def test_a_living_process_keeps_its_lock_and_a_killed_one_loses_it(tmp_path):
    lock = tmp_path / "c.lock"
    other = start(HOLD, lock)
    assert other.stdout.readline().strip() == b"True"
    assert holder(lock) == (other.pid, socket.gethostname())
    with claim(lock) as ours:
        assert not ours
    assert lock.exists()
    other.kill()
    other.wait()
    with claim(lock) as ours:
        assert ours
        assert holder(lock) == (os.getpid(), socket.gethostname())
    assert not lock.exists()
    other.stdout.close()


def test_a_lock_goes_when_the_work_fails(tmp_path):
    with pytest.raises(KeyError), claim(tmp_path / "c.lock"):
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_another_machines_lock_is_never_taken_over(tmp_path):
    lock = tmp_path / "c.lock"
    lock.write_text(json.dumps({"pid": os.getpid(), "host": "elsewhere"}), encoding="utf-8")
    with claim(lock) as ours:
        assert not ours
    assert holder(lock) == (os.getpid(), "elsewhere")


@pytest.mark.parametrize("left", ["", "{", "[]", '{"pid": "x"}'])
def test_a_lock_that_was_never_written_is_taken_over_after_a_while(tmp_path, left):
    lock = tmp_path / "c.lock"
    lock.write_text(left, encoding="utf-8")
    assert holder(lock) is None
    assert not abandoned(lock)
    old = time.time() - UNWRITTEN_S - 1
    os.utime(lock, (old, old))
    with claim(lock) as ours:
        assert ours


def test_an_earlier_process_with_our_number_holds_nothing(tmp_path):
    lock = tmp_path / "c.lock"
    lock.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}), encoding="utf-8")
    with claim(lock) as ours:
        assert ours


def test_of_three_processes_one_does_each_piece_of_work(tmp_path):
    racers = [start(RACE, tmp_path, me) for me in "abc"]
    for racer in racers:
        assert racer.wait(60) == 0
        racer.stdout.close()
    done = (tmp_path / "log").read_text(encoding="utf-8").split()
    assert sorted(done, key=int) == [str(number) for number in range(150)]
