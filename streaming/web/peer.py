"""One browser: its WebRTC connection, its control channel, and the session it speaks to.

A peer that shows no sign of life for six seconds is closed, whatever ICE believes (that takes
half a minute). Closing is idempotent, tells the far side, and frees everything.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamTrack

from engine.errors import VivifyError
from streaming.errors import SessionClosed, TransportError
from streaming.session import Session
from streaming.sinks import encoder
from streaming.sinks.webrtc import PictureTrack, VoiceTrack
from streaming.sources import camera, webrtc
from streaming.watch import Watch
from streaming.web.offer import Control, check_media, read_control

log = logging.getLogger(__name__)

# From the answer to a connection. Pictures are made from the answer on, so that the first is ready
# when the connection is; an offer that comes to nothing may cost the shared engine no more than a
# silent peer does.
CONNECT_S = 6.0
SILENT_S = 6.0  # without a ping or a packet: three heartbeats
BEAT_S = 2.0
FAILED = "the session failed on the server"
# What aiortc raises for descriptions it cannot use; its parser has no error of its own.
BAD_SDP = (
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,  # a StopIteration inside aiortc
    OSError,  # an address that cannot be resolved
    InvalidAccessError,
    InvalidStateError,
    OperationError,
)

Command = Callable[[Control], Awaitable[None]]


class Peer:
    """`answer` once, then `run` until it ends. `own`: its microphone drives the session."""

    def __init__(
        self,
        session: Session,
        *,
        own: bool,
        command: Command,
        state: dict[str, Any],
        watch: Watch | None = None,
        key: str = "",
    ) -> None:
        """`command` carries out what is not the connection's own; `state` is shown with the
        figures; `watch` looks at the camera, if one is offered; `key` is told to the far side."""
        self.session = session
        self.state = state
        self._own = own
        self._command = command
        self._looker = watch
        self._key = key
        self._loop = asyncio.get_running_loop()
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._channel: RTCDataChannel | None = None
        self._microphone: MediaStreamTrack | None = None
        self._camera: MediaStreamTrack | None = None
        self._sign = self._loop.time()
        self._heard = -1
        self._ended = asyncio.Event()
        self._reason = "closed"
        self._wanted: dict[str, Control] = {}  # the latest of each kind that waits
        self._jobs: dict[str, asyncio.Task[None]] = {}  # one of each kind

    async def answer(self, sdp: str) -> str:
        """Our SDP for theirs. Raises TransportError for a description that cannot be used."""
        pc = self._pc
        pc.add_listener("track", self._on_track)
        pc.add_listener("datachannel", self._on_channel)
        pc.add_listener("connectionstatechange", self._on_state)
        video = pc.addTransceiver(
            PictureTrack(self.session.playout, self.session.stats), "sendonly"
        )
        encoder.prefer_h264(video)
        voice = VoiceTrack(self.session.playout)
        audio = pc.addTransceiver(voice, "sendrecv" if self._own else "sendonly")
        webrtc.prefer_opus(audio)
        try:
            eye = self._add_camera(sdp)
            await pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            webrtc.install(audio.receiver)
            if eye is not None and self._looker is not None:
                camera.install(eye.receiver, self._looker.refuse)
                self._camera = eye.receiver.track
            await pc.setLocalDescription(await pc.createAnswer())
            encoder.install(video)
        except BAD_SDP as error:
            raise TransportError(
                f"the session description cannot be used ({type(error).__name__}: {error}); "
                "send the SDP of an RTCPeerConnection that offers to receive video"
            ) from error
        return str(pc.localDescription.sdp)

    async def run(self) -> None:
        """Until the peer leaves, vanishes, or the session ends; raises what ended the session."""
        source = webrtc.listen(self._microphone) if self._microphone else None
        watch = asyncio.create_task(self._watch())
        ended = asyncio.create_task(self._ended.wait())
        waits: list[asyncio.Task[Any]] = [watch, ended]
        if self._own:
            waits.append(asyncio.create_task(self.session.run(source)))
        if self._camera is not None and self._looker is not None:
            looks = self._looker.run(camera.watch(self._camera, self.session.clock), self._say)
            looking = self._loop.create_task(looks)
            looking.add_done_callback(self._on_worked)
            self._jobs["watch"] = looking
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if self._own and waits[2].done():
                self._reason = FAILED
        finally:
            if self._own:
                self.session.close()
            await self.close(self._reason)
            for task in waits[:2]:
                task.cancel()
        if self._own:
            await waits[2]

    def end(self, reason: str) -> None:
        """Make `run` return soon."""
        self._reason = reason
        self._ended.set()

    async def close(self, reason: str) -> None:
        """Say goodbye and free the connection; safe to call twice."""
        self._say({"type": "bye", "value": reason})
        self._ended.set()
        for job in self._jobs.values():
            job.cancel()
        await self._pc.close()

    async def refuse(self) -> None:
        """Free what an unusable offer left: aiortc cannot always close half a connection."""
        with contextlib.suppress(*BAD_SDP):
            await self._pc.close()

    def _add_camera(self, sdp: str) -> RTCRtpTransceiver | None:
        """A place for the camera, if there is one in the offer; comes after the other video."""
        if not check_media(sdp):
            return None
        wanted = "recvonly" if self._looker is not None else "inactive"
        eye = self._pc.addTransceiver("video", wanted)
        camera.prefer_vp8(eye)
        return eye

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and self._own:
            self._microphone = track

    def _on_channel(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        self._sign = self._loop.time()
        if self._key:
            self._say({"type": "key", "value": self._key})
        channel.add_listener("message", self._on_message)

    def _on_state(self) -> None:
        if self._pc.connectionState in ("failed", "closed"):
            self.end("connection lost")

    def _on_message(self, text: str | bytes) -> None:
        self._sign = self._loop.time()
        try:
            control = read_control(text)
        except TransportError as error:
            self._say({"type": "error", "value": str(error)})
            return
        if control.kind == "ping":
            self._say({"type": "pong", "value": control.value})
        elif control.kind == "bye":
            self.end("the other side left")
        else:
            self._want(control)

    def _want(self, control: Control) -> None:
        """One runs and one waits of each kind, the latest: a flood of messages costs no more."""
        self._wanted[control.kind] = control
        if control.kind not in self._jobs:
            job = self._loop.create_task(self._work(control.kind))
            self._jobs[control.kind] = job
            job.add_done_callback(self._on_worked)

    async def _work(self, kind: str) -> None:
        try:
            while (control := self._wanted.pop(kind, None)) is not None:
                await self._obey(control)
        finally:
            del self._jobs[kind]

    def _on_worked(self, job: "asyncio.Task[None]") -> None:
        if not job.cancelled() and (error := job.exception()) is not None:
            log.error("a command or the camera failed and ends its session", exc_info=error)
            self.end(FAILED)

    async def _obey(self, control: Control) -> None:
        try:
            if control.kind == "interrupt":
                await self.session.interrupt()
            elif control.kind == "mute":
                self.session.muted = control.value
            else:
                await self._command(control)
        except SessionClosed:
            return
        except VivifyError as error:
            self._say({"type": "error", "value": str(error)})
            return
        self._report()

    async def _watch(self) -> None:
        began = self._loop.time()
        while True:
            await asyncio.sleep(BEAT_S / 4)
            now = self._loop.time()
            if self._pc.connectionState != "connected":
                if now - began > CONNECT_S:
                    self._reason = "no connection came about"
                    return
                continue
            if self.session.stats.heard != self._heard:
                self._heard, self._sign = self.session.stats.heard, now if self._own else self._sign
            watched = self._channel is not None or self._microphone is not None
            if watched and now - max(self._sign, began) > SILENT_S:
                self._reason = "no sign of life"
                return
            self._report()

    def _report(self) -> None:
        self._say({"type": "stats", "value": self.session.snapshot() | self.state})

    def _say(self, message: dict[str, Any]) -> None:
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(json.dumps(message))
