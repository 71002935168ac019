"""A queue between two tasks, bounded in milliseconds: a full one drops its oldest item.

Whoever reads sees fresh things late rather than old things later. Closing it ends the reader's
loop after the items that are left; there are no sentinels.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

from streaming.errors import SessionClosed

T = TypeVar("T")


class Channel(Generic[T]):
    """For one event loop. `put` never waits; `get` and `async for` do."""

    def __init__(self, bound_ms: float, length_ms: Callable[[T], float]) -> None:
        """`length_ms`: how much media time an item holds."""
        self._bound_ms = bound_ms
        self._length_ms = length_ms
        self._items: deque[T] = deque()
        self._held_ms = 0.0
        self._closed = False
        self._ready = asyncio.Event()
        self.dropped = 0  # items lost to the bound

    def __len__(self) -> int:
        return len(self._items)

    @property
    def held_ms(self) -> float:
        return self._held_ms

    @property
    def closed(self) -> bool:
        return self._closed

    def put(self, item: T) -> None:
        """Append; raises SessionClosed after `close`."""
        if self._closed:
            raise SessionClosed("the channel is closed, nothing more can be put into it")
        self._items.append(item)
        self._held_ms += self._length_ms(item)
        while self._held_ms > self._bound_ms and len(self._items) > 1:
            self._held_ms -= self._length_ms(self._items.popleft())
            self.dropped += 1
        self._ready.set()

    async def get(self) -> T:
        """The oldest item; raises SessionClosed when closed and empty."""
        while not self._items:
            if self._closed:
                raise SessionClosed("the channel is closed and empty")
            self._ready.clear()
            await self._ready.wait()
        item = self._items.popleft()
        self._held_ms -= self._length_ms(item)
        return item

    async def take(self, most: int) -> list[T]:
        """Wait for an item; that one and those behind it, oldest first, at most `most`."""
        items = [await self.get()]
        while self._items and len(items) < most:
            items.append(await self.get())
        return items

    def clear(self) -> None:
        """Forget what is waiting."""
        self._items.clear()
        self._held_ms = 0.0

    def close(self) -> None:
        """No more items; readers finish what is left."""
        self._closed = True
        self._ready.set()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            try:
                item = await self.get()
            except SessionClosed:
                return
            yield item
