"""What several files of tests share."""

import os

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(scope="module")
def toy_network():
    """``toy`` is one of the networks."""
    pytest.importorskip("torch")
    from toys import toy

    from spermscope.models.family import NETWORKS

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "toy", toy)
        yield
