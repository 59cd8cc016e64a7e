"""Crops as networks see them in training: the same as at work, and turned in the eight ways that keep a picture."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from spermscope.clips import to_model_input  # noqa: E402
from spermscope.training.sight import Turns, as_input, input_on_card, turned  # noqa: E402


@pytest.mark.parametrize("size", [128, 150])
def test_a_card_sees_what_is_seen_at_work(size):
    rng = np.random.default_rng(2)
    frames = np.concatenate(
        [
            rng.normal(120, 12, (3, 2, size, size)).clip(0, 255).astype(np.uint8),
            np.full((1, 2, size, size), 9, np.uint8),
            rng.choice([0, 255], (1, 2, size, size)).astype(np.uint8),
        ]
    )
    wanted = to_model_input(frames)
    np.testing.assert_allclose(input_on_card(torch.from_numpy(frames)).numpy(), wanted, atol=1e-5)
    np.testing.assert_array_equal(as_input(torch.from_numpy(frames)).numpy(), wanted)


def test_a_clip_is_turned_and_mirrored_as_a_whole_in_eight_ways_and_keeps_its_shape():
    picture = torch.zeros(1, 3, 8, 8)
    picture[..., 0, 1] = torch.tensor([1.0, 2.0, 3.0])
    seen, signs = set(), []
    for inputs in turned(picture.expand(400, -1, -1, -1), np.random.default_rng(0)):
        places = [tuple(divmod(int(one.abs().argmax()), 8)) for one in inputs]
        assert len(set(places)) == 1
        gain = inputs.abs().amax((1, 2)) * inputs.sum((1, 2)).sign()
        torch.testing.assert_close(gain / gain[0], torch.tensor([1.0, 2.0, 3.0]))
        seen.add(places[0])
        signs.append(float(gain[0]))
    assert len(seen) == 8
    assert 0.1 < np.mean(np.array(signs) < 0) < 0.2
    assert np.std(np.log(np.abs(signs))) == pytest.approx(0.15, abs=0.02)


def test_directions_turn_with_their_pictures():
    count, rng = 200, np.random.default_rng(1)
    angle = rng.uniform(0, 2 * np.pi, count)
    pointing = np.column_stack([np.cos(angle), np.sin(angle)])
    y, x = np.mgrid[:33, :33] - 16.0
    tip = 10 * pointing[:, :, None, None]
    lit = np.exp(-0.5 * ((x - tip[:, 0]) ** 2 + (y - tip[:, 1]) ** 2))[:, None]
    turns = Turns(count, rng)
    shown = turns.pictures(torch.from_numpy(lit)).abs()[:, 0].numpy()
    turned_to = turns.directions(torch.from_numpy(pointing)).numpy()
    weight = shown.sum((1, 2))
    found = np.column_stack([(shown * x).sum((1, 2)) / weight, (shown * y).sum((1, 2)) / weight])
    np.testing.assert_allclose(found, 10 * turned_to, atol=0.05)
