"""Sessions and limits by a clock of the test's own."""

from contextlib import suppress

import pytest

from spermscope.rating.values import Person, Refused
from spermscope.rating.web.access import IDLE_S, WHOLE_S, Sessions
from spermscope.rating.web.limits import AT_ONE, OF_ADDRESS, OF_NAME, WINDOW_S, Limits

PERSON = Person("R001", "rater")


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_a_session_is_found_by_its_cookie_and_ends_when_it_is_ended(clock):
    sessions = Sessions(clock)
    cookies = [sessions.begin(PERSON) for _ in range(20)]
    assert len(set(cookies)) == 20
    assert len({sessions.find(cookie).token for cookie in cookies}) == 20
    sessions.end(cookies[0])
    assert sessions.find(cookies[0]) is None
    assert sessions.find(cookies[1]).person == PERSON
    assert sessions.find("") is None


def test_a_session_ends_when_nobody_uses_it_and_at_the_latest_after_a_day(clock):
    sessions = Sessions(clock)
    idle, used = sessions.begin(PERSON), sessions.begin(PERSON)
    began_s = clock.now_s
    while clock.now_s - began_s < WHOLE_S - 2 * IDLE_S / 3:
        clock.now_s += IDLE_S / 2
        assert sessions.find(used)
    assert sessions.find(idle) is None
    clock.now_s = began_s + WHOLE_S
    assert sessions.find(used) is None


def test_neither_cookies_nor_tokens_stand_in_what_a_log_may_print(clock):
    sessions = Sessions(clock)
    cookie = sessions.begin(PERSON)
    session = sessions.find(cookie)
    assert session.token not in repr(session)
    assert cookie not in repr(vars(sessions))


def wait_s(limits, name, address):
    try:
        limits.check(name, address)
    except Refused as refused:
        return refused.values["seconds"] if refused.key == "often" else None
    return 0


def fail(limits, name, address):
    """One try that comes to nothing; one that is refused counts for nothing."""
    with suppress(Refused):
        limits.begin(name, address)


def test_a_name_at_one_address_waits_while_others_go_on(clock):
    limits = Limits(clock)
    for _ in range(AT_ONE):
        assert wait_s(limits, "R001", "a") == 0
        fail(limits, "R001", "a")
    assert wait_s(limits, "R001", "a") == WINDOW_S
    assert wait_s(limits, "R001", "b") == 0
    assert wait_s(limits, "R002", "a") == 0
    clock.now_s += WINDOW_S
    assert wait_s(limits, "R001", "a") == 0


def test_an_address_that_tries_many_names_waits(clock):
    limits = Limits(clock)
    for number in range(OF_ADDRESS):
        fail(limits, f"R{number:03d}", "a")
    assert wait_s(limits, "R999", "a") > 0
    assert wait_s(limits, "R999", "b") == 0


def test_a_name_that_is_tried_from_everywhere_waits_everywhere(clock):
    limits = Limits(clock)
    for number in range(OF_NAME):
        fail(limits, "R001", f"a{number}")
    assert wait_s(limits, "R001", "new") > 0
    assert wait_s(limits, "R002", "new") == 0


def test_a_success_forgives_slips_of_the_same_name_at_the_same_address_only(clock):
    limits = Limits(clock)
    for _ in range(AT_ONE):
        fail(limits, "R001", "a")
        fail(limits, "R002", "a")
    limits.succeeded("R001", "a", clock.now_s)
    assert wait_s(limits, "R001", "a") == 0
    assert wait_s(limits, "R002", "a") > 0


def test_tries_at_the_same_time_count_before_anyone_knows_how_they_end(clock):
    limits = Limits(clock)
    begun = [limits.begin("R001", "a") for _ in range(AT_ONE)]
    assert wait_s(limits, "R001", "a") == WINDOW_S
    with pytest.raises(Refused):
        limits.begin("R001", "a")
    limits.forget("R001", "a", begun[0])
    assert wait_s(limits, "R001", "a") == 0
    for began_s in begun[1:]:
        limits.forget("R001", "a", began_s)
    assert not limits._failures


def test_codes_count_by_address_so_that_nobody_can_shut_others_out(clock):
    limits = Limits(clock)
    for number in range(OF_NAME + 1):
        fail(limits, "", f"a{number}")
    assert wait_s(limits, "", "new") == 0
    for _ in range(AT_ONE):
        fail(limits, "", "one")
    assert wait_s(limits, "", "one") > 0


def test_what_is_remembered_of_failures_is_bounded(clock):
    limits = Limits(clock)
    for number in range(25_000):
        fail(limits, f"n{number}", f"a{number}")
        clock.now_s += 1.0
    assert len(limits._failures) < 15_000
