"""See, follow, measure and grade sperm in microscope video. Research use only."""

__version__ = "0.1.0"
