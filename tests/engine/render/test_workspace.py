"""Buffers are shared by all renderers of a size, and never lent twice at a time."""

import gc
import weakref
from threading import Barrier, Thread

import pytest

from engine.render.workspace import KEPT, Buffers, workspace


def test_sizes_have_pools_of_their_own_while_they_are_used() -> None:
    one, two = workspace(64, 66), workspace(66, 64)
    assert one is workspace(64, 66) and one is not two
    with one.lend() as tall:
        assert tall.rgb.shape == (64, 66, 3)
    one_alive = weakref.ref(one)
    del one
    gc.collect()
    assert one_alive() is None  # and its buffers with it


def test_what_fails_gives_its_buffers_back() -> None:
    space = workspace(64, 68)
    with pytest.raises(ZeroDivisionError), space.lend() as lent:
        raise ZeroDivisionError
    with space.lend() as again:
        assert again is lent


def test_threads_never_share_a_set() -> None:
    space, together = workspace(64, 70), Barrier(6)
    held: list[Buffers] = []

    def draw() -> None:
        with space.lend() as buffers:
            held.append(buffers)
            together.wait(10)

    threads = [Thread(target=draw) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(buffers) for buffers in held}) == 6
    assert len(space._free) == KEPT
