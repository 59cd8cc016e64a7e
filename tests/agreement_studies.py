"""Rating studies to test with: simulated experts who grade in their own order, see some clips twice, and drift."""

import numpy as np

from spermscope.agreement import AgreementStudy, Repeats, StudyFacts
from spermscope.labels import MISSING
from spermscope.simulate.experts import Appearance, Panel

GRADES = ("A", "B", "C", "D", "E")
REASONS = ("out_of_focus", "not_a_sperm", "overlapped", "too_short", "tail_unseen")
FACTS = StudyFacts(
    question="How desirable is this sperm for injection, by its shape and its movement?",
    labels=("A: most desirable", "B: desirable", "C: in between", "D: less desirable", "E: least desirable"),
    view="head",
    anchors=10,
    seats=8,
    repeats_share=0.1,
    block=15,
    seed=3,
    protocol_version=1,
    started="2026-11-02T08:00:00Z",
    locked="2026-11-20T17:30:00Z",
    simulated=True,
)


def appearances(donors, rng):
    """Cells of ``donors (N,)`` that are alike within a donor."""
    people, member = np.unique(donors, return_inverse=True)

    def trait(middle, between, within):
        own = rng.normal(middle, between, len(people))[member]
        return np.clip(own + rng.normal(0, within, len(donors)), 0, 1)

    return Appearance(trait(0.6, 0.12, 0.16), trait(0.55, 0.12, 0.2), trait(0.6, 0.1, 0.1))


def simulated(*, clips=60, donors=12, raters=8, share=0.1, drift=0.0, blocks=4, missing=0.02, cannot=0.05, seed=3):
    """A study whose raters grow harsher by ``drift`` of an impression from the first to the last of their blocks."""
    rng = np.random.default_rng(seed)
    donor = np.arange(clips) * donors // clips
    seen = appearances(donor, rng)
    panel = Panel(np.random.default_rng(seed + 1), raters)
    place = np.stack([rng.permutation(clips) for _ in range(raters)], axis=1)
    block = place * blocks // clips
    votes = drifting(panel, seen, drift * place / clips, rng)
    shown = rng.random(votes.shape) >= missing
    faint = shown & (rng.random(votes.shape) < 2 * cannot * (1 - seen.clarity[:, None]))
    reasons = np.where(faint, rng.choice(len(REASONS), votes.shape, p=[0.45, 0.1, 0.2, 0.1, 0.15]), MISSING)
    votes = np.where(shown & ~faint, votes, MISSING)
    again = rng.random(votes.shape) < share
    clip, rater = np.nonzero(again & shown)
    second = drifting(panel, seen, np.full((clips, raters), drift), rng)
    return AgreementStudy(
        name="study",
        clips=tuple(f"{number:04x}" * 4 for number in range(clips)),
        donors=donor,
        raters=tuple(f"R{number:03d}" for number in range(1, raters + 1)),
        grades=GRADES,
        reason_names=REASONS,
        votes=votes,
        reasons=reasons,
        due=np.ones(votes.shape, np.bool_),
        blocks=np.where(shown, block, MISSING),
        time_s=np.where(shown, rng.gamma(6, 0.7, votes.shape) * (1.3 - 0.4 * place / clips), np.nan),
        repeats=Repeats(rater, clip, np.stack([votes[again & shown], second[again & shown]], axis=1)),
        facts=FACTS,
    )


def drifting(panel, seen, harsher, rng):
    """Votes as ``Panel.votes`` gives them, of impressions that are lower by ``harsher (N, R)``."""
    impression, doubt = panel._impressions(seen)
    impression = impression - harsher + doubt * rng.standard_normal(impression.shape)
    return (impression[:, :, None] < panel._cuts).sum(axis=2).astype(np.int64)
