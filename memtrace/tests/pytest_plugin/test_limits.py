"""A suite for memtrace's pytest plugin: tests within their limits and beyond."""

import threading
import unittest

import pytest

kept = []


def hold(size):
    return bytearray(size)


@pytest.fixture
def large():
    return bytearray(50_000_000)


@pytest.mark.limit_memory("24 MB")
def test_within():
    hold(20_000_000)
    hold(20_000_000)


@pytest.mark.limit_memory("24 MB")
def test_fixtures_do_not_count(large):
    assert len(large) == 50_000_000


@pytest.mark.limit_memory("24 MB")
def test_beyond():
    both = [hold(20_000_000), hold(20_000_000)]
    assert both


@pytest.mark.limit_memory("24 MB")
def test_fails_by_itself():
    assert hold(40_000_000) == 0


@pytest.mark.limit_memory("24 MB", current_thread_only=True)
def test_other_threads_do_not_count():
    thread = threading.Thread(target=hold, args=(40_000_000,))
    thread.start()
    thread.join()
    hold(1_000_000)


@pytest.mark.limit_leaks("1 MB")
def test_leaves_nothing():
    hold(20_000_000)


@pytest.mark.limit_leaks("1 MB")
def test_leaves_much():
    kept.append(hold(20_000_000))


@pytest.mark.limit_leaks("1 MB", filter_fn=lambda stack: stack.frames[0].function == "elsewhere")
def test_leaves_what_does_not_count():
    kept.append(hold(20_000_000))


once = []


@pytest.mark.limit_leaks("1 MB", warmups=1)
def test_leaves_something_the_first_time():
    if not once:
        once.append(hold(20_000_000))


@pytest.mark.limit_memory("24 apples")
def test_of_no_size():
    pass


class OfUnittest(unittest.TestCase):
    @pytest.mark.limit_memory("24 MB")
    def test_beyond(self):
        hold(40_000_000)


def test_without_a_limit():
    hold(10_000_000)
