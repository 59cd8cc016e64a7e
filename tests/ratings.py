"""Small rating studies, and votes as a page sends them."""

import shutil
import uuid
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from studies import noise_study

from spermscope.rating.creating import new_study
from spermscope.rating.opening import open_study
from spermscope.rating.protocol import Protocol
from spermscope.rating.values import NewVote

PASSPHRASE = "on the bench at nine"


@cache
def clips_of_noise():
    """A data set of 10 clips of 5 donors, made once."""
    return noise_study(Path(mkdtemp(prefix="rating")) / "clips", clips=10, donors=5)


@cache
def _pattern(rules):
    folder = Path(mkdtemp(prefix="rating")) / "study"
    new_study(folder, [clips_of_noise()], rules)
    return folder


def new(folder, **rules):
    """A study of those clips, not yet started; those of equal rules are copies, with one key."""
    rules = {"raters": 3, "repeats_share": 0.2, "block": 5, "seed": 7} | rules
    return shutil.copytree(_pattern(Protocol(**rules)), folder)


def started(folder, **rules):
    """The same, open; the caller closes it."""
    study = open_study(new(folder, **rules))
    study.start("C001")
    return study


def new_vote(shown, grade="B", **changes):
    values = {
        "id": uuid.uuid4(),
        "presentation": shown.id,
        "grade": grade,
        "elapsed_ms": 1200,
        "display_width_px": 1280,
        "display_height_px": 720,
        "display_scale": 1.5,
        "app_version": "0.1.0",
        "protocol_version": 1,
    }
    return NewVote(**values | changes)


def rate(study, pseudonym, count=1000, grade="B"):
    """Vote on the rater's next presentations, as many as there are; the receipts."""
    receipts = []
    while len(receipts) < count and (coming := study.next_presentations(pseudonym, 1)):
        receipts.append(study.vote(pseudonym, new_vote(coming[0], grade)))
    return receipts
