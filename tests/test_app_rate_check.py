"""The frame rate check: told once, when it is settled, and only where it is off."""

import math

import pytest

pytest.importorskip("PySide6")

from spermscope.app.rate_check import SETTLED_S, RateCheck


@pytest.mark.parametrize(
    ("found", "off"), [(15.0, False), (15.6, False), (14.4, False), (16.0, True), (7.5, True), (30.0, True)]
)
def test_it_is_told_from_one_twentieth_on_and_once(found, off):
    check = RateCheck(15.0, 100.0)
    assert not check.differs(found, 100.0 + SETTLED_S - 0.1)
    assert check.differs(found, 100.0 + SETTLED_S) is off
    assert not check.differs(found, 120.0)


def test_what_nobody_said_and_what_is_not_known_yet_do_not_differ():
    assert not RateCheck(None, 0.0).differs(3.0, 100.0)
    check = RateCheck(15.0, 0.0)
    assert not check.differs(math.nan, 100.0)
    assert check.differs(5.0, 101.0)
