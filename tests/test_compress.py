"""The fast asinh against numpy's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spermscope.compress import asinh


@pytest.mark.parametrize("shape", [(1,), (7,), (5, 3), (2, 4, 6), (2, 1, 3, 5)])
def test_any_shape_gives_what_numpy_gives(shape):
    values = np.random.default_rng(1).normal(0, 20, shape).astype(np.float32)
    np.testing.assert_allclose(asinh(values), np.arcsinh(values), atol=1e-6, rtol=1e-6)


@given(arrays(np.float32, (3, 4), elements=st.floats(-1e6, 1e6, width=32)))
def test_it_is_odd_and_keeps_the_order(values):
    found = asinh(values)
    np.testing.assert_array_equal(asinh(-values), -found)
    order = np.argsort(values, axis=None)
    assert (np.diff(found.ravel()[order]) >= -1e-6).all()
    np.testing.assert_allclose(found, np.arcsinh(values), atol=2e-6, rtol=2e-6)
