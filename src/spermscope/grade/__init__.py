"""Crops to predicted distributions of expert grades: encoded one by one as they come, or whole clips at a time."""

from spermscope.grade.of_dataset import grade_rows
from spermscope.grade.open import Grader, open_grader
from spermscope.grade.streaming import StreamingGrader
from spermscope.grade.whole_clip import WholeClipGrader

__all__ = ["Grader", "StreamingGrader", "WholeClipGrader", "grade_rows", "open_grader"]
