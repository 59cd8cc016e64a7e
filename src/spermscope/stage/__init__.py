"""How the field moved over the sample: drift, jumps, cuts, ground that is seen again, and how sharp it is."""

from spermscope.stage.follower import StageFollower

__all__ = ["StageFollower"]
