"""A network from a data set to a model file: what the file predicts, says of itself, and begins another training."""

from functools import partial

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from studies import noise_study
from toys import BrokenError, broken

from spermscope.cli import commands
from spermscope.clips import motion_features, to_model_input
from spermscope.dataset import open_dataset
from spermscope.grade import open_grader
from spermscope.labels import split_by_donor, split_hash
from spermscope.metrics import mse
from spermscope.models.family import NETWORKS
from spermscope.runtime import load_model
from spermscope.settings import Settings
from spermscope.temperature import fit_temperature, tempered
from spermscope.training.aims import votes
from spermscope.training.distilling import taught
from spermscope.training.fitting import FitSettings
from spermscope.training.material import Material
from spermscope.training.network import SHARES, train_network
from spermscope.training.protocol import Cell
from spermscope.types import Clip, Scale, SourceProfile

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("toy_network")]

QUICK = FitSettings(epochs=2, batch=4)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return noise_study(tmp_path_factory.mktemp("s") / "d", clips=30, donors=10)


@pytest.fixture(scope="module")
def made(study, toy_network, tmp_path_factory):
    return train_network(study, tmp_path_factory.mktemp("m") / "toy.spermscope", Cell(0, 0, "emd", "toy"), QUICK)


def inputs(data, rows):
    clips = data.clips(rows)
    seen = [motion_features(*parts) for parts in zip(clips.time_s, clips.xy_um, clips.observed, strict=True)]
    return {"pictures": to_model_input(clips.frames), "motion": np.array(seen, np.float32)}


def test_the_file_predicts_what_its_card_was_scored_on(study, made):
    data, model = open_dataset(study), load_model(made)
    tested = split_by_donor(data.donor_number(), SHARES, 0)[2]
    rows = np.flatnonzero(np.isin(data.donor_number(), tested))
    predicted = tempered(model.run("model", inputs(data, rows))["logits"])
    np.testing.assert_allclose(
        mse(predicted, data.distributions()[rows]).mean(), model.card.scores["mse"][0], atol=1e-5
    )
    assert model.card.split_hash == split_hash(split_by_donor(data.donor_number(), SHARES, 0))
    assert model.card.scores["donors"] == len(tested)


def test_clips_of_training_are_near_it_and_others_far(study, made):
    data, model = open_dataset(study), load_model(made)
    given = inputs(data, np.arange(len(data)))
    near = model.run("model", given)["distance"]
    assert (near <= model.card.constants["unlike_above"]).mean() > 0.9
    far = model.run("model", given | {"pictures": given["pictures"] * 30 + 5})["distance"]
    assert np.median(far) > 2 * np.median(near)


def test_the_card_says_what_it_learned_from(made):
    card = load_model(made).card
    assert (card.kind, card.name, card.rate_hz, card.um_per_px) == ("clip", "toy", 15, 0.5)
    assert card.trained_on.startswith("30 clips of 10 donors with 120 votes of 4 raters (data set ")
    assert not card.demonstration
    assert 0 < card.constants["sets_90"] <= 1
    scale, power = card.constants["doubt"]
    assert scale > 0
    assert 0 <= power <= 2
    assert "--network toy --loss emd --epochs 2" in card.recipe


@pytest.mark.slow
def test_its_weights_begin_another_training_and_a_broken_one_goes_on(study, made, tmp_path):
    cell = Cell(1, 0, "mse", "toy")
    whole = train_network(study, tmp_path / "whole.spermscope", cell, QUICK, made.with_suffix(".pt"))
    parts = tmp_path / "parts.spermscope"
    with pytest.raises(BrokenError):
        train_network(study, parts, cell, QUICK, made.with_suffix(".pt"), None, partial(broken, 1))
    assert parts.with_suffix(".ckpt").is_file()
    train_network(study, parts, cell, QUICK, made.with_suffix(".pt"))
    assert not parts.with_suffix(".ckpt").exists()
    assert whole.read_bytes() == parts.read_bytes()


@pytest.mark.slow
def test_a_streaming_network_grades_clips_at_work(study, tmp_path):
    out = tmp_path / "stream.spermscope"
    arguments = ["train", "network", str(study), "--out", str(out), "--epochs", "1", "--batch", "8"]
    found = CliRunner().invoke(commands, arguments)
    assert found.exit_code == 0, found.output
    data, model = open_dataset(study), load_model(out)
    assert (model.card.kind, model.card.rate_hz) == ("streaming", 7.5)
    clips = data.clips([3, 8])
    parts = clips.frames, clips.time_s, clips.xy_um, clips.observed
    profile = SourceProfile(150, 150, 15.0, Scale(0.5, "given"), 0, 110.0, 3.0)
    grader = open_grader(profile, Settings(), model)
    grades = grader.grade_clips([Clip(row, *(part[row] for part in parts), um_per_px=0.5) for row in range(2)])
    network = NETWORKS["stream"]()
    network.load_state_dict(torch.load(out.with_suffix(".pt"), weights_only=True))
    with torch.no_grad():
        logits, embedding = network.eval()(*(torch.from_numpy(part) for part in inputs(data, [3, 8]).values()))
    np.testing.assert_allclose(grades.embedding, embedding.numpy(), atol=1e-4)
    # The file's heads are tempered: one number makes torch's logits its predictions.
    cooled = tempered(logits.double().numpy(), fit_temperature(logits.double().numpy(), grades.probabilities, mse))
    np.testing.assert_allclose(grades.probabilities, cooled, atol=1e-4)


@pytest.mark.slow
def test_a_student_learns_what_its_teacher_predicts_where_it_may_and_votes_elsewhere(study, made, tmp_path):
    material, teacher = Material(open_dataset(study)), load_model(made)
    aim, train = votes(material, "emd", 4), np.array([1, 4, 5])
    told = taught(aim, teacher, material, train)
    predicted = tempered(teacher.run("model", inputs(material.dataset, train))["logits"])
    np.testing.assert_allclose(told.target[train], 0.5 * (material.target[train] + predicted), atol=1e-5)
    others = np.setdiff1d(np.arange(30), train)
    np.testing.assert_array_equal(told.target[others], material.target[others])
    out = tmp_path / "student.spermscope"
    options = ["--network", "toy", "--epochs", "1", "--batch", "4", "--teacher", str(made)]
    found = CliRunner().invoke(commands, ["train", "network", str(study), "--out", str(out), *options])
    assert found.exit_code == 0, found.output
    card = load_model(out).card
    assert f"what toy {teacher.sha256[:16]} predicts" in card.trained_on
    assert card.recipe.endswith("--teacher MODEL")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--network", "vgg"], "expected a network of "),
        (["--loss", "l7"], "expected a loss of "),
        (
            ["--network", "small-resnet-still", "--weights", "toy.pt"],
            "expected this network's weights, found none named",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(study, made, tmp_path, options, says):
    options = [str(made.with_suffix(".pt")) if word == "toy.pt" else word for word in options]
    found = CliRunner().invoke(
        commands, ["train", "network", str(study), "--out", str(tmp_path / "m.spermscope"), *options]
    )
    assert isinstance(found.exception, ValueError)
    assert says in str(found.exception)
    assert len(str(found.exception).splitlines()) == 1


def test_a_teacher_that_knows_the_donors_to_be_tested_is_refused(study, made, tmp_path):
    cell = Cell(5, 0, "emd", "toy")
    with pytest.raises(ValueError, match="expected a teacher that learned from the same donors, found one with others"):
        train_network(study, tmp_path / "m.spermscope", cell, QUICK, teacher=load_model(made))


@pytest.mark.parametrize(("name", "says"), [("m.onnx", "ends in .spermscope"), ("no/m.spermscope", "a folder that")])
@pytest.mark.parametrize("model", ["detector", "grader", "scale", "network"])
def test_a_file_that_could_not_be_written_is_refused_before_hours_of_training(study, tmp_path, model, name, says):
    words = ["train", model, *[str(study)] * (model == "network"), "--out", str(tmp_path / name)]
    with pytest.raises(ValueError, match=says):
        commands.main(words, standalone_mode=False)


def test_too_few_donors_are_refused(tmp_path):
    study = noise_study(tmp_path / "d", clips=8, donors=4)
    with pytest.raises(ValueError, match="expected donors to learn from, choose on and test on, found 4 in all"):
        train_network(study, tmp_path / "m.spermscope", Cell(0, 0, "emd", "toy"), QUICK)
