"""``make bench``: the figures of docs/RESULTS.md, one table after another.

``rivals`` needs other environments; ``pretraining``, ``reading`` and ``full_size`` need studies, ``rating`` and
``rating_page`` a quiet machine: each says how it is called.
"""

from __future__ import annotations

import sys

from benchmarks import (
    dataset,
    detection,
    errors,
    grading,
    int8,
    merges,
    networks,
    optics,
    rating,
    rating_page,
    scale,
    speed,
    stability,
    stage,
    tails,
    tracking,
)

PARTS = (
    stage,
    scale,
    detection,
    optics,
    tracking,
    merges,
    tails,
    grading,
    errors,
    int8,
    stability,
    networks,
    dataset,
    rating,
    rating_page,
    speed,
)

for part in PARTS:
    sys.stdout.write(f"\n## {part.__name__}\n\n{part.__doc__}\n")
    sys.stdout.flush()
    sys.argv = sys.argv[:1]
    part.main()
