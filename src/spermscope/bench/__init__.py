"""How fast this machine is: fixed scenes through every stage, through ``assess`` and live; beside what others do."""

from spermscope.bench.stages import Timings, time_stages

__all__ = ["Timings", "time_stages"]
