"""A model file judged on a data set: its scores are those of its predictions, and what does not fit is refused."""

import csv
import json
from dataclasses import asdict

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from spermscope import metrics  # noqa: E402
from spermscope.cli import commands  # noqa: E402
from spermscope.conformal import grade_sets  # noqa: E402
from spermscope.dataset import DatasetWriter, Form, dataset_hash, open_dataset  # noqa: E402
from spermscope.dataset.writer import Vote  # noqa: E402
from spermscope.evaluation import evaluate  # noqa: E402
from spermscope.model_file import read_model, shipped, write_model  # noqa: E402
from spermscope.report.scores import score_lines  # noqa: E402
from spermscope.runtime import load_model  # noqa: E402
from spermscope.types import Clip  # noqa: E402
from tests.clip_models import Known, clip_card, known_answer, write_clip_model  # noqa: E402
from tests.studies import noise_study  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_clip_model(tmp_path_factory.mktemp("m") / "known.spermscope", Known())


@pytest.fixture(scope="module")
def known(path):
    return load_model(path)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = noise_study(tmp_path_factory.mktemp("d") / "study")
    lines = (folder / "votes.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "votes.csv").write_text("".join(line for line in lines if not line.startswith("c7,")), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def found(known, study):
    return evaluate(known, open_dataset(study))


def made(folder, form, *, votes=True, truth=False, donors=2):
    """A small set of any form."""
    rng = np.random.default_rng(2)
    with DatasetWriter(folder, form) as writer:
        for number in range(6):
            frames = rng.integers(0, 256, (form.length, form.size_px, form.size_px), np.uint8)
            xy_um = np.full((form.length, 2), np.nan) if number == 3 else rng.normal(0, 2, (form.length, 2))
            times_s, seen = np.arange(form.length) / form.rate_hz, np.ones(form.length, bool)
            scale = form.um_per_px or 0.5
            clip = Clip(number, frames, times_s, xy_um, seen, scale, f"D{number % donors}", "S")
            writer.add(f"c{number}", clip, truth=(0.2,) * 5 * truth)
            for rater in range(3 * votes):
                writer.vote(Vote(f"c{number}", f"r{rater}", form.grades[(number + rater) % len(form.grades)]))
    return folder


def test_sets_of_grades_hold_as_many_votes_as_counting_says(path, study, tmp_path):
    model = load_model(path)
    assert evaluate(model, open_dataset(study)).sets is None
    card = model.card.model_copy(update={"constants": model.card.constants | {"sets_90": 0.5}})
    file = read_model(path)
    found = evaluate(
        load_model(write_model(tmp_path / "s.spermscope", card, file.graphs, file.golden)), open_dataset(study)
    )
    chosen = grade_sets(found.grades.probabilities, 0.5)
    held = (chosen * found.exam.target).sum(axis=1)
    donors = [held[found.exam.donor == donor].mean() for donor in np.unique(found.exam.donor)]
    assert found.sets["held"] == pytest.approx(100 * np.mean(donors))
    assert found.sets["low"] <= found.sets["held"] <= found.sets["high"]
    assert found.sets["size"] == pytest.approx(chosen.sum(axis=1).mean())
    assert any("90 % sets of grades hold" in line for line in found.lines())
    assert found.as_json()["sets_90"] == found.sets


def test_its_own_doubt_stands_beside_what_it_is_off_without_what_votes_chance_brings(found):
    grades = np.arange(1, 6)
    off = (found.grades.probabilities - found.exam.target) @ grades
    each = np.array([np.var(np.repeat(grades, np.rint(row * count).astype(int))) / count
                     for row, count in zip(found.exam.target, found.exam.raters, strict=True)])  # fmt: skip
    assert found.doubt["said"] == pytest.approx(np.sqrt((found.grades.uncertainty**2).mean()))
    assert found.doubt["off"] == pytest.approx(np.sqrt((off**2).mean() - each.mean()))
    inside = off**2 <= found.grades.uncertainty**2 + each
    assert found.doubt["within"] == pytest.approx(100 * inside.mean())
    assert found.doubt["low"] <= found.doubt["within"] <= found.doubt["high"]
    assert found.as_json()["doubt"] == found.doubt
    assert any("its own doubt is" in line for line in found.lines())


def test_scores_are_those_of_the_closed_form_on_the_clips_that_have_votes(found, study):
    data = open_dataset(study)
    rows = [row for row in range(24) if row != 7]
    assert found.clips == tuple(f"c{row}" for row in rows)
    clips = data.clips(rows)
    predicted = np.array(
        [
            known_answer(Clip(0, clips.frames[at], clips.time_s[at], clips.xy_um[at], clips.observed[at], 0.5))[0]
            for at in range(len(rows))
        ]
    )
    np.testing.assert_allclose(found.grades.probabilities, predicted, atol=1e-4)
    label, donor = data.distributions()[rows], data.donor_number()[rows]
    votes = data.vote_matrix()[rows]
    others = np.array([label[donor != one].mean(axis=0) for one in donor])
    exam = metrics.Exam.of_votes(votes, donor, others)
    for name, against in metrics.beside(exam, np.random.default_rng(3)).items():
        row = found.scores[name]
        wanted = metrics.MEASURES[name].score(predicted, label, exam)
        assert row.value == pytest.approx(wanted, abs=2e-4, nan_ok=True), name
        assert row.mean_row == pytest.approx(against.mean_row, nan_ok=True), name
        assert row.ceiling_rater == pytest.approx(against.ceiling_rater, nan_ok=True), name
        assert np.isnan(row.truth_row)
        assert not row.low > row.value
        assert not row.high < row.value
    assert set(found.segments) == set(metrics.segments(label).tolist())


def test_what_is_written_is_what_was_found(found, study, tmp_path):
    found.write(tmp_path / "out")
    told = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
    assert told["model"]["sha256"] == found.model.sha256
    assert told["model"]["trained_on"] == "our votes"
    assert told["data_set"] == {"hash": dataset_hash(open_dataset(study)), "clips": 23, "donors": 8, "votes": 92}
    with (tmp_path / "out" / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = {(row["clips"], row["measure"]): row for row in csv.DictReader(file)}
    for measure, score in found.scores.items():
        for name, value in asdict(score).items():
            cell = rows["all", measure][name]
            assert float(cell or "nan") == pytest.approx(value, rel=1e-5, nan_ok=True)
            assert told["scores"][measure][name] == (None if np.isnan(value) else pytest.approx(value))
    assert {name for name, _ in rows} == {"all", *(f"near {grade}" for grade in found.segments)}
    with (tmp_path / "out" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        predictions = list(csv.DictReader(file))
    shares = [[float(row[f"p_{grade}"]) for grade in "ABCDE"] for row in predictions]
    np.testing.assert_allclose(shares, found.grades.probabilities, atol=1e-6)
    assert [(row["clip"], row["donor"]) for row in predictions] == [
        (clip, f"D{int(clip[1:]) % 8}") for clip in found.clips
    ]


def test_the_lines_are_one_table_in_both_languages(found):
    for language in ("en", "ja"):
        table = score_lines(found.scores, language)
        assert len(table) == len(metrics.MEASURES) + 2
        assert {line.count("|") for line in table} == {9}
        assert f"{found.scores['mse'].value:.5f}" in next(line for line in table if line.startswith("| mse "))
        said = "\n".join(found.lines(language))
        assert "our votes" in said
        assert "DEMONSTRATION" not in said
    assert "提供者 8 人のクリップ 23 本、投票 92 票" in "\n".join(found.lines("ja"))


def test_a_demonstration_says_so_and_so_does_a_simulated_set(tmp_path, known):
    card = clip_card(demonstration=True)
    model = load_model(write_model(tmp_path / "m.spermscope", card, known._graphs, known.golden))
    found = evaluate(model, open_dataset(made(tmp_path / "d", Form(), truth=True)))
    assert not np.isnan(found.scores["mse"].truth_row)
    for language in ("en", "ja"):
        assert "DEMONSTRATION MODEL - NOT TRAINED ON EXPERTS" in "\n".join(found.lines(language))
    assert "simulated" in "\n".join(found.lines())
    assert found.as_json()["demonstration"]
    found.write(tmp_path / "out")
    lines = (tmp_path / "out" / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert all(line.endswith(",1") for line in lines[1:])


def test_raters_who_are_made_up_have_no_ceilings_and_one_donor_no_mean_row(tmp_path, known):
    form = Form(raters_known=False, um_per_px=None)
    found = evaluate(known, open_dataset(made(tmp_path / "d", form, donors=1)))
    score = found.scores["mse"]
    assert all(np.isnan([score.ceiling_rater, score.ceiling_half, score.mean_row, score.truth_row]))
    assert np.isfinite(score.floor)
    assert found.notes() == ["compare_no_raters", "data_scale_unknown", "scores_one_donor"]
    json.dumps(found.as_json(), allow_nan=False)


def test_a_model_that_learned_from_this_very_set_is_said_to_be_flattered(tmp_path, known):
    data = open_dataset(made(tmp_path / "d", Form()))
    told = {"trained_on": f"6 clips of 2 donors (data set {dataset_hash(data)}); a fifth of the donors taught nothing"}
    card = known.card.model_copy(update=told)
    knowing = load_model(write_model(tmp_path / "m.spermscope", card, known._graphs, known.golden))
    assert evaluate(known, data).notes() == []
    found = evaluate(knowing, data)
    assert found.notes() == ["scores_learned_from"]
    assert any("which flatters it" in line for line in found.lines())
    other = open_dataset(made(tmp_path / "o", Form(), donors=3))
    assert evaluate(knowing, other).notes() == []


def test_the_shipped_grader_is_judged_too(tmp_path):
    found = evaluate(load_model(shipped("grader")), open_dataset(made(tmp_path / "d", Form())))
    np.testing.assert_allclose(found.grades.probabilities.sum(axis=1), 1.0)
    assert found.unlike_share == 1.0  # noise alone
    assert np.isfinite(found.grades.probabilities).all()  # one clip has no displacements


@pytest.mark.parametrize(
    ("form", "says"),
    [
        (Form(grades=("a", "b", "c", "d", "e")), "expected the grades of .*, a b c d e; found A B C D E"),
        (Form(um_per_px=0.4), "expected crops at 0.5 um/px, found 0.4"),
        (Form(rate_hz=24.0), "expected 15 crops a second or a multiple of it, found 24"),
        (Form(rate_hz=30.0), "clips that 16 crops at 30 Hz hold, found one that needs 31"),
        (Form(length=15), "clips that 15 crops at 15 Hz hold, found one that needs 16"),
        (Form(length=20), "expected clips of at most 16 crops, found 20"),
        (Form(size_px=100), "expected crops of 128 px or more, found 100"),
    ],
)
def test_a_set_that_does_not_fit_the_model_is_refused_in_one_line(tmp_path, known, form, says):
    with pytest.raises(ValueError, match=f"^mine: .*{says}") as caught:
        evaluate(known, open_dataset(made(tmp_path / "d", form)))
    assert len(str(caught.value).splitlines()) == 1


def test_a_scale_within_two_percent_fits(tmp_path, known):
    assert evaluate(known, open_dataset(made(tmp_path / "d", Form(um_per_px=0.505)))).scores["mse"].value > 0


def test_a_set_without_votes_is_refused(tmp_path, known):
    with pytest.raises(ValueError, match="expected clips with votes, found none"):
        evaluate(known, open_dataset(made(tmp_path / "d", Form(), votes=False)))


def test_the_command_prints_writes_and_refuses(tmp_path, path, study, found):
    def run(*words):
        return CliRunner().invoke(commands, ["evaluate", *map(str, words)], standalone_mode=False)

    done = run(path, study, "--out", tmp_path / "out", "--json")
    assert done.exception is None
    told = json.loads(done.stdout)
    assert told == json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
    assert told["scores"]["mse"]["value"] == pytest.approx(found.scores["mse"].value)
    assert "found one that exists" in str(run(path, study, "--out", tmp_path / "out").exception)
    assert "found a model of kind detector" in str(run(shipped("detector"), study).exception)
    assert "expected a model file" in str(run(tmp_path / "none", study).exception)
