"""Initial weights from traits: what simulation knows is learned, kept, and begins another training."""

from functools import partial

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from studies import noise_study
from toys import BrokenError, broken, toy

from spermscope.cli import commands
from spermscope.dataset import open_dataset
from spermscope.models.weights import load_trunk
from spermscope.training.aims import traits
from spermscope.training.fitting import FitSettings
from spermscope.training.material import Material
from spermscope.training.pretraining import train_trunk

pytestmark = pytest.mark.usefixtures("toy_network")


@pytest.fixture
def study(tmp_path):
    """Its one trait is how far the cell went, which displacements show."""
    folder = noise_study(tmp_path / "d", clips=40, donors=10)
    data = open_dataset(folder)
    xy_um = data.clips(np.arange(40)).xy_um
    far = np.log(1 + np.linalg.norm(np.diff(xy_um, axis=1), axis=2).sum(1)) - 2
    rows = "".join(f"{name},{value:.6f}\n" for name, value in zip(data.items.clip, far, strict=True))
    (folder / "traits.csv").write_text("clip,far\n" + rows, encoding="utf-8")
    return folder


def test_a_trait_that_the_clips_show_is_learned_and_its_weights_begin_another_network(study, tmp_path):
    error, unseen = train_trunk(study, tmp_path / "toy.pt", "toy", FitSettings(epochs=12, batch=6, rate=5e-3))
    assert error < 0.5 * unseen
    network = toy(3, 2)
    load_trunk(network, tmp_path / "toy.pt")
    kept = torch.load(tmp_path / "toy.pt", weights_only=True)
    torch.testing.assert_close(network.side.motion.out.weight, kept["side.motion.out.weight"])


def test_a_broken_training_goes_on_to_the_same_weights(study, tmp_path):
    settings = FitSettings(epochs=2, batch=8)
    train_trunk(study, tmp_path / "whole.pt", "toy", settings)
    with pytest.raises(BrokenError):
        train_trunk(study, tmp_path / "parts.pt", "toy", settings, progress=partial(broken, 1))
    train_trunk(study, tmp_path / "parts.pt", "toy", settings)
    one, other = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("whole", "parts"))
    for name, value in one.items():
        assert torch.equal(value, other[name])


def test_the_command_says_how_well_traits_are_seen(study, tmp_path):
    out = tmp_path / "weights" / "toy.pt"
    arguments = ["train", "trunk", str(study), "--network", "toy", "--out", str(out), "--epochs", "1"]
    found = CliRunner().invoke(commands, arguments)
    assert found.exit_code == 0, found.output
    assert found.output.splitlines()[-1].startswith(f"{out}: traits of unseen donors are 0.")


def test_a_set_without_traits_or_with_some_missing_is_refused(study):
    material = Material(open_dataset(study))
    assert traits(material).target.shape == (40, 1)
    path = study / "traits.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"expected traits\.csv of all clips"):
        traits(Material(open_dataset(study)))
    path.unlink()
    with pytest.raises(ValueError, match=r"expected traits\.csv of all clips"):
        traits(Material(open_dataset(study)))
