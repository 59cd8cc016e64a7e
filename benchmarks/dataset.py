"""A data set of a million clips: how long it takes to open, to read at random, and how much memory that needs.

``python -m benchmarks.dataset [CLIPS] [VOTES_A_CLIP]``. The shards are sparse files: they have their full size (361 GB
for a million clips) and hold nothing, so a disk's own speed is not in the figures; tables are whole. All is
measured in a fresh process; CPU time tells more on a busy machine.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from spermscope.dataset import Form, open_dataset
from spermscope.dataset.form import write_form
from spermscope.dataset.shards import FOLDER, shapes, shard_path

BATCH, BATCHES = 32, 200


def make(folder: Path, clips: int, votes: int) -> None:
    """A sparse set: ``votes`` of 40 raters on each clip, 20 clips a donor."""
    form = Form()
    (folder / FOLDER).mkdir(parents=True)
    write_form(folder, form)
    with (folder / "items.csv").open("w") as items:
        items.write("clip,donor,sample,clinic,optics,um_per_px\n")
        items.writelines(f"c{n:07d},D{n // 20:06d},S{n // 20:06d},C1,phase,0.4\n" for n in range(clips))
    with (folder / "votes.csv").open("w") as table:
        table.write("clip,rater,grade,presentation,view,time\n")
        table.writelines(
            f"c{n:07d},R{(n + k) % 40:03d},{'ABCDE'[(n + k) % 5]},1,clip,\n" for n in range(clips) for k in range(votes)
        )
    for shard, first in enumerate(range(0, clips, form.clips_a_shard)):
        count = min(form.clips_a_shard, clips - first)
        for name, (dtype, shape) in shapes(form).items():
            with shard_path(folder, name, shard).open("wb") as file:
                described = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (count, *shape)}
                npy.write_array_header_1_0(file, described)
                file.truncate(file.tell() + count * dtype.itemsize * int(np.prod(shape)))


def resident_mb() -> float:
    """Of this process, at most, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of this process's CPU time."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


def measure(folder: Path) -> None:
    """Open, derive the distributions, read batches; print a row for each."""
    before, opened = resident_mb(), timed(lambda: open_dataset(folder))
    grown = resident_mb() - before
    data = open_dataset(folder)
    derived = timed(data.distributions)
    rng = np.random.default_rng(1)
    sys.stdout.write(
        f"| open: {len(data)} clips, {len(data.votes)} votes | {_seconds(opened)} | {grown:.0f} MB more |\n"
    )
    sys.stdout.write(f"| distributions of all | {_seconds(derived)} | |\n")
    far = [rng.integers(0, len(data), BATCH) for _ in range(BATCHES)]
    near = [np.arange(BATCH) + BATCH * n for n in range(BATCHES)]
    for name, batches in (("at random", far), ("in order", near)):
        took = 1000 * np.array([timed(partial(data.clips, rows)) for rows in batches])
        (clock, cpu), slow = np.median(took, axis=0), np.percentile(took[:, 0], 95)
        told = f"{clock:.1f} ms ({cpu:.1f} ms), 95 %: {slow:.1f} ms"
        sys.stdout.write(f"| {BATCH} clips {name} | {told} | {BATCH / took[:, 0].mean() * 1000:.0f} clips a second |\n")


def _seconds(took: tuple[float, float]) -> str:
    return f"{took[0]:.1f} s ({took[1]:.1f} s)"


def main() -> None:
    """Make the set, measure it in a fresh process, remove it."""
    if len(sys.argv) > 1 and sys.argv[1] == "measure":
        measure(Path(sys.argv[2]))
        return
    clips = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    votes = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "set"
        make(folder, clips, votes)
        sys.stdout.write("| what | by the clock (CPU) | |\n|---|---|---|\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "benchmarks.dataset", "measure", str(folder)], check=True)


if __name__ == "__main__":
    main()
