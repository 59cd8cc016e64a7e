"""In which order each rater sees the clips: seeded, in blocks, with hidden repeats; shared evenly where few see each.

Everything is drawn by hashing the seed with words, so that an order can be worked out again on any machine, in any
version and language.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import permutations


def seat_order(hashes: Sequence[str], seed: int, seat: int, *, repeats_share: float, block: int) -> list[str]:
    """The clips of one seat in turn; ``round(repeats_share * N)`` of them come a second time.

    A repeat comes ``block`` presentations after the first at the least, so in another block, or half of all where there
    are fewer; two repeats are never next to each other. Every clip of ``hashes (N,)``, distinct, comes.
    """
    order = sorted(hashes, key=lambda clip: _draw(seed, "order", seat, clip))
    repeats = min(round(repeats_share * len(order)), len(order) // 2)
    gap = max(2, min(block, len(order) // 2))
    slots = _apart(repeats, gap, len(order) + repeats, seed, seat)
    fresh, used = iter(order), set[str]()
    out: list[str] = []
    for place in range(len(order) + repeats):
        if place not in slots:
            out.append(next(fresh))
            continue
        shown = {clip for clip in out[: place - gap + 1] if clip not in used}
        again = min(shown, key=lambda clip: _draw(seed, "repeat", seat, clip))
        used.add(again)
        out.append(again)
    return out


def shares(hashes: Sequence[str], seed: int, *, raters: int, raters_per_clip: int) -> list[list[str]]:
    """For each of ``raters`` seats its clips, incomplete blocks: each clip goes to ``raters_per_clip`` of them.

    Seats' numbers of clips differ by one at most. Of the seats with the fewest clips those are taken that share the
    fewest clips with the ones already taken, so that all pairs of raters share about equally many. Clips are dealt in
    the order of ``hashes``: where those of a donor stand together, his are spread over the seats.
    """
    clips: list[list[str]] = [[] for _ in range(raters)]
    together = [[0] * raters for _ in range(raters)]
    for clip in hashes:
        chance = [_draw(seed, "share", clip, seat) for seat in range(raters)]
        shared = [0] * raters
        chosen: list[int] = []
        for _ in range(raters_per_clip):
            free = (seat for seat in range(raters) if seat not in chosen)
            chosen.append(min(free, key=lambda seat: (len(clips[seat]), shared[seat], chance[seat])))
            shared = [a + b for a, b in zip(shared, together[chosen[-1]], strict=True)]
        for one, other in permutations(chosen, 2):
            together[one][other] += 1
        for seat in chosen:
            clips[seat].append(clip)
    return clips


def _apart(count: int, first: int, end: int, seed: int, seat: int) -> set[int]:
    """``count`` places from ``first`` to before ``end``, none next to another."""
    room = range(end - first - count + 1)
    drawn = sorted(room, key=lambda place: _draw(seed, "slot", seat, place))[:count]
    return {first + place + before for before, place in enumerate(sorted(drawn))}


def _draw(seed: int, *words: object) -> bytes:
    return hashlib.sha256("/".join(map(str, (seed, *words))).encode()).digest()
