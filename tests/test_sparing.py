"""Who is graded where there is no time for all."""

from hypothesis import given
from hypothesis import strategies as st

from spermscope.grade.sparing import Sparing


@given(st.lists(st.tuples(st.sets(st.integers(0, 5)), st.booleans()), max_size=30))
def test_nobody_is_left_out_twice_in_a_row_and_nobody_without_need(rounds):
    sparing, left_out = Sparing(), dict.fromkeys(range(6), False)
    for due, late in rounds:
        turn = sparing.whose_turn(due, late=late)
        assert turn <= due
        for one in due:
            assert (one in turn) == (not late or left_out[one])
            left_out[one] = one not in turn


def test_a_forgotten_track_was_never_left_out():
    sparing = Sparing()
    sparing.whose_turn([1, 2], late=True)
    sparing.forget([1, 9])
    assert sparing.whose_turn([1, 2], late=True) == {2}
