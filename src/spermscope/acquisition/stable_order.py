"""A short list, best first, whose places hold still: a person reads it while its scores keep changing."""

from __future__ import annotations

from collections.abc import Mapping

MOST_PLACES = 9
"""One for each of the keys 1 to 9."""


class StableOrder:
    """Which id stands in which place.

    An id keeps its place while it has a score. Two neighbours change places, or a newcomer takes the last place, only
    once the better one has led by ``margin`` for ``patience_s`` on end; one such move comes at a time, with ``rest_s``
    after it. An id whose score went missing stays for ``linger_s``, and its place may stay empty after that.
    """

    def __init__(
        self, places: int = MOST_PLACES, *, patience_s: float = 1.0, rest_s: float = 0.5, linger_s: float = 2.0
    ) -> None:
        self._patience_s, self._rest_s, self._linger_s = patience_s, rest_s, linger_s
        self._places: list[int | None] = [None] * places
        self._seen_s: dict[int, float] = {}
        self._led_since_s: dict[tuple[int, int | None], float] = {}
        self._now_s = self._moved_s = float("-inf")

    def resize(self, places: int, keep: int | None = None) -> None:
        """Have so many places from now on; the last ones go first, but ``keep``, where it has a place, has the last."""
        lost = self._places[places:]
        self._places = (self._places + [None] * places)[:places]
        if keep is not None and keep in lost and places:
            self._places[-1] = keep

    def update(
        self, now_s: float, scores: Mapping[int, float], margin: float, *, hold: bool = False
    ) -> list[int | None]:
        """The ids by place, None where a place is empty; lower scores stand first.

        Parameters
        ----------
        now_s
            Seconds; where it falls back, all waiting begins anew.
        scores
            By id, of those that are there; infinity for what comes after all others.
        hold
            Nothing moves now, since somebody points at it; empty places are still filled.
        """
        if now_s < self._now_s:
            self._led_since_s.clear()
            self._moved_s = float("-inf")
            self._seen_s = dict.fromkeys(self._seen_s, now_s)
        self._now_s = now_s
        self._seen_s |= dict.fromkeys(scores, now_s)
        waiting = self._let_go_and_fill(scores)
        led = self._leads(scores, waiting, margin)
        since_s = {pair: self._led_since_s.get(pair, now_s) for pair, _ in led}
        self._led_since_s = since_s
        if not hold and now_s - self._moved_s >= self._rest_s:
            for (better, worse), place in led:
                if now_s - since_s[(better, worse)] >= self._patience_s:
                    self._move(better, place)
                    break
        return list(self._places)

    def _let_go_and_fill(self, scores: Mapping[int, float]) -> list[int]:
        """Empty the places of the gone, give empty ones to the best who wait; who still waits, best first."""
        for place, one in enumerate(self._places):
            if one is not None and self._now_s - self._seen_s[one] > self._linger_s:
                self._places[place] = None
        kept = set(self._places)
        self._seen_s = {one: at_s for one, at_s in self._seen_s.items() if one in kept or one in scores}
        waiting = sorted((one for one in scores if one not in kept), key=lambda one: (scores[one], one))
        for place, one in enumerate(self._places):
            if one is None and waiting:
                self._places[place] = waiting.pop(0)
        return waiting

    def _leads(
        self, scores: Mapping[int, float], waiting: list[int], margin: float
    ) -> list[tuple[tuple[int, int | None], int]]:
        """Who now leads whom by the margin (the better, the worse), and the place that the better one would take."""
        found: list[tuple[tuple[int, int | None], int]] = []
        # The gone come last, behind those without a number.
        value = [(one not in scores, scores.get(one, 0.0)) if one is not None else (True, 0.0) for one in self._places]
        for place in range(len(self._places) - 1):
            worse, better = self._places[place], self._places[place + 1]
            if better is not None and better in scores and _leads(value[place + 1], value[place], margin):
                found.append(((better, worse), place))
        if waiting and self._places:
            last = len(self._places) - 1
            if _leads((False, scores[waiting[0]]), value[last], margin):
                found.append(((waiting[0], self._places[last]), last))
        return found

    def _move(self, better: int, place: int) -> None:
        worse = self._places[place]
        if better in self._places:
            self._places[self._places.index(better)] = worse
        self._places[place] = better
        self._moved_s = self._now_s


def _leads(better: tuple[bool, float], worse: tuple[bool, float], margin: float) -> bool:
    return (worse[0] and not better[0]) or (better[0] == worse[0] and better[1] < worse[1] - margin)
