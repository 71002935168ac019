"""A real server on a loopback port with a fake avatar, and aiortc clients that call it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import aiohttp
import av
import numpy as np
from aiohttp import web
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from streaming.batch import Batcher
from streaming.web.app import create_app
from streaming.web.catalogue import Catalogue, Choice
from streaming.web.rooms import Rooms
from streaming.worker import EngineThread
from tests.fakes import STYLES, FakeAvatar, FakeEngine


class Server:
    """Where it is and what is inside."""

    def __init__(self, url: str, rooms: Rooms, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.rooms = rooms
        self.http = http

    async def offer(self, body: Any, **options: Any) -> tuple[int, Any]:
        async with self.http.post(f"{self.url}/offer", json=body, **options) as response:
            return response.status, await response.json()

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        async with self.http.get(self.url + path, **options) as response:
            return response.status, await response.text()


@asynccontextmanager
async def running(
    *, limit: int = 4, loader: type[FakeAvatar] = FakeAvatar, **rooms_options: Any
) -> AsyncIterator[Server]:
    worker = EngineThread()
    catalogue = Catalogue(loader, list(STYLES), Choice("mira", 128, 20), "neutral")
    rooms = Rooms(catalogue, Batcher(worker, FakeEngine()), limit=limit, **rooms_options)
    runner = web.AppRunner(create_app(rooms), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as http:
        try:
            yield Server(f"http://127.0.0.1:{port}", rooms, http)
        finally:
            await runner.cleanup()
            worker.close()


class Singer(MediaStreamTrack):
    """48 kHz mono sound in real time, then silence; `stop` ends it."""

    kind = "audio"

    def __init__(self, pcm: np.ndarray) -> None:
        super().__init__()
        self._pcm = (pcm * 32767).astype(np.int16)
        self._block = 0
        self._began = 0.0

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        await asyncio.sleep(max(0.0, self._began + self._block * 0.02 - loop.time()))
        piece = self._pcm[self._block * 960 :][:960]
        piece = np.pad(piece, (0, 960 - len(piece)))
        frame = av.AudioFrame.from_ndarray(piece[None], format="s16", layout="mono")
        frame.sample_rate = 48_000
        frame.pts = self._block * 960
        frame.time_base = Fraction(1, 48_000)
        self._block += 1
        return frame


class Eye(MediaStreamTrack):
    """A camera: 20 pictures a second of what `shown(second)` gives; pauses where that is None."""

    kind = "video"

    def __init__(self, shown: Callable[[float], np.ndarray | None]) -> None:
        super().__init__()
        self._shown = shown
        self._tick = 0
        self._began = 0.0

    async def recv(self) -> av.VideoFrame:
        loop = asyncio.get_running_loop()
        self._began = self._began or loop.time()
        while True:
            self._tick += 1
            await asyncio.sleep(max(0.0, self._began + self._tick / 20 - loop.time()))
            if self.readyState != "live":
                raise MediaStreamError
            rgb = self._shown(self._tick / 20)
            if rgb is not None:
                break
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = self._tick * 4500, Fraction(1, 90_000)
        return frame


class Client:
    """A browser's part: sends sound, collects pictures, sound and messages."""

    def __init__(
        self, pcm: np.ndarray | None = None, *, channel: bool = True, eye: Eye | None = None
    ) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pictures: list[av.VideoFrame] = []
        self.sound: list[av.AudioFrame] = []
        self.messages: list[dict[str, Any]] = []
        self.pc.addTransceiver("video", "recvonly")
        self.singer = Singer(np.zeros(48_000) if pcm is None else pcm)
        self.pc.addTransceiver(self.singer, "sendrecv")
        if eye is not None:
            self.pc.addTransceiver(eye, "sendonly")
        self.channel: RTCDataChannel | None = None
        if channel:
            self.channel = self.pc.createDataChannel("vivify")
            self.channel.add_listener("message", lambda m: self.messages.append(json.loads(m)))
        self._tasks: list[asyncio.Task[None]] = []
        self.pc.add_listener("track", self._collect)

    def _collect(self, track: MediaStreamTrack) -> None:
        into: list[Any] = self.pictures if track.kind == "video" else self.sound

        async def read() -> None:
            while True:
                try:
                    into.append(await track.recv())
                except MediaStreamError:
                    return

        self._tasks.append(asyncio.create_task(read()))

    async def body(self, **more: Any) -> dict[str, Any]:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return {"sdp": self.pc.localDescription.sdp, "type": "offer", **more}

    async def connect(self, server: Server, **more: Any) -> None:
        status, answer = await server.offer(await self.body(**more))
        assert status == 200, answer
        await self.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))

    def say(self, kind: str, value: Any = None) -> None:
        assert self.channel is not None
        self.channel.send(json.dumps({"type": kind, "value": value}))

    def stats(self) -> dict[str, Any]:
        """The latest figures from the server."""
        figures: dict[str, Any] = next(
            (m["value"] for m in reversed(self.messages) if m["type"] == "stats"), {}
        )
        return figures

    def camera(self) -> dict[str, Any]:
        """The latest report of the camera."""
        return next((m["value"] for m in reversed(self.messages) if m["type"] == "camera"), {})

    def key(self) -> dict[str, str]:
        """What opens the session's styles, as a header."""
        key = next((m["value"] for m in self.messages if m["type"] == "key"), "")
        return {"Authorization": f"Bearer {key}"}

    async def close(self) -> None:
        await self.pc.close()
        for task in self._tasks:
            task.cancel()


async def eventually(condition: Any, seconds: float = 8.0) -> None:
    """Wait until `condition()` holds; fail if it does not in time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not condition():
        assert loop.time() < until, "it did not come true in time"
        await asyncio.sleep(0.02)
