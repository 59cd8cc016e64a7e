"""Fleiss' kappa: how often two raters give a clip the very same grade, beyond chance."""

from __future__ import annotations

from spermscope.agreement.coefficient import NOTHING_APART, Coefficient, Ints, undefined


def fleiss_kappa(counts: Ints) -> Coefficient:
    """Fleiss' kappa from ``(N, grades)`` counts of votes, in -1..1 (Fleiss 1971).

    Where clips have different numbers of votes it is the generalisation of Gwet (2014, ch. 2): every clip weighs alike,
    those with one vote in what chance gives alone. Order counts for nothing: A beside B is as far apart as A beside E.
    """
    votes = counts.sum(axis=1)
    seen, paired = votes >= 1, votes >= 2
    if not paired.any():
        return undefined("not computed: no clip has two grades")
    alike = (counts[paired] * (counts[paired] - 1)).sum(axis=1) / (votes[paired] * (votes[paired] - 1))
    usual = (counts[seen] / votes[seen][:, None]).mean(axis=0)
    chance = float((usual**2).sum())
    if chance > 1.0 - 1e-12:
        return undefined(NOTHING_APART)
    return Coefficient((float(alike.mean()) - chance) / (1.0 - chance))
