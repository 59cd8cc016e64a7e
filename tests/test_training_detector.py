"""A detector's training that was killed goes on to what an unbroken one gives."""

import pytest

torch = pytest.importorskip("torch")

from spermscope.training import detector  # noqa: E402
from spermscope.training.lessons import Lessons  # noqa: E402
from spermscope.training.targets import draw_lesson  # noqa: E402

STEPS = 3


@pytest.fixture(scope="module")
def lessons():
    torch.set_num_threads(1)
    return Lessons([draw_lesson(seed) for seed in range(2)], torch.device("cpu"))


def learned(lessons, out, **given):
    torch.manual_seed(0)
    return detector.fit(lessons, STEPS, 3, out, **given).state_dict()


class Killed(Exception):
    pass


def kill_at_3(done, total):
    if done == 3:
        raise Killed


def test_a_killed_training_ends_as_an_unbroken_one(lessons, tmp_path, monkeypatch):
    monkeypatch.setattr(detector, "KEPT_EVERY", 2)
    monkeypatch.setattr(detector, "BATCH", 2)
    whole = learned(lessons, tmp_path / "whole.spermscope")
    with pytest.raises(Killed):
        learned(lessons, tmp_path / "cut.spermscope", progress=kill_at_3)
    steps = []
    again = learned(lessons, tmp_path / "cut.spermscope", progress=lambda done, total: steps.append(done))
    assert steps == [3]
    for name, value in whole.items():
        torch.testing.assert_close(again[name], value, rtol=0, atol=0)


def test_a_checkpoint_of_another_training_is_refused(lessons, tmp_path, monkeypatch):
    monkeypatch.setattr(detector, "KEPT_EVERY", 2)
    monkeypatch.setattr(detector, "BATCH", 2)
    learned(lessons, tmp_path / "d.spermscope", recipe="all")
    with pytest.raises(ValueError, match=r"d\.ckpt: expected a checkpoint of .*without phase, found one of .*all"):
        learned(lessons, tmp_path / "d.spermscope", recipe="without phase")
