"""The two ways to hand over: one never waits and counts, the other never drops."""

import threading
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from spermscope.acquisition.newest import Every, Newest


@settings(max_examples=50)
@given(st.lists(st.booleans(), max_size=40))
def test_whatever_the_order_of_giving_and_taking_each_item_is_taken_or_counted(gives):
    hand, given_, taken = Newest(), 0, []
    for give in [*gives, True]:
        if give:
            given_ += 1
            hand.put(given_)
        elif given_ > len(taken) + hand.dropped:
            taken.append(hand.take())
    hand.close()
    taken.append(hand.take())
    assert taken == sorted(taken)
    assert taken[-1] == given_
    assert len(taken) + hand.dropped == given_


def test_the_giver_does_not_wait_and_the_taker_gets_the_newest():
    hand = Newest()
    begun_s = time.monotonic()
    for number in range(1, 1001):
        hand.put(number)
    assert time.monotonic() - begun_s < 0.5
    assert hand.take() == 1000
    assert hand.dropped == 999


def test_what_has_not_waited_too_long_is_taken_in_order():
    hand = Newest(patience_s=60.0)
    for number in range(1, 4):
        hand.put(number)
    assert [hand.take(), hand.take(), hand.take()] == [1, 2, 3]
    assert hand.dropped == 0


def test_what_has_waited_too_long_goes_when_a_newer_one_comes():
    hand = Newest(patience_s=0.2)
    hand.put(1)
    hand.put(2)
    time.sleep(0.3)
    hand.put(3)
    assert hand.dropped == 2
    assert hand.take() == 3


def test_counting_begins_when_it_is_asked_for():
    hand = Newest()
    for number in range(5):
        hand.put(number + 1)
    hand.begin()
    assert hand.dropped == 0
    hand.put(9)
    assert hand.take() == 9


def test_who_waits_is_let_go_when_it_ends():
    for hand in (Newest(), Every()):
        found = []
        taker = threading.Thread(target=lambda hand=hand, found=found: found.append(hand.take()))
        taker.start()
        hand.close()
        taker.join(5.0)
        assert found == [None]
        hand.put(1)
        assert hand.take() is None


def test_every_item_arrives_in_order_and_the_giver_waits():
    hand, taken = Every(depth=2), []

    def give():
        for number in range(1, 201):
            hand.put(number)
        hand.close()

    giver = threading.Thread(target=give)
    giver.start()
    time.sleep(0.05)
    assert giver.is_alive()
    while (item := hand.take()) is not None:
        taken.append(item)
    giver.join(5.0)
    assert taken == list(range(1, 201))
    assert hand.dropped == 0


def test_a_giver_who_waits_is_let_go_when_it_ends():
    hand = Every(depth=1)
    hand.put(1)
    giver = threading.Thread(target=hand.put, args=(2,))
    giver.start()
    hand.close()
    giver.join(5.0)
    assert not giver.is_alive()
    assert hand.take() == 1
    assert hand.take() is None
