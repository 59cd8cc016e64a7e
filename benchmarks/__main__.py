"""``make bench``: every figure of docs/RESULTS.md, one table after another."""

from __future__ import annotations

import sys

from benchmarks import detection, grading, speed, stage, tracking

for part in (stage, detection, tracking, grading, speed):
    sys.stdout.write(f"\n## {part.__name__}\n\n{part.__doc__}\n")
    sys.stdout.flush()
    sys.argv = sys.argv[:1]
    part.main()
