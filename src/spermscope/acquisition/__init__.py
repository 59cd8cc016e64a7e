"""A microscope's picture as it comes: captured, recorded, analysed and kept for a replay; knows nothing of windows."""

from spermscope.acquisition.figures import Figures
from spermscope.acquisition.replay import Replay
from spermscope.acquisition.run import LiveRun
from spermscope.acquisition.shown import CellInView, Shown

__all__ = ["CellInView", "Figures", "LiveRun", "Replay", "Shown"]
