"""What a training that was killed goes on from: kept whole, given back, and of no other training."""

import pytest

torch = pytest.importorskip("torch")

from spermscope.training.checkpoint import Checkpoint  # noqa: E402


def test_nothing_kept_is_nothing_to_go_on_with(tmp_path):
    assert Checkpoint(tmp_path / "a.ckpt", "a").kept() is None


def test_what_was_kept_last_is_given_back_until_it_is_done(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a.ckpt", "a")
    for step in (1, 2):
        checkpoint.keep(step=step, weights={"w": torch.full((2,), float(step))}, large=2**100)
    state = checkpoint.kept()
    assert (state["step"], state["large"]) == (2, 2**100)
    assert state["weights"]["w"].tolist() == [2.0, 2.0]
    assert [path.name for path in tmp_path.iterdir()] == ["a.ckpt"]
    checkpoint.done()
    assert checkpoint.kept() is None


def test_one_of_another_training_is_refused_by_name(tmp_path):
    Checkpoint(tmp_path / "a.ckpt", "stream, 3 epochs").keep(step=1)
    with pytest.raises(ValueError, match=r"a\.ckpt: expected a checkpoint of stream, 4 epochs, found one of stream, 3"):
        Checkpoint(tmp_path / "a.ckpt", "stream, 4 epochs").kept()


def test_one_of_an_earlier_version_is_refused_by_name(tmp_path):
    torch.save({"of": "a", "parts": [], "optimizer": {}, "schedule": {}}, tmp_path / "a.ckpt")
    with pytest.raises(ValueError, match=r"a\.ckpt: expected a checkpoint of this version, found an earlier one's"):
        Checkpoint(tmp_path / "a.ckpt", "a").kept()
