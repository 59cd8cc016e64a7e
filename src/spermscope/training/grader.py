"""The recipe of the shipped grader: the encoder learns from stills' traits, the head from clips' votes and traits.

What the encoder has learned stays as it is: where votes taught it too, the grader came out worse (docs/RESULTS.md).
Everything is chosen on validation donors; the card's scores come from test donors that nothing else saw.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spermscope import __version__
from spermscope.clips import MOTION_FEATURES, motion_features
from spermscope.doubt import chance, fit_doubt, heads_apart
from spermscope.drawing import Progress, draw_each
from spermscope.labels import split_by_donor, split_hash
from spermscope.metrics import Exam, mean_distribution, mean_grade
from spermscope.model_file import ModelCard, write_model
from spermscope.models.streaming import TOKEN, WIDTH, CropEncoder, GradeHead
from spermscope.settings import ClipSettings
from spermscope.study.panel_clips import PanelClips, donor_clips, joined, split
from spermscope.training.checkpoint import Checkpoint
from spermscope.training.export import streaming_graphs
from spermscope.training.loop import Loop, fastest_device, mixed_precision
from spermscope.training.losses import cross_entropy_loss, panel_loss
from spermscope.training.scores import card_scores
from spermscope.training.sight import as_input, turned
from spermscope.training.stills import Stills, draw_stills, fit_stills
from spermscope.types import GRADES

DONORS = 3000
STILL_DONORS = 72_000
"""Donors of the stills: others than the clips' and many more."""
SHARES = (0.7, 0.1, 0.2)
"""Training, validation and test donors."""
STILL_RATE, HEAD_RATE = 3e-3, 6e-4
TRAITS = 2.0
"""Weight of the traits (smooth L1) beside the votes (soft cross-entropy, which wins the comparison of losses)."""
EVERY = 2
"""Of a clip's crops one in so many is encoded: 7.5 a second."""


def train_grader(
    out: Path,
    *,
    donors: int = DONORS,
    seed: int = 0,
    still_donors: int = STILL_DONORS,
    still_epochs: int = 24,
    head_epochs: int = 40,
    threads: int = 2,
    clips: Iterable[PanelClips] | None = None,
    stills: Stills | None = None,
    progress: Progress = lambda done, total: None,
) -> Path:
    """Simulate donors and a panel, train, score on test donors, write the model file.

    ``clips``, by parts of whole donors, and ``stills`` are drawn unless given. A run that was killed goes on from
    ``OUT.ckpt``, where the encoder is kept after each epoch.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    rng = np.random.default_rng([seed, 31])
    encoder, head = CropEncoder(), GradeHead(features=MOTION_FEATURES)
    stills = stills or draw_stills(range(still_donors), seed, threads, progress)
    checkpoint = Checkpoint(out.with_suffix(".ckpt"), f"encoder, {still_epochs} epochs, seed {seed}, {stills.name}")
    fit_stills(encoder, TOKEN, stills, still_epochs, STILL_RATE, rng, progress, checkpoint)
    encoder, head = encoder.to(fastest_device()), head.to(fastest_device())
    clips = clips or draw_each(partial(donor_clips, seed), range(donors), threads, progress)
    every = see(encoder, clips, rng)
    parts = split_by_donor(every.clips.donor, SHARES, seed)
    train, held, test = (every.of(part) for part in parts)
    fit_head(head, train.tokens, train.clips, held.tokens[:, 0], held.clips, head_epochs, rng, progress)
    head.distance.learn(train.tokens[:, 0].mean(1))
    chosen_on = predict(head, held.tokens[:, 0], held.clips)
    predicted = predict(head, test.tokens[:, 0], test.clips).shares
    mean = mean_distribution(train.clips.distributions, len(predicted))
    exam = Exam.of_votes(test.clips.votes, test.clips.donor, mean, truth=test.clips.truth)
    scores, known = card_scores(predicted, exam), constants(chosen_on, held.clips)
    card = _card(scores, seed, len(np.unique(every.clips.donor)), split_hash(parts), known)
    graphs, goldens = streaming_graphs(encoder.cpu(), head.cpu(), EVERY)
    written = write_model(out, card, graphs, goldens)
    checkpoint.done()
    return written


class Seen(NamedTuple):
    """Clips without their pictures, and the tokens ``(N, turns, T, 256)`` that an encoder made of these."""

    clips: PanelClips
    tokens: Tensor

    def of(self, donors: NDArray[np.int64]) -> Seen:
        """Those of some donors."""
        rows = np.flatnonzero(np.isin(self.clips.donor, donors))
        return Seen(split(self.clips, donors), self.tokens[torch.from_numpy(rows).to(self.tokens.device)])


def see(encoder: CropEncoder, parts: Iterable[PanelClips], rng: np.random.Generator) -> Seen:
    """All clips as they are and turned once. Pictures go with their part: together they would not fit into memory."""
    found = [(part.without_pictures(), encode(encoder, part, 2, rng)) for part in parts]
    return Seen(joined([clips for clips, _ in found]), torch.cat([tokens for _, tokens in found]))


def constants(found: Predicted, held: PanelClips) -> dict[str, float | list[float]]:
    """What the card holds beside scores, from what is ``found`` of the donors ``held`` back."""
    votes = np.full(len(held), held.votes.shape[1])
    off = mean_grade(found.shares) - mean_grade(held.distributions)
    doubt = fit_doubt(found.spread, off, chance(held.distributions, votes))
    return {"unlike_above": float(np.quantile(found.distance, 0.995)), "doubt": doubt.constant}


def _card(
    scores: dict[str, float | list[float]],
    seed: int,
    donors: int,
    split_name: str,
    constants: dict[str, float | list[float]],
) -> ModelCard:
    rules = ClipSettings()
    return ModelCard(
        kind="streaming",
        name="stream",
        version=__version__,
        um_per_px=rules.um_per_px,
        rate_hz=rules.rate_hz / EVERY,
        grades=GRADES,
        trained_on=f"{donors} simulated donors, graded by 40 simulated experts; no real cell, no real expert",
        demonstration=True,
        recipe=f"spermscope train grader --out grader.spermscope --seed {seed} --donors {donors}",
        seed=seed,
        intended_use="Showing that the machinery works. Not for choosing cells. Research use only.",
        limits="It learned from simulated experts and says nothing about real cells or real experts.",
        scores=scores,
        split_hash=split_name,
        constants=constants,
    )


def fit_head(
    head: GradeHead,
    tokens: Tensor,
    clips: PanelClips,
    held_tokens: Tensor,
    held: PanelClips,
    epochs: int,
    rng: np.random.Generator,
    progress: Progress,
    every: int = EVERY,
) -> None:
    """The head on kept tokens ``(N, turns, T, 256)``, random lengths from half to full; the best epoch on ``held``.

    Of a clip's tokens it sees one in ``every``.
    """
    device = tokens.device
    shares = torch.from_numpy(rng.poisson(1.0, (int(clips.donor.max()) + 1, len(head.heads))).astype(np.float32))
    target, traits = (
        torch.from_numpy(values.astype(np.float32)).to(device) for values in (clips.distributions, clips.traits)
    )
    reading = nn.Linear(WIDTH, traits.shape[1]).to(device)
    best, best_state = np.inf, {k: v.clone() for k, v in head.state_dict().items()}
    loop = Loop([head.to(device), reading], HEAD_RATE, epochs, len(clips), 64, progress)
    for count, rows in enumerate(loop.batches(rng)):
        turn = rng.integers(0, tokens.shape[1], len(rows))
        length = tokens.shape[2]
        shown = rng.integers(length // 2, length + 1, len(rows))
        encoded = slice(int(rng.integers(0, every)), None, every)
        valid = torch.from_numpy((np.arange(length) >= length - shown[:, None]).astype(np.float32)).to(device)
        some = torch.from_numpy(rows).to(device)
        picked = tokens[some, torch.from_numpy(turn).to(device)]
        motion = _motion(clips, rows, rng, shown).to(device)
        logits, embedding, _ = head(picked * valid[:, :, None], motion, valid, encoded)
        votes = panel_loss(cross_entropy_loss, logits, target[some], shares[clips.donor[rows]].to(device)).mean()
        loop.descend(votes + TRAITS * nn.functional.smooth_l1_loss(reading(embedding), traits[some]))
        if (count + 1) % loop.steps_an_epoch == 0:
            found = float(np.mean((predict(head, held_tokens, held, every).shares - held.distributions) ** 2))
            if found < best:
                best, best_state = found, {k: v.clone() for k, v in head.state_dict().items()}
    head.load_state_dict(best_state)


def _motion(
    clips: PanelClips, rows: NDArray[np.int64], rng: np.random.Generator | None, shown: NDArray[np.int64] | None = None
) -> Tensor:
    """Motion features of each clip's latest ``shown`` crops; in training a tenth goes without displacements."""
    length = clips.time_s.shape[1]
    out = np.zeros((len(rows), length, MOTION_FEATURES), np.float32)
    for place, row in enumerate(rows.tolist()):
        first = 0 if shown is None else length - int(shown[place])
        known = rng is None or rng.random() >= 0.1
        part = slice(first, length)
        out[place, part] = motion_features(
            clips.time_s[row, part], clips.xy_um[row, part], clips.observed[row, part], known=known
        )
    return torch.from_numpy(out)


def encode(encoder: CropEncoder, clips: PanelClips, turns: int = 1, rng: np.random.Generator | None = None) -> Tensor:
    """``(N, turns, T, 256)`` tokens; the first as the clip is, the others turned and mirrored."""
    encoder.eval()
    device = next(encoder.parameters()).device
    count, length = clips.frames.shape[:2]
    tokens = torch.empty(count, turns, length, TOKEN, device=device)
    with torch.no_grad(), mixed_precision(device):
        for turn in range(turns):
            for first in range(0, count, 16):
                inputs = as_input(torch.from_numpy(clips.frames[first : first + 16]).to(device))
                if turn and rng is not None:
                    inputs = turned(inputs, rng)
                some = encoder(inputs.flatten(0, 1)[:, None].to(memory_format=torch.channels_last))
                tokens[first : first + 16, turn] = some.float().unflatten(0, (-1, length))
    return tokens


class Predicted(NamedTuple):
    """Distributions ``shares (N, K)``, the mean over the heads, ``distance (N,)``, and how far heads lie apart."""

    shares: NDArray[np.float64]
    distance: NDArray[np.float64]
    spread: NDArray[np.float64]


def predict(head: GradeHead, tokens: Tensor, clips: PanelClips, every: int = EVERY) -> Predicted:
    """As a whole clip is graded at work."""
    head.eval()
    encoded = slice((tokens.shape[1] - 1) % every, None, every)
    with torch.no_grad():
        motion = _motion(clips, np.arange(len(clips)), None).to(tokens.device)
        logits, _, distance = head(tokens, motion, torch.ones_like(tokens[:, :, 0]), encoded)
    each = torch.softmax(logits, -1).double().cpu().numpy()
    return Predicted(each.mean(1), distance.double().cpu().numpy(), heads_apart(each))
