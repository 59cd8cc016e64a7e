"""Every rater's presentations, worked out from the protocol when they are first asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

from spermscope.rating.orders import seat_order, shares
from spermscope.rating.protocol import StudyFile
from spermscope.rating.sheets import Sheet
from spermscope.rating.values import Presentation, Refused


@dataclass(frozen=True, slots=True)
class Turn:
    """A presentation, and how often (from 1) the rater has been shown its clip by then."""

    shown: Presentation
    occurrence: int


class Turns:
    """By pseudonym; raters have numbers from 1 to the protocol's ``raters``."""

    def __init__(self, study: StudyFile, sheets: Sequence[Sheet]) -> None:
        self._study, self._lock = study, Lock()
        anchors = {clip for grade in study.protocol.grades for clip in grade.anchors}
        self.rated = tuple(sheet.hash for sheet in sheets if sheet.hash not in anchors)
        self._known: dict[str, tuple[Turn, ...]] = {}
        self._places: dict[str, dict[str, Turn]] = {}

    @cached_property
    def seats(self) -> tuple[str, ...]:
        """The pseudonyms that raters can have; a package's one."""
        if self._study.pseudonym is not None:
            return (self._study.pseudonym,)
        return tuple(f"R{number:03d}" for number in range(1, self._study.protocol.raters + 1))

    def of(self, pseudonym: str) -> tuple[Turn, ...]:
        """All of a rater's, in order; refused (``presentation``) for one who has no seat."""
        with self._lock:
            if pseudonym not in self._known:
                turns = self._numbered(pseudonym, self._order(pseudonym))
                self._places[pseudonym] = {turn.shown.id: turn for turn in turns}
                self._known[pseudonym] = turns
            return self._known[pseudonym]

    def find(self, pseudonym: str, id: str) -> Turn:
        """The one of that id; refused (``presentation``) where it is none of the rater's."""
        self.of(pseudonym)
        turn = self._places[pseudonym].get(id)
        if turn is None:
            raise Refused("presentation")
        return turn

    def _order(self, pseudonym: str) -> Sequence[str]:
        if self._study.pseudonym is not None:
            if pseudonym != self._study.pseudonym:
                raise Refused("presentation")
            return self._study.order
        rules = self._study.protocol
        number = pseudonym[1:]
        if pseudonym[:1] != "R" or not number.isdecimal() or not 1 <= int(number) <= rules.raters:
            raise Refused("presentation")
        seat = int(number) - 1
        clips = self.rated if rules.raters_per_clip is None else self._shares[seat]
        return seat_order(clips, rules.seed, seat, repeats_share=rules.repeats_share, block=rules.block)

    @cached_property
    def _shares(self) -> list[list[str]]:
        rules = self._study.protocol
        each = rules.raters_per_clip or rules.raters
        return shares(self.rated, rules.seed, raters=rules.raters, raters_per_clip=each)

    def _numbered(self, pseudonym: str, order: Sequence[str]) -> tuple[Turn, ...]:
        seen: dict[str, int] = {}
        turns = []
        for number, clip in enumerate(order, 1):
            seen[clip] = seen.get(clip, 0) + 1
            named = f"{self._study.study_id}/{pseudonym}/{number}"
            id, block = hashlib.sha256(named.encode()).hexdigest()[:32], 1 + (number - 1) // self._study.protocol.block
            turns.append(Turn(Presentation(id, clip, number, block), seen[clip]))
        return tuple(turns)
