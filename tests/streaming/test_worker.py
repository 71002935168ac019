"""The engine's thread: one, in order, errors as they are."""

import asyncio
import threading
import time

import pytest

from streaming.worker import EngineThread


def test_calls_run_one_by_one_in_order_off_the_loop() -> None:
    order: list[int] = []
    threads: set[int] = set()

    def work(number: int) -> int:
        threads.add(threading.get_ident())
        time.sleep(0.01)
        order.append(number)
        return number * number

    async def main() -> list[int]:
        worker = EngineThread()
        results = await asyncio.gather(*(worker.call(work, k) for k in range(8)))
        worker.close()
        return list(results)

    assert asyncio.run(main()) == [k * k for k in range(8)]
    assert order == list(range(8))
    assert len(threads) == 1 and threading.get_ident() not in threads


def test_errors_keep_their_traceback() -> None:
    def fail() -> None:
        raise KeyError("deep inside")

    async def main() -> None:
        worker = EngineThread()
        try:
            await worker.call(fail)
        finally:
            worker.close()

    with pytest.raises(KeyError, match="deep inside") as caught:
        asyncio.run(main())
    assert any(entry.name == "fail" for entry in caught.traceback)
