"""Distributions of grades that several tests draw."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays


def distributions(count=3, grades=5):
    """Rows of small whole numbers over their sum: zeros and ties come often."""
    counts = arrays.arrays(np.int64, (count, grades), elements=st.integers(0, 6))
    return counts.filter(lambda n: n.sum(axis=1).all()).map(lambda n: n / n.sum(axis=1, keepdims=True))
