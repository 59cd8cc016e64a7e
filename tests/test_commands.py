"""The commands for data sets and studies: exit codes, JSON, one-line errors, and nothing loaded at start."""

import json
import os
import pickle
import re
import subprocess
import sys

import pytest
from test_dataset import write

from spermscope.dataset import open_dataset


def run(*words):
    command = [sys.executable, "-m", "spermscope.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)


def test_starting_loads_no_numpy():
    code = "import sys, spermscope.cli; print(sorted({'numpy', 'cv2', 'pydantic', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_study_is_simulated_checked_and_takes_votes(tmp_path):
    shape = ("--clips", 16, "--donors", 2, "--raters", 6, "--seed", 3, "--processes", 1)
    done = run("simulate", "study", "--out", tmp_path / "d", *shape)
    assert (done.returncode, done.stdout) == (
        0,
        f"{tmp_path / 'd'}: 16 clips of 2 donors, 96 votes of 6 simulated raters\n",
    )
    checked = run("data", "check", tmp_path / "d")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.endswith("16 clips of 2 donors, 96 votes of 6 raters\n")
    name = open_dataset(tmp_path / "d").items.clip[0]
    (tmp_path / "votes.csv").write_text(
        f"clip,rater,grade,presentation,view,time\n{name},new,C,1,,\n", encoding="utf-8"
    )
    assert run("data", "import", "rating", tmp_path / "votes.csv", "--out", tmp_path / "d").returncode == 0
    assert len(open_dataset(tmp_path / "d").votes) == 97


def test_a_set_with_faults_exits_2_and_says_them_in_json_and_japanese(tmp_path):
    folder = write(tmp_path / "d", 6)
    with (folder / "votes.csv").open("a", encoding="utf-8") as file:
        file.write("gone,r0,A,1,,\n")
    done = run("data", "check", folder, "--json")
    assert done.returncode == 2
    told = [finding for finding in json.loads(done.stdout) if finding["kind"] == "unknown_clip"]
    assert [(one["file"], one["row"], one["refuses"]) for one in told] == [("votes.csv", 14, True)]
    assert "votes.csv 14 行目" in run("data", "check", folder, "--language", "ja").stdout


def test_what_is_no_set_is_one_line(tmp_path):
    done = run("data", "check", tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == f"spermscope: {tmp_path}: expected a data set with dataset.json, found none"


class Call:
    def __reduce__(self):
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("name", ["grades", "16frame"])
def test_a_malicious_pickle_is_refused_in_one_clear_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p").mkdir()
    for part in ("grades", "16frame"):
        (tmp_path / "p" / f"{part}.pkl").write_bytes(pickle.dumps({"s": Call()} if part == name else {}))
    done = run("data", "import", "pickles", "p", "--raters", 40, "--out", "d")
    assert done.returncode == 2
    told = rf"spermscope: \S+{name}\.pkl: expected arrays and plain containers, found a call for \w+\.mkdir"
    assert re.fullmatch(told, done.stderr.strip())
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


@pytest.mark.parametrize("words", [(), ("movie",)])
def test_simulate_still_makes_a_movie_by_its_parameters(tmp_path, words):
    done = run("simulate", *words, "cells=1,width_px=64,height_px=64,duration_s=0.1", "--out", tmp_path / "m.mkv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.mkv").stat().st_size > 0
