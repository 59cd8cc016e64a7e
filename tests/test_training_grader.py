"""The shipped grader's recipe: clips seen part by part, a head that learns from what is seen of them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from spermscope.clips import MOTION_FEATURES  # noqa: E402
from spermscope.models.streaming import TOKEN, CropEncoder, GradeHead  # noqa: E402
from spermscope.study.panel_clips import PanelClips, donor_clips, joined  # noqa: E402
from spermscope.training.grader import encode, fit_head, predict, see  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def still_cells(count=320, seed=0):
    """Cells that stay where they are, and tokens whose mean says how many of ten raters give an A, the others an E."""
    rng = np.random.default_rng(seed)
    good = rng.integers(0, 11, count)
    votes = np.where(np.arange(10) < good[:, None], 0, 4)
    tokens = rng.normal(size=(count, 2, 16, TOKEN)).astype(np.float32)
    tokens[..., :40] += ((good - 5) / 3)[:, None, None, None]
    clips = PanelClips(
        frames=np.empty((count, 0, 0, 0), np.uint8),
        time_s=np.tile(np.arange(16) / 15, (count, 1)),
        xy_um=np.zeros((count, 16, 2)),
        observed=np.ones((count, 16), np.bool_),
        votes=votes,
        donor=np.arange(count) // 4,
        clarity=np.full(count, 0.7),
        truth=np.tile(0.2, (count, 5)),
        traits=np.tile(good[:, None] / 5.0 - 1, (1, 14)),
    )
    return clips, torch.from_numpy(tokens)


def test_clips_that_are_seen_part_by_part_are_seen_as_a_whole_and_keep_no_picture():
    parts = [donor_clips(0, number, count=2, raters=5) for number in (3, 8, 5)]
    encoder = CropEncoder()
    found = see(encoder, iter(parts), np.random.default_rng(0))
    whole = joined(parts)
    assert found.tokens.shape == (6, 2, 16, TOKEN)
    torch.testing.assert_close(found.tokens[:, 0], encode(encoder, whole)[:, 0])
    assert not torch.allclose(found.tokens[:, 0], found.tokens[:, 1], atol=1e-3)
    assert found.clips.frames.nbytes == 0
    np.testing.assert_array_equal(found.clips.votes, whole.votes)
    some = found.of(np.array([5, 3]))
    assert some.clips.donor.tolist() == [3, 3, 5, 5]
    assert torch.equal(some.tokens, found.tokens[[0, 1, 4, 5]])


def test_a_head_learns_what_tokens_say_and_looks_at_every_second_alone():
    (clips, tokens), (held, held_tokens) = still_cells(), still_cells(40, seed=1)
    head = GradeHead(features=MOTION_FEATURES)
    fit_head(head, tokens, clips, held_tokens[:, 0], held, 10, np.random.default_rng(0), lambda done, total: None)
    found = predict(head, held_tokens[:, 0], held)
    unlearned = np.square(clips.distributions.mean(0) - held.distributions).mean()
    assert np.square(found.shares - held.distributions).mean() < 0.1 * unlearned
    other = held_tokens[:, 0].clone()
    other[:, 0::2] = 1e3
    np.testing.assert_array_equal(predict(head, other, held).shares, found.shares)


@pytest.mark.slow
def test_the_grader_recipe_runs_end_to_end(tmp_path):
    from spermscope.runtime import load_model
    from spermscope.training.grader import train_grader

    path = train_grader(tmp_path / "g.spermscope", donors=10, still_donors=30, still_epochs=1, head_epochs=1, threads=1)
    card = load_model(path).card
    assert card.demonstration
    assert len(card.scores["mse"]) == 3
    assert set(card.constants) == {"unlike_above", "doubt"}
    assert not path.with_suffix(".ckpt").exists()
