"""Stills of simulated cells with their traits, and what networks learn from them."""

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from spermscope.cli import commands  # noqa: E402
from spermscope.clips import to_model_input  # noqa: E402
from spermscope.models.family import NETWORKS  # noqa: E402
from spermscope.models.weights import load_trunk  # noqa: E402
from spermscope.settings import ClipSettings  # noqa: E402
from spermscope.training.pretraining import train_on_stills  # noqa: E402
from spermscope.training.stills import Stills, _donor_stills, load_stills, save_stills  # noqa: E402


def spots(count=450):
    """A bright spot in the middle whose size is the one trait."""
    rng = np.random.default_rng(3)
    size = rng.uniform(2, 9, count)
    y, x = np.mgrid[:128, :128] - 63.5
    frames = rng.integers(80, 90, (count, 128, 128)) + 100 * (np.hypot(x, y) < size[:, None, None])
    return Stills(
        frames.astype(np.uint8), ((size - 5.5) / 2)[:, None].astype(np.float32), np.tile(np.float32([1, 0]), (count, 1))
    )


def test_stills_are_the_same_every_time_and_can_be_kept(tmp_path):
    first, again = _donor_stills(0, 3), _donor_stills(0, 3)
    np.testing.assert_array_equal(first.frames, again.frames)
    save_stills(tmp_path / "s.npz", first)
    kept = load_stills(tmp_path / "s.npz")
    np.testing.assert_array_equal(kept.traits, first.traits)
    np.testing.assert_array_equal(kept.heading, first.heading)
    assert np.isfinite(first.traits).all()
    assert to_model_input(first.frames).std() > 0.05


def test_heads_point_away_from_their_tails():
    """Behind a head, along where it points, lies more of a cell than before it."""
    drawn = [_donor_stills(0, number) for number in range(20)]
    inputs = np.abs(to_model_input(np.concatenate([one.frames for one in drawn])))
    pointing = np.concatenate([one.heading for one in drawn])[:, :, None, None]
    np.testing.assert_allclose(np.hypot(*pointing.swapaxes(0, 1)), 1.0, rtol=1e-6)
    y, x = np.mgrid[:128, :128] - 63.5
    along, across = x * pointing[:, 0] + y * pointing[:, 1], x * pointing[:, 1] - y * pointing[:, 0]
    near = np.abs(across) < 6
    behind, before = (inputs[near & (side * along > 8) & (side * along < 20)].sum() for side in (-1, 1))
    assert behind > 1.3 * before


def test_at_another_scale_the_same_cells_are_seen():
    usual, finer = _donor_stills(0, 3), _donor_stills(0, 3, rules=ClipSettings(um_per_px=0.25))
    np.testing.assert_array_equal(finer.traits, usual.traits)
    assert finer.frames.shape == usual.frames.shape
    assert np.any(finer.frames != usual.frames)


def strokes(count):
    """Bright strokes as long as they point somewhere: thick in front, thin behind; their length is the one trait."""
    rng = np.random.default_rng(4)
    angle, long = rng.uniform(0, 2 * np.pi, count), rng.uniform(6, 14, count)
    y, x = np.mgrid[:128, :128] - 63.5
    along = x * np.cos(angle)[:, None, None] + y * np.sin(angle)[:, None, None]
    across = np.abs(y * np.cos(angle)[:, None, None] - x * np.sin(angle)[:, None, None])
    lit = (across < np.where(along > 0, 5, 1.5)) & (along > -long[:, None, None]) & (along < 6)
    frames = rng.integers(80, 90, (count, 128, 128)) + 100 * lit
    heading = np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    return Stills(frames.astype(np.uint8), ((long - 10) / 4)[:, None].astype(np.float32), heading)


@pytest.mark.slow
def test_the_streaming_network_learns_where_heads_point(tmp_path):
    torch.set_num_threads(1)
    stills = strokes(350)
    train_on_stills(stills.part(slice(300)), tmp_path / "w.pt", "stream", epochs=16, rate=3e-3)
    network = NETWORKS["stream"](1, 1)
    network.load_state_dict(torch.load(tmp_path / "w.pt", weights_only=True))
    with torch.no_grad():
        inputs = torch.from_numpy(to_model_input(stills.frames[300:]))[:, None]
        found = torch.nn.functional.normalize(network.encoder.eval().look(inputs)[1], dim=1).numpy()
    assert np.mean(np.sum(found * stills.heading[300:], 1) > np.cos(np.radians(20))) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("network", ["small-resnet-mean", "stream"])
def test_what_stills_show_is_learned_and_begins_another_network(network, tmp_path):
    torch.set_num_threads(1)
    error, unseen = train_on_stills(spots(), tmp_path / "w.pt", network, epochs=6, rate=3e-3)
    assert error < 0.5 * unseen
    load_trunk(NETWORKS[network](3, 2), tmp_path / "w.pt")


class KilledError(Exception):
    pass


def kill_at_40(done, _):
    if done == 40:
        raise KilledError


def test_a_killed_training_on_stills_ends_as_an_unbroken_one(tmp_path):
    def learned(name, epochs=6, progress=lambda done, total: None):
        return train_on_stills(spots(60), tmp_path / name, "small-timesformer", epochs, 1e-3, progress=progress)

    whole = learned("whole.pt")
    with pytest.raises(KilledError):
        learned("cut.pt", progress=kill_at_40)
    with pytest.raises(ValueError, match=r"cut\.ckpt: expected .*, 7 epochs .* found one of .*, 6 epochs"):
        learned("cut.pt", epochs=7)
    torch.rand(3)
    steps = []
    assert learned("cut.pt", progress=lambda done, total: steps.append(done)) == whole
    assert steps == list(range(37, 55))
    unbroken = torch.load(tmp_path / "whole.pt", weights_only=True)
    for name, weight in torch.load(tmp_path / "cut.pt", weights_only=True).items():
        assert torch.equal(weight, unbroken[name])
    assert not (tmp_path / "cut.ckpt").exists()


def test_a_file_that_holds_no_stills_and_too_few_of_them_are_refused_in_one_line(tmp_path):
    rows = {"traits": np.zeros((3, 13)), "heading": np.zeros((3, 2))}
    np.savez(tmp_path / "other.npz", frames=np.zeros((3, 150, 150), np.uint8), **rows)
    np.savez(tmp_path / "less.npz", frames=np.zeros((3, 128, 128), np.uint8), traits=rows["traits"])
    (tmp_path / "junk.npz").write_bytes(b"junk")
    for name, says in (("other", r"\(3, 150, 150\)"), ("less", "something else"), ("junk", "something else")):
        with pytest.raises(ValueError, match=says):
            load_stills(tmp_path / f"{name}.npz")
    with pytest.raises(ValueError, match=r"20 or more .* found 3"):
        train_on_stills(spots(3), tmp_path / "w.pt", "stream", epochs=1, rate=1e-3)


def test_stills_that_could_not_be_kept_are_not_drawn(tmp_path):
    (tmp_path / "s.npz").touch()
    for path in (tmp_path / "s.npz", tmp_path / "none" / "s.npz", tmp_path / "s.npy"):
        found = CliRunner().invoke(commands, ["simulate", "stills", "--out", str(path)])
        assert isinstance(found.exception, ValueError)
        assert str(path) in str(found.exception)


def test_stills_are_drawn_and_learned_from_by_commands(tmp_path):
    stills, out = tmp_path / "s.npz", tmp_path / "weights" / "stream.pt"
    arguments = ["simulate", "stills", "--donors", "8", "--processes", "1", "--out", str(stills)]
    drawn = CliRunner().invoke(commands, arguments)
    assert drawn.exit_code == 0, drawn.output
    assert drawn.output.splitlines()[-1] == f"{stills}: 24 cells of 8 donors"
    learned = CliRunner().invoke(commands, ["train", "trunk", str(stills), "--epochs", "1", "--out", str(out)])
    assert learned.exit_code == 0, learned.output
    assert learned.output.splitlines()[-1].startswith(f"{out}: traits of unseen donors are ")
