"""The whole comparison: kept cells, resumed and shared work, refusals, and the command."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from studies import noise_study
from toys import BrokenError, broken, toy

from spermscope.cli import commands
from spermscope.dataset import open_dataset
from spermscope.metrics import MEASURES, mse
from spermscope.temperature import tempered
from spermscope.training.comparing import compare
from spermscope.training.costs import Cost, total_s
from spermscope.training.fitting import FitSettings
from spermscope.training.judging import exam_of
from spermscope.training.material import Material
from spermscope.training.presets import Plan
from spermscope.training.protocol import Cell, Fold, folds

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("toy_network")]

QUICK = FitSettings(epochs=2, batch=4)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return noise_study(tmp_path_factory.mktemp("s") / "d")


@pytest.fixture(scope="module")
def plan(toy_network):
    return Plan(("toy",), ("emd", "macro-f1"), folds=2, alone=("toy",), fit=QUICK)


@pytest.fixture(scope="module")
def whole(study, plan, tmp_path_factory):
    said = []
    out = tmp_path_factory.mktemp("w") / "out"
    compare(study, out, plan, say=said.append)
    assert said[0].startswith("6 of 6 cells to train, about less than a minute for one process (a clip and step: toy ")
    return out


def table(out):
    with (out / "table.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_holds_what_the_kept_cells_predict_on_clips_of_unseen_donors(study, plan, whole):
    rows = {(row["row"], row["loss"], row["displacements"]): row for row in table(whole)}
    assert list(rows)[:5] == [(n, "", "") for n in ("mean_row", "ceiling_rater", "ceiling_half", "truth_row", "floor")]
    assert list(rows)[5:] == [("toy", "emd", "1"), ("toy", "macro-f1", "1"), ("toy", "emd", "0")]
    data = open_dataset(study)
    label, donor = data.distributions(), data.donor_number()
    for (network, loss, motion), row in list(rows.items())[5:]:
        predicted = np.full_like(label, np.nan)
        for fold in range(2):
            name = f"{network}{'' if motion == '1' else '-pictures'}_{loss}_seed0_fold{fold}"
            card = json.loads((whole / "cells" / f"{name}.json").read_text(encoding="utf-8"))
            with np.load(whole / "cells" / f"{name}.npz") as cell:
                assert not set(donor[cell["test_rows"]]) & set(donor[cell["held_rows"]])
                predicted[cell["test_rows"]] = tempered(cell["test"], card["temperature"])
        np.testing.assert_allclose(float(row["mse"]), mse(predicted, label).mean(), rtol=1e-5)
        assert float(row["mse_low"]) < float(row["mse"]) < float(row["mse_high"])


@pytest.mark.slow
def test_networks_begin_with_the_weights_of_a_folder_and_the_cells_remember_it(study, plan, whole, tmp_path):
    torch.manual_seed(1)
    torch.save(toy(5, 4).state_dict(), tmp_path / "toy.pt")
    compare(study, tmp_path / "out", plan, weights=tmp_path)
    assert table(tmp_path / "out")[5]["mse"] != table(whole)[5]["mse"]
    torch.save(toy(5, 4).state_dict(), tmp_path / "toy.pt")
    with pytest.raises(ValueError, match=r"initial weights [0-9a-f]{16}, found [0-9a-f]{16}; choose another"):
        compare(study, tmp_path / "out", plan, weights=tmp_path)
    with pytest.raises(ValueError, match="initial weights random, found"):
        compare(study, tmp_path / "out", plan)


def test_a_folder_that_lacks_a_networks_weights_is_refused(study, plan, tmp_path):
    with pytest.raises(ValueError, match=r"toy.pt: expected a file of weights"):
        compare(study, tmp_path / "out", plan, weights=tmp_path)


def test_differences_are_to_the_row_of_least_mean_rank(whole):
    rows = table(whole)[5:]
    best = min(rows, key=lambda row: float(row["mean_rank"]))
    assert best["mse_less_best"] == ""
    for row in rows:
        if row is not best:
            apart = float(row["mse"]) - float(best["mse"])
            np.testing.assert_allclose(float(row["mse_less_best"]), apart, atol=2e-6)
    assert set(rows[0]) >= {f"{measure}_less_best_high" for measure in MEASURES}


def test_the_mean_row_is_each_folds_own_training_mean(study):
    material = Material(open_dataset(study))
    parts = folds(material.donor, material.mean_grade, 2)
    exam = exam_of(material, parts)
    for fold in parts:
        wanted = np.broadcast_to(material.target[fold.train].mean(axis=0), (len(fold.test), 5))
        np.testing.assert_allclose(exam.mean[fold.test], wanted)
    assert exam.votes is not None
    assert exam.truth is None


def test_made_up_raters_have_no_human_ceilings(tmp_path):
    material = Material(open_dataset(noise_study(tmp_path / "d", raters_known=False)))
    exam = exam_of(material, folds(material.donor, material.mean_grade, 2))
    assert exam.votes is None
    assert set(exam.raters.tolist()) == {4}


@pytest.mark.slow
def test_what_is_kept_is_not_trained_again(study, plan, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "out")
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cells").iterdir()}
    said = []
    compare(study, tmp_path / "out", plan, say=said.append)
    assert not said
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cells").iterdir()} == made
    assert (tmp_path / "out" / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()


@pytest.mark.slow
def test_a_comparison_that_was_broken_gives_the_same_table(study, plan, whole, tmp_path):
    for after in range(40):
        try:
            compare(study, tmp_path / "out", plan, progress=partial(broken_at_call, [after % 3 + 1]))
            break
        except BrokenError:
            continue
    else:
        raise AssertionError("never came to its end")
    assert after > 3
    assert (tmp_path / "out" / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()
    assert {path.suffix for path in (tmp_path / "out" / "cells").iterdir()} == {".npz", ".json"}


def broken_at_call(left, done, total):
    left[0] -= 1
    broken(0, left[0], total)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fit": FitSettings(epochs=3, batch=4)}, r"\.json: expected epochs 3, found 2; choose another folder"),
        ({"folds": 3}, r"\.json: expected folds 3, found 2"),
    ],
)
def test_cells_of_other_settings_are_refused(study, plan, whole, change, told):
    with pytest.raises(ValueError, match=told):
        compare(study, whole, replace(plan, **change))


def test_cells_of_another_data_set_are_refused(plan, whole, tmp_path):
    with pytest.raises(ValueError, match=r"\.json: expected data set \w+, found \w+; choose another folder"):
        compare(noise_study(tmp_path / "d", seed=1), whole, plan)


def test_a_cell_that_cannot_be_read_is_named(study, plan, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "out")
    path = tmp_path / "out" / "cells" / "toy_emd_seed0_fold1.npz"
    path.write_bytes(path.read_bytes()[:99])
    with pytest.raises(ValueError, match=r"toy_emd_seed0_fold1\.npz: expected a trained cell, found"):
        compare(study, tmp_path / "out", plan)


def test_the_estimate_counts_what_is_learned_and_predicted():
    fold = Fold(np.arange(10), np.arange(3), np.arange(5))
    costs = {"toy": Cost(2.0, 0.5), "stream": Cost(7.0, 0.25)}
    cells = [Cell(0, 0, "emd", "toy"), Cell(0, 0, "emd", "stream")]
    wanted = 4 * (10 * 2.0 + 3 * 0.5) + 8 * 0.5 + 4 * (10 * 7.0 + 3 * 0.25) + 8 * 0.25
    assert total_s(cells, (fold,), costs, 4) == wanted


def test_progress_counts_up_to_all_that_was_estimated(study, plan, tmp_path):
    seen = []
    only = replace(plan, losses=("emd",), alone=(), fit=FitSettings(epochs=3, batch=2))
    compare(study, tmp_path / "out", only, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) == 2 * 3 + 1
    assert seen[-1][0] == seen[-1][1]


def invoke(*words):
    return CliRunner().invoke(commands, ["compare", *map(str, words)])


@pytest.mark.slow
def test_the_command_trains_and_tells_where_the_page_is(study, tmp_path):
    done = invoke(
        study,
        "--out",
        tmp_path / "o",
        "--networks",
        "toy",
        "--losses",
        "ce",
        "--folds",
        2,
        "--epochs",
        1,
        "--seeds",
        "1,2",
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(tmp_path / "o" / "table.html")
    assert "4 of 4 cells to train" in done.stderr
    assert [row["seed"] for row in table(tmp_path / "o")[5:]] == ["1", "2"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--networks", "resnet"), "expected a network of resnet18-still, .*, found resnet"),
        (("--losses", "emd,l2"), "expected a loss of emd, emd-r1, .*, found l2"),
        (("--seeds", "one"), "expected whole numbers as seeds, found one"),
        (("--folds", "7"), "expected 2 folds or more, a donor for each and 3 outside each, found 7 folds of 4 donors"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_line(tmp_path, words, told):
    done = invoke(noise_study(tmp_path / "d", clips=8, donors=4), "--out", tmp_path / "o", *words)
    assert isinstance(done.exception, ValueError)
    with pytest.raises(ValueError, match=told):
        raise done.exception
    assert not (tmp_path / "o").exists()


def test_a_data_set_with_errors_is_refused_by_file_and_row(tmp_path):
    folder = noise_study(tmp_path / "d", clips=8)
    with (folder / "votes.csv").open("a", encoding="utf-8") as file:
        file.write("gone,r0,A,1,,\n")
    with pytest.raises(ValueError, match=r"expected a sound data set, found votes\.csv, row 34: .*gone"):
        compare(folder, tmp_path / "o", Plan(("toy",), ("emd",), folds=2))
    done = invoke(tmp_path, "--out", tmp_path / "o")
    assert "expected a data set with dataset.json, found none" in str(done.exception)


WORDS = ("--networks", "small-resnet-still", "--losses", "emd,jsd", "--folds", "2", "--epochs", "4")


def launched(study, out):
    words = [sys.executable, "-m", "spermscope", "compare", str(study), "--out", str(out), *WORDS]
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def single(study, tmp_path_factory):
    out = tmp_path_factory.mktemp("one") / "out"
    run = launched(study, out)
    assert run.wait(300) == 0, run.stderr.read()
    run.stderr.close()
    return out


@pytest.mark.slow
def test_killed_again_and_again_the_command_comes_to_the_same_table(study, single, tmp_path):
    out, kills = tmp_path / "out", 0
    while not (out / "table.csv").exists():
        run = launched(study, out)
        begun = {path.name for path in out.glob("cells/*")}
        until = time.monotonic() + 120
        while run.poll() is None and {path.name for path in out.glob("cells/*")} <= begun and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.15 * (kills % 5))
        if run.poll() is None:
            os.kill(run.pid, signal.SIGKILL)
            kills += 1
        run.wait(60)
        run.stderr.close()
    assert kills >= 3
    assert (out / "table.csv").read_bytes() == (single / "table.csv").read_bytes()


@pytest.mark.slow
def test_two_processes_divide_the_work_and_write_the_table_of_one(study, single, tmp_path):
    out = tmp_path / "out"
    runs = [launched(study, out) for _ in range(2)]
    for run in runs:
        assert run.wait(300) == 0, run.stderr.read()
        run.stderr.close()
    assert (out / "table.csv").read_bytes() == (single / "table.csv").read_bytes()
    assert {path.suffix for path in (out / "cells").iterdir()} == {".npz", ".json"}
