"""Whole sessions over real WebRTC on loopback, with a fake avatar and aiortc as the browser."""

import asyncio
import gc
import os
import threading

import numpy as np
import pytest
from aiortc import RTCRtpReceiver

from engine.errors import PackageError
from engine.frames import Motion, Video
from streaming.web import peer
from tests.fakes import FakeAvatar, bursts
from tests.streaming.web.rig import Client, eventually, running


def spectrum_peak(pcm: np.ndarray, low: float, high: float) -> float:
    """Level of the strongest line between two frequencies, relative to the strongest of all."""
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    hz = np.fft.rfftfreq(len(pcm), 1 / 48_000)
    return float(power[(hz > low) & (hz < high)].max() / power.max())


def test_voice_in_full_band_and_pictures_on_their_clock() -> None:
    t = np.arange(48_000 * 5) / 48_000
    pcm = 0.25 * np.sin(2 * np.pi * 1000 * t) + 0.25 * np.sin(2 * np.pi * 13_000 * t)

    async def main() -> Client:
        async with running() as server:
            client = Client(pcm)
            await client.connect(server)
            await eventually(lambda: len(client.pictures) >= 40 and len(client.sound) >= 100)
            await client.close()
            return client

    client = asyncio.run(main())
    heard = np.concatenate([f.to_ndarray().reshape(-1, 2)[:, 0] for f in client.sound[60:100]])
    assert spectrum_peak(heard / 32768, 12_900, 13_100) > 0.2  # nothing of it survives 16 kHz
    steps = np.diff([frame.pts for frame in client.pictures])
    assert (steps > 0).all() and (steps % 3600 == 0).all() and np.median(steps) == 3600
    sizes = {(frame.width, frame.height) for frame in client.pictures}
    assert sizes == {(128, 128)}


def test_browser_without_h264_gets_vp8() -> None:
    async def main() -> None:
        async with running() as server:
            client = Client(bursts(5))
            codecs = RTCRtpReceiver.getCapabilities("video").codecs
            client.pc.getTransceivers()[0].setCodecPreferences(
                [c for c in codecs if c.mimeType == "video/VP8"]
            )
            await client.connect(server)
            await eventually(lambda: len(client.pictures) > 20)
            assert "VP8" in client.pc.remoteDescription.sdp
            assert "H264" not in client.pc.remoteDescription.sdp
            await client.close()

    asyncio.run(main())


def test_a_broken_avatar_is_refused_and_may_be_repaired() -> None:
    broken = True

    class Shelf(FakeAvatar):
        @classmethod
        def load(cls, name_or_path: str = "", size: int = 64, lookahead_ms: int = 20) -> FakeAvatar:
            if name_or_path == "theo" and broken:
                raise PackageError("theo/mesh.safetensors is cut off")
            return FakeAvatar(name_or_path, size, lookahead_ms)

    async def main() -> None:
        nonlocal broken
        async with running(loader=Shelf) as server:
            good, client = Client(), Client()
            await good.connect(server)
            body = await client.body(avatar="theo")
            status, answer = await server.offer(body)
            assert status == 422 and "cut off" in answer["message"]
            await eventually(lambda: good.stats() != {})
            good.say("avatar", "theo")
            await eventually(lambda: any("cut off" in str(m["value"]) for m in good.messages))
            broken = False
            good.say("avatar", "theo")
            await eventually(lambda: good.stats()["avatar"] == "theo")
            await good.close()
            await client.close()

    asyncio.run(main())


def test_figures_and_controls() -> None:
    async def main() -> None:
        async with running() as server:
            client = Client(bursts(10))
            await client.connect(server, avatar="theo", style="calm", size=256, lookahead=0)
            await eventually(lambda: client.stats().get("pictures", 0) > 25)
            stats = client.stats()
            assert (stats["avatar"], stats["style"], stats["size"]) == ("theo", "calm", 256)
            assert 0 < stats["engine_p50_ms"] <= stats["engine_p95_ms"] and stats["delay_ms"] >= 80
            client.say("ping", 42)
            client.say("style", "cheerful")
            client.say("avatar", "mira")
            client.say("interrupt")
            await eventually(lambda: client.stats()["style"] == "cheerful")
            await eventually(lambda: client.stats()["avatar"] == "mira")
            await eventually(lambda: {"type": "pong", "value": 42} in client.messages)
            assert all(m["type"] != "error" for m in client.messages)
            await client.close()

    asyncio.run(main())


def test_bad_messages_get_an_answer_and_hurt_nobody() -> None:
    async def main() -> None:
        async with running() as server:
            client = Client()
            await client.connect(server)
            await eventually(lambda: client.stats() != {})
            bad = ["", "{", "[1]", '{"type": "format"}', '{"type": "mute", "value": 3}', "x" * 5000]
            bad += ['{"type":"style","value":"../../etc/passwd"}', "[" * 4000]
            bad += ['{"type":"avatar","value":"nobody"}', '{"type":"style","value":null}']
            assert client.channel is not None
            for text in bad:
                client.channel.send(text)
            client.channel.send(b"\xff\xfe")
            await eventually(
                lambda: sum(m["type"] == "error" for m in client.messages) == len(bad) + 1
            )
            before = len(client.pictures)
            await eventually(lambda: len(client.pictures) > before + 10)
            await client.close()

    asyncio.run(main())


def test_full_house_gets_a_clear_answer_and_room_is_made() -> None:
    async def main() -> None:
        async with running(limit=2) as server:
            first, second, third = Client(), Client(), Client()
            await first.connect(server)
            await second.connect(server)
            status, answer = await server.offer(await third.body())
            assert status == 503 and answer["error"] == "server full"
            assert "2 of 2 places" in answer["message"]
            await eventually(lambda: first.pictures and second.pictures)
            first.say("bye")
            await eventually(lambda: server.rooms.health()["sessions"] == 1, 2)
            await third.close()
            third = Client()
            await third.connect(server)
            await eventually(lambda: len(third.pictures) > 5)
            assert server.rooms.health()["refused"] == 1
            for client in (first, second, third):
                await client.close()

    asyncio.run(main())


def pull_the_cable(client: Client) -> None:
    """Not a byte goes out any more."""

    async def nothing(data: bytes) -> None:
        return None

    for sender in client.pc.getSenders():
        sender.transport.transport._send = nothing


def test_client_that_vanishes_is_cleaned_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No goodbye, no packets: gone after SILENT_S (six seconds; shortened here)."""
    monkeypatch.setattr(peer, "SILENT_S", 1.0)

    async def main() -> None:
        async with running() as server:
            client, other = Client(), Client(bursts(10))
            await client.connect(server)
            await other.connect(server)
            await eventually(lambda: client.pictures and other.pictures)
            pull_the_cable(client)
            await eventually(lambda: server.rooms.health()["sessions"] == 1, 4)
            before = len(other.pictures)
            await eventually(lambda: len(other.pictures) > before + 10)
            await other.close()
            await client.close()

    asyncio.run(main())


def test_goodbye_ends_a_session_at_once() -> None:
    async def main() -> None:
        async with running() as server:
            client = Client()
            await client.connect(server)
            await eventually(lambda: client.stats() != {})
            client.say("bye")
            await eventually(lambda: server.rooms.health()["sessions"] == 0, 2)
            await client.close()

    asyncio.run(main())


def test_server_says_goodbye_when_it_goes_down() -> None:
    async def main() -> None:
        client = Client()
        async with running() as server:
            await client.connect(server)
            await eventually(lambda: client.stats() != {})
        await eventually(lambda: any(m["type"] == "bye" for m in client.messages), 3)
        await client.close()

    asyncio.run(main())


def test_one_broken_engine_run_does_not_touch_the_others(caplog: pytest.LogCaptureFixture) -> None:
    class Fragile(FakeAvatar):
        def render(self, motion: Motion) -> Video:
            if self.name == "theo" and motion.start > 16_000 * 2:
                raise ZeroDivisionError("in the renderer")
            return super().render(motion)

    async def main() -> None:
        async with running(loader=Fragile) as server:
            good, bad = Client(bursts(10)), Client(bursts(10))
            await good.connect(server)
            await bad.connect(server, avatar="theo")
            await eventually(lambda: server.rooms.health()["sessions"] == 1)
            before = len(good.pictures)
            await eventually(lambda: len(good.pictures) > before + 10)
            reasons = [m["value"] for m in bad.messages if m["type"] == "bye"]
            assert reasons == ["the session failed on the server"]
            await good.close()
            await bad.close()

    asyncio.run(main())
    assert "in the renderer" in caplog.text


def test_client_without_microphone_or_channel_sees_a_live_face() -> None:
    async def main() -> None:
        async with running() as server:
            client = Client(channel=False)
            client.pc.getTransceivers()[1].direction = "recvonly"
            await client.connect(server)
            await eventually(lambda: len(client.pictures) > 30)
            await client.close()
            await eventually(lambda: server.rooms.health()["sessions"] == 0)

    asyncio.run(main())


def test_coming_and_going_leaves_nothing_behind() -> None:
    def handles() -> tuple[int, int, int]:
        gc.collect()
        return threading.active_count(), len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))

    async def main() -> None:
        async with running() as server:

            async def visit() -> None:
                client = Client()
                await client.connect(server)
                await eventually(lambda: len(client.pictures) > 2)
                client.say("bye")
                await eventually(lambda: server.rooms.health()["sessions"] == 0)
                await client.close()
                await asyncio.sleep(0.05)

            for _ in range(3):
                await visit()
            before = handles()
            for _ in range(6):
                await visit()
            await asyncio.sleep(0.3)
            after = handles()
            assert all(a <= b + 2 for a, b in zip(after, before, strict=True)), (before, after)

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("counts open files through /proc")
    asyncio.run(main())


def test_local_microphone_is_watched_by_several() -> None:
    async def main() -> None:
        from collections.abc import AsyncIterator

        from streaming.clock import LoopClock
        from streaming.sound import Sound
        from tests.fakes import microphone, stereo

        def listen() -> AsyncIterator[Sound]:
            return microphone(stereo(bursts(20)), LoopClock())

        async with running(microphone=listen) as server:
            assert server.rooms.choices()["microphone"] == "server"
            clients = [Client(), Client()]
            for client in clients:
                client.pc.getTransceivers()[1].direction = "recvonly"
                await client.connect(server)
            await eventually(lambda: all(len(c.pictures) > 25 for c in clients))
            await eventually(
                lambda: all(any(f.to_ndarray().any() for f in c.sound) for c in clients)
            )
            clients[0].say("bye")
            await eventually(lambda: server.rooms.health()["sessions"] == 1, 2)
            before = len(clients[1].pictures)
            await eventually(lambda: len(clients[1].pictures) > before + 10)
            for client in clients:
                await client.close()

    asyncio.run(main())
