"""Work in a process of its own: answers and errors come back, an idle or dead one is replaced."""

import os
import signal
import threading
import time

import pytest

from engine.errors import PackageError, VivifyError
from streaming.errors import TransportError
from streaming.web.easel import Easel


def work(what: str) -> tuple[str, int, int]:
    """Its own process and priority beside what was asked."""
    if what == "bad":
        raise PackageError("no avatar is named bad")
    if what == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "long":
        time.sleep(600)
    return what.upper(), os.getpid(), os.getpriority(os.PRIO_PROCESS, 0)


def test_work_is_done_elsewhere_and_after_everything_else() -> None:
    easel = Easel(work)
    try:
        said, place, priority = easel.ask("mira")
        assert said == "MIRA" and place != os.getpid() and priority == 19
        with pytest.raises(PackageError, match="no avatar is named bad"):
            easel.ask("bad")
        assert easel.ask("theo")[:2] == ("THEO", place)
        with pytest.raises(TransportError, match="ended") as dead:
            easel.ask("deadly")
        assert isinstance(dead.value, VivifyError)
        assert easel.ask("vix")[0] == "VIX"
    finally:
        easel.close()


def test_one_that_has_ended_for_want_of_work_is_started_again() -> None:
    easel = Easel(work, idle_s=0.0)
    try:
        easel._process.join()
        easel._idle_s = 60.0
        assert easel.ask("mira")[0] == "MIRA"
    finally:
        easel.close()


def test_a_closed_one_ends_what_it_does_and_never_begins_again() -> None:
    easel = Easel(work)
    place = easel.ask("mira")[1]
    said: list[Exception] = []

    def ask() -> None:
        try:
            easel.ask("long")
        except TransportError as error:
            said.append(error)

    painter = threading.Thread(target=ask)
    painter.start()
    easel.close()
    painter.join(60)
    assert len(said) == 1 and "closing" in str(said[0])
    with pytest.raises(TransportError, match="closing"):
        easel.ask("theo")
    assert easel._process.pid == place and not easel._process.is_alive()
