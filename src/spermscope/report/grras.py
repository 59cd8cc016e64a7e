"""The reporting checklist of reliability and agreement studies (GRRAS, Kottner et al. 2011), as far as a study knows.

Its fifteen items in our own words. What the study has on record is filled in; what only its authors know is left to
them and said so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from spermscope.agreement import Agreement, AgreementStudy, Estimate
from spermscope.agreement.kappa import both_graded
from spermscope.labels import MISSING
from spermscope.locale import listed, text

SECTIONS = ("abstract", *["introduction"] * 4, *["methods"] * 5, *["results"] * 3, "discussion", "further")
OPEN = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14)
"""Items to which the authors have something to add, or everything to say."""


@dataclass(frozen=True, slots=True)
class Item:
    """``known`` is what the study says ('' nothing), ``to_add`` what is left to its authors ('' nothing)."""

    number: int
    section: str
    asked: str
    known: str
    to_add: str

    @property
    def state(self) -> str:
        """``filled``, ``partly`` or ``blank``."""
        return "blank" if not self.known else "partly" if self.to_add else "filled"


def checklist(study: AgreementStudy, found: Agreement, version: str, language: str) -> list[Item]:
    """The fifteen items in order."""
    known = {
        2: _instrument(study, version, language),
        3: text("grras_known_3", language, **_sizes(study)),
        4: text("grras_known_4", language, **_sizes(study)),
        6: _size(study, language),
        7: _sampling(study, language),
        8: _process(study, language),
        9: text("grras_known_9", language),
        10: text("grras_known_10", language),
        11: _included(study, language),
        12: _characteristics(study, language),
        13: _estimates(found, language),
        15: text("grras_known_15", language),
    }
    return [
        Item(
            number=number,
            section=text(f"grras_{section}", language),
            asked=text(f"grras_asked_{number}", language),
            known=known.get(number, ""),
            to_add=text(f"grras_add_{number}", language) if number in OPEN else "",
        )
        for number, section in enumerate(SECTIONS, 1)
    ]


def _sizes(study: AgreementStudy) -> dict[str, int]:
    return {
        "clips": len(study.clips),
        "donors": len(np.unique(study.donors)),
        "raters": len(study.raters),
        "votes": int((study.votes != MISSING).sum()),
        "cannot": int((study.reasons != MISSING).sum()),
        "missing": int(study.missing.sum()),
        "repeats": len(both_graded(study.repeats.grade)),
    }


def _instrument(study: AgreementStudy, version: str, language: str) -> str:
    facts = study.facts
    said = [text("grras_instrument", language, version=version, protocol=facts.protocol_version or "-")]
    if facts.question:
        said.append(text("grras_question", language, question=facts.question))
    said.append(text("grras_grades", language, grades=listed(list(facts.labels or study.grades), language)))
    if facts.view:
        said.append(text("grras_view", language, view=text(f"agree_view_{facts.view.replace('+', '_')}", language)))
    return _joined(said, language)


def _size(study: AgreementStudy, language: str) -> str:
    facts = study.facts
    said = [text("grras_clips_planned", language, clips=len(study.clips), seats=facts.seats or len(study.raters))]
    if facts.repeats_share is not None:
        said.append(text("grras_repeats_planned", language, percent=f"{100 * facts.repeats_share:g}"))
    return _joined(said, language)


def _sampling(study: AgreementStudy, language: str) -> str:
    facts = study.facts
    said = []
    if facts.seed is not None:
        said.append(text("grras_orders", language, seed=facts.seed, block=facts.block or "-"))
    said.append(text("grras_some" if facts.per_clip else "grras_all", language, raters=facts.per_clip or "-"))
    return _joined(said, language)


def _process(study: AgreementStudy, language: str) -> str:
    facts = study.facts
    said = [text("grras_blind", language)]
    if facts.anchors is not None:
        said.append(text("grras_anchors", language, anchors=facts.anchors))
    if facts.repeats_share:
        said.append(text("grras_hidden", language, block=facts.block or "-"))
    if facts.started and facts.locked:
        said.append(text("grras_dates", language, started=facts.started[:10], locked=facts.locked[:10]))
    return _joined(said, language)


def _included(study: AgreementStudy, language: str) -> str:
    return text("grras_known_11", language, **_sizes(study))


def _characteristics(study: AgreementStudy, language: str) -> str:
    used = study.counts.sum(axis=0)
    if not used.any():
        return ""
    shares = [f"{name} {100 * share:.0f} %" for name, share in zip(study.grades, used / used.sum(), strict=True)]
    return text("grras_known_12", language, shares=listed(shares, language))


def _estimates(found: Agreement, language: str) -> str:
    return listed(
        [f"{text(f'agree_{name}', language)} {told_estimate(one)}" for name, one in found.coefficients.items()],
        language,
    )


def told_estimate(one: Estimate) -> str:
    """``0.58 (0.51 – 0.64)``; without what is not known."""
    if not np.isfinite(one.value):
        return "-"
    return f"{one.value:.2f}" + (f" ({one.low:.2f} – {one.high:.2f})" if np.isfinite(one.low) else "")


def _joined(said: list[str], language: str) -> str:
    return ("" if language == "ja" else " ").join(said)


def counted(items: list[Item]) -> Iterator[tuple[str, int]]:
    """How many items are filled, partly filled and blank."""
    for state in ("filled", "partly", "blank"):
        yield state, sum(item.state == state for item in items)
