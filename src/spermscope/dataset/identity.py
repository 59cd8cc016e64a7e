"""Which data set a result was had from."""

from __future__ import annotations

import hashlib

import numpy as np

from spermscope.dataset.folder import Dataset
from spermscope.dataset.form import FILE
from spermscope.dataset.tables import ITEMS, VOTES

LOOKED_AT = 256
"""Clips whose pictures count in a set's name."""


def dataset_hash(dataset: Dataset) -> str:
    """A name of what the set says: its form, items, votes, and up to 256 evenly spaced clips, to the bit."""
    found = hashlib.sha256()
    for name in (FILE, ITEMS, VOTES):
        found.update((dataset.folder / name).read_bytes())
    spaced = np.unique(np.linspace(0, len(dataset) - 1, min(LOOKED_AT, len(dataset))).astype(np.int64))
    for row in spaced:
        clips = dataset.clips([row])
        for array in (clips.frames, clips.time_s, clips.xy_um, clips.observed):
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]
