"""Training one cell: what it learns, what it is chosen by, and that a broken training goes on as if unbroken."""

from functools import partial

import numpy as np
import pytest
import torch
from studies import noise_study
from toys import BrokenError, broken, toy

from spermscope.dataset import Clips, dataset_hash, open_dataset
from spermscope.metrics import emd, mse
from spermscope.temperature import tempered
from spermscope.training.aims import votes
from spermscope.training.fitting import FitSettings, _drawn, _shares, fit, trained
from spermscope.training.losses import LOSSES, emd_loss, panel_loss
from spermscope.training.material import Material
from spermscope.training.protocol import Cell, folds

pytestmark = pytest.mark.usefixtures("toy_network")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return Material(open_dataset(noise_study(tmp_path_factory.mktemp("s") / "d")))


def first_fold(material):
    return folds(material.donor, material.mean_grade, 2)[0]


def same(first, second):
    for name in ("held", "test", "temperature", "epoch", "curve"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("network", ["toy", "small-resnet-still"])
def test_a_training_that_was_broken_gives_what_an_unbroken_one_gives(material, tmp_path, network):
    cell, fold, settings = Cell(3, 0, "emd", network), first_fold(material), FitSettings(epochs=3, batch=4)
    whole = fit(cell, material, fold, settings, tmp_path / "whole")
    for after in (1, 2):
        with pytest.raises(BrokenError):
            fit(cell, material, fold, settings, tmp_path / "parts", partial(broken, after))
        torch.rand(7)
    seen = []
    resumed = fit(cell, material, fold, settings, tmp_path / "parts", lambda done, total: seen.append(done))
    assert seen == [3]
    same(resumed, whole)
    other = fit(Cell(4, 0, "emd", network), material, fold, settings, tmp_path / "other")
    assert np.abs(other.test - whole.test).max() > 1e-3


def test_training_leaves_torchs_own_random_numbers_alone(material, tmp_path):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    fit(Cell(0, 0, "emd", "toy"), material, first_fold(material), FitSettings(epochs=1), tmp_path / "c")
    assert torch.equal(torch.rand(3), wanted)


def test_the_best_epoch_is_that_of_the_clips_held_back(material, tmp_path):
    fold = first_fold(material)
    found = fit(Cell(0, 0, "mse", "toy"), material, fold, FitSettings(epochs=5, batch=4, rate=0.05), tmp_path / "c")
    target = material.target[fold.held]
    assert len(found.curve) == 5
    assert found.curve[found.epoch - 1] == min(found.curve) < max(found.curve)
    np.testing.assert_allclose(mse(tempered(found.held), target).mean(), min(found.curve), rtol=1e-6)
    assert mse(tempered(found.held, found.temperature), target).mean() <= min(found.curve) + 1e-9
    np.testing.assert_allclose(found.predicted.sum(axis=1), 1)
    assert found.held.shape == (len(fold.held), 4, 5)


@pytest.mark.slow
def test_displacements_are_learned_where_they_are_shown(tmp_path):
    material = Material(open_dataset(noise_study(tmp_path / "d", clips=64, donors=16)))
    fold, settings = folds(material.donor, material.mean_grade, 3)[0], FitSettings(epochs=16, batch=8, rate=5e-3)
    target = material.target[fold.test]
    mean_row = emd(np.tile(material.target[fold.train].mean(axis=0), (len(target), 1)), target).mean()
    error = {}
    for motion in (True, False):
        found = fit(Cell(1, 0, "emd", "toy", motion), material, fold, settings, tmp_path / f"c{motion}")
        error[motion] = emd(found.predicted, target).mean()
    assert error[True] < 0.7 * mean_row
    assert error[True] < 0.7 * error[False]


@pytest.mark.parametrize("change", [{"loss": "mse"}, {"fold": 1}, {"seed": 9}, {"network": "small-resnet-still"}])
def test_the_checkpoint_of_another_cell_is_refused(material, tmp_path, change):
    cell = {"seed": 0, "fold": 0, "loss": "emd", "network": "toy"}
    fold, settings = first_fold(material), FitSettings(epochs=2)
    with pytest.raises(BrokenError):
        fit(Cell(**cell), material, fold, settings, tmp_path / "c", partial(broken, 1))
    with pytest.raises(ValueError, match=r"expected a checkpoint of \S+.*, found one of toy_emd_seed0_fold0"):
        fit(Cell(**cell | change), material, fold, settings, tmp_path / "c")


def test_every_head_draws_as_many_training_donors_as_there_are():
    donor = np.array([3, 3, 5, 8, 8, 9])
    share = _shares(Cell(0, 0, "emd", "toy"), donor, 50)
    assert share.sum(0).tolist() == [4.0] * 50
    assert share[[0, 1, 2, 4, 6, 7]].sum() == 0
    assert share[3].unique().numel() > 1


@pytest.mark.parametrize("name", LOSSES)
def test_the_panel_loss_is_the_mean_over_heads_by_their_shares(name):
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(6, 3, 5, generator=generator)
    target = torch.softmax(torch.randn(6, 5, generator=generator), -1)
    share = torch.tensor([[1.0, 0, 2], [0, 0, 0], [1, 1, 1], [3, 0, 0], [0, 2, 2], [1, 0, 0]])
    found = panel_loss(LOSSES[name], logits, target, share)
    each = np.stack([LOSSES[name](logits[:, head], target).numpy() for head in range(3)], 1)
    for row, weight in enumerate(share.numpy()):
        wanted = np.average(each[row], weights=weight) if weight.sum() else 0.0
        np.testing.assert_allclose(found[row], wanted, rtol=1e-5)
    np.testing.assert_allclose(
        panel_loss(emd_loss, logits, target), panel_loss(emd_loss, logits, target, share * 0 + 1)
    )


def test_pictures_are_turned_and_never_run_backwards(tmp_path):
    """A spot that goes outward goes outward whatever is done to the clip."""
    folder = noise_study(tmp_path / "d")
    frames = np.full((24, 16, 150, 150), 90, np.uint8)
    frames[..., ::2] += 4
    for time in range(16):
        at = 75 + 3 + 2 * time
        frames[:, time, 73:77, at : at + 4] = 255
    path = folder / "clips" / "frames-00000.npy"
    np.save(path, frames)
    material = Material(open_dataset(folder))
    places = []
    for seed in range(24):
        pictures, _ = material.disturbed(np.array([seed]), np.random.default_rng(seed))
        flat = pictures[0].abs().flatten(1)
        spot = np.array([divmod(int(one), 128) for one in flat.argmax(1)]) - 63.5
        assert (np.diff(np.hypot(*spot.T)) > 0).all()
        places.append(tuple(np.sign(spot[-1] * (np.abs(spot[-1]) > 10)).astype(int)))
    assert len(set(places)) == 4


def test_a_tenth_goes_without_displacements_and_the_others_keep_them(material):
    rows = np.arange(len(material))
    plain = material.plain(rows)[1]
    hidden = 0
    for seed in range(20):
        motion = material.disturbed(rows, np.random.default_rng(seed))[1]
        kept = motion[:, :, 6].bool().all(1)
        assert torch.equal(motion[kept], plain[kept])
        assert motion[~kept][:, :, [0, 1, 2, 3, 4, 6]].abs().sum() == 0
        hidden += int((~kept).sum())
    assert 0.05 < hidden / (20 * len(rows)) < 0.16


def test_absent_displacements_stay_absent(tmp_path):
    folder = noise_study(tmp_path / "d")
    path = folder / "clips" / "xy_um-00000.npy"
    xy_um = np.load(path)
    xy_um[3] = np.nan
    np.save(path, xy_um)
    motion = Material(open_dataset(folder)).plain(np.array([2, 3]))[1]
    assert torch.isfinite(motion).all()
    assert motion[:, 0, 6].tolist() == [1.0, 0.0]


def test_a_data_sets_name_changes_with_votes_and_pictures(tmp_path):
    folder = noise_study(tmp_path / "d")
    first = dataset_hash(open_dataset(folder))
    assert first == dataset_hash(open_dataset(noise_study(tmp_path / "same")))
    votes = (folder / "votes.csv").read_text(encoding="utf-8")
    (folder / "votes.csv").write_text(votes.replace("c9,r1,", "c9,r7,"), encoding="utf-8")
    other = dataset_hash(open_dataset(folder))
    frames = np.load(folder / "clips" / "frames-00000.npy")
    frames[11, 5, 70, 70] ^= 1
    np.save(folder / "clips" / "frames-00000.npy", frames)
    assert len({first, other, dataset_hash(open_dataset(folder))}) == 3


def test_clips_without_votes_are_left_out_and_a_set_without_any_is_refused(tmp_path):
    folder = noise_study(tmp_path / "d", clips=12)
    lines = (folder / "votes.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "votes.csv").write_text("".join(line for line in lines if not line.startswith("c7,")), encoding="utf-8")
    material = Material(open_dataset(folder))
    assert material.rows.tolist() == [row for row in range(12) if row != 7]
    (folder / "votes.csv").write_text(lines[0], encoding="utf-8")
    with pytest.raises(ValueError, match="expected clips with votes, found none"):
        Material(open_dataset(folder))
    assert isinstance(material.dataset.clips([0]), Clips)


def test_a_training_that_comes_to_nothing_names_its_cell_and_what_may_help(material, tmp_path):
    settings = FitSettings(epochs=1, batch=4, rate=1e30)
    with pytest.raises(ValueError, match=r"toy_emd_seed0_fold0: expected finite .* a lower learning rate"):
        fit(Cell(0, 0, "emd", "toy"), material, first_fold(material), settings, tmp_path / "c")


def test_batches_that_are_drawn_ahead_are_the_same_in_the_same_order(material):
    def batches():
        return [(np.array([number, number + 1]), np.random.default_rng(number)) for number in range(7)]

    plain, ahead = (list(_drawn(material, batches(), torch.device("cpu"), count)) for count in (0, 3))
    assert [rows.tolist() for rows, *_ in ahead] == [[number, number + 1] for number in range(7)]
    for (_, one, *first), (_, other, *second) in zip(plain, ahead, strict=True):
        assert one.random() == other.random()
        assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_a_training_begins_with_the_weights_that_it_is_given(material, tmp_path):
    torch.manual_seed(5)
    given = toy(5, 4)
    torch.save(given.state_dict(), tmp_path / "w.pt")
    settings = FitSettings(epochs=1, batch=4, rate=1e-9)
    cell, aim = Cell(0, 0, "emd", "toy"), votes(material, "emd", 4)
    network, _ = trained(cell, aim, material, first_fold(material), settings, tmp_path / "c", start=tmp_path / "w.pt")
    torch.testing.assert_close(network.trunk.layers[2].weight, given.trunk.layers[2].weight, atol=1e-6, rtol=0)
    assert not torch.allclose(network.heads[0][2].weight, given.heads[0][2].weight, atol=1e-2)
