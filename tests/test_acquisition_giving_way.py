"""A thread that gives way does so alone."""

import os
import sys
import threading

import pytest

from spermscope.acquisition.giving_way import NICE, give_way


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a thread's priority by its number")
def test_only_the_thread_that_asks_gives_way():
    before, found = os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), []

    def work():
        give_way()
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [max(before, NICE)]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a thread's priority by its number")
def test_a_system_that_refuses_is_no_error(monkeypatch):
    asked = []

    def refuse(*how):
        asked.append(how)
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    give_way()
    assert [(which, thread) for which, thread, _ in asked] == [(os.PRIO_PROCESS, threading.get_native_id())]
