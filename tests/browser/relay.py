"""A lossy network between a browser and the server: a UDP relay with loss, delay and jitter.

The browser is told one candidate, the relay; the server is told none and sees only the relay
(peer-reflexive). Works on any machine: kernels often lack netem.
"""

import asyncio
import json
import random
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Relay:
    """Both directions get the same treatment; switch `loss` and the rest at any time."""

    def __init__(self, seed: int = 0) -> None:
        self.loss = 0.0
        self.delay_s = 0.0
        self.jitter_s = 0.0
        self.passed = 0
        self.lost = 0
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._near = _bind()  # what the browser talks to
        self._far = _bind()  # what talks to the server
        self._browser: tuple[str, int] | None = None
        self._server: tuple[str, int] | None = None

    @property
    def port(self) -> int:
        return int(self._near.getsockname()[1])

    def point_at(self, address: str, port: int) -> None:
        self._server = (address, port)

    def _carry(self, source: socket.socket) -> None:
        try:
            data, sender = source.recvfrom(65_536)
        except OSError:
            return
        if source is self._near:
            self._browser = sender
            out, to = self._far, self._server
        else:
            out, to = self._near, self._browser
        if to is None:
            return
        if self._random.random() < self.loss:
            self.lost += 1
            return
        self.passed += 1
        wait = max(0.0, self.delay_s + self._random.uniform(-self.jitter_s, self.jitter_s))
        if wait:
            self._loop.call_later(wait, _send, out, data, to)
        else:
            _send(out, data, to)

    def _run(self) -> None:
        for side in (self._near, self._far):
            self._loop.add_reader(side, self._carry, side)
        self._loop.run_forever()
        self._loop.close()


@contextmanager
def relay() -> Iterator[Relay]:
    """A Relay in a thread of its own."""
    made = Relay()
    thread = threading.Thread(target=made._run, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made._loop.call_soon_threadsafe(made._loop.stop)
        thread.join(5)
        made._near.close()
        made._far.close()


def insert(page: Any, between: Relay) -> None:
    """Put the relay into the page's offers and the server's answers."""

    def exchange(route: Any) -> None:
        offer = json.loads(route.request.post_data)
        offer["sdp"] = re.sub(r"a=candidate:[^\r\n]*\r\n", "", offer["sdp"])
        response = route.fetch(post_data=json.dumps(offer))
        answer = response.json()
        sdp = answer["sdp"]
        hosts = re.findall(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", sdp)
        between.point_at(hosts[0][0], int(hosts[0][1]))
        only = f"a=candidate:1 1 udp 2130706431 127.0.0.1 {between.port} typ host\r\n"
        sdp = re.sub(r"(a=candidate:[^\r\n]*\r\n)+", only, sdp)
        route.fulfill(response=response, body=json.dumps({**answer, "sdp": sdp}))

    page.route("**/offer", exchange)


def _bind() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("0.0.0.0", 0))
    made.setblocking(False)
    return made


def _send(out: socket.socket, data: bytes, to: tuple[str, int]) -> None:
    try:
        out.sendto(data, to)
    except OSError:
        return  # the other side has gone
