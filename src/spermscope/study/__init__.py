"""Clips that a panel graded: drawn from simulation, and as a data set of the published shape."""
