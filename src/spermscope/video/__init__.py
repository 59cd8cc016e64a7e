"""Frames in and out: files, stacks, folders, simulation, cameras; the probe and the recorder."""

from spermscope.video.open import open_source
from spermscope.video.source import Source

__all__ = ["Source", "open_source"]
