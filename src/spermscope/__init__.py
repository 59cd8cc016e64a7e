"""See, follow, measure and grade sperm in microscope video. Research use only.

Importing does nothing and loads nothing heavy: the public names below are fetched when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spermscope.assessment import assess
    from spermscope.conclusion import Conditions
    from spermscope.detect import open_detector
    from spermscope.grade import open_grader
    from spermscope.kinematics import compute_kinematics
    from spermscope.motility import motility_shares
    from spermscope.pipeline import Pipeline
    from spermscope.report import write_report
    from spermscope.runtime import load_model
    from spermscope.session import read_session
    from spermscope.settings import Settings, load_settings
    from spermscope.video import open_source

__version__ = "0.1.0"

_HOMES = {
    "Conditions": "conclusion",
    "Pipeline": "pipeline",
    "Settings": "settings",
    "assess": "assessment",
    "compute_kinematics": "kinematics",
    "load_model": "runtime",
    "load_settings": "settings",
    "motility_shares": "motility",
    "open_detector": "detect",
    "open_grader": "grade",
    "open_source": "video",
    "read_session": "store",
    "write_report": "report",
}

__all__ = [
    "Conditions",
    "Pipeline",
    "Settings",
    "assess",
    "compute_kinematics",
    "load_model",
    "load_settings",
    "motility_shares",
    "open_detector",
    "open_grader",
    "open_source",
    "read_session",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spermscope' has no attribute {name!r}")
    return getattr(import_module(f"spermscope.{_HOMES[name]}"), name)
