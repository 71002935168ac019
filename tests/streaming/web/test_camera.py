"""Cameras over real WebRTC: following, one's own style, and what hostile or unlucky ones do."""

import asyncio
import io
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.errors import RuntimeUnavailable
from engine.frames import U8, Motion, Video
from engine.style.code import CODE, MAX_BYTES, Style
from engine.tracker.tracker import Tracked
from streaming.errors import TransportError
from streaming.sight import Sight
from streaming.sources import camera
from streaming.web import peer
from streaming.web.guest import MAX_OWN
from streaming.web.offer import check_media
from tests.fakes import FakeAvatar, FakeEyes, bursts, scene
from tests.streaming.web.rig import Client, Eye, Server, eventually, running

YAWS: list[float] = []


class Turning(FakeAvatar):
    """Notes the yaw of every motion that is drawn."""

    def render(self, motion: Motion) -> Video:
        YAWS.append(float(motion.pose[0]))
        return super().render(motion)


def turning(second: float) -> U8:
    return scene(round(second * 20), yaw=20 * np.sin(2 * second), jaw=0.3 * (second % 0.4 < 0.2))


def style(name: str = "loaded") -> Style:
    return Style(name, np.linspace(-1, 1, CODE).astype(np.float32), made="for a test")


@pytest.mark.parametrize(
    ("media", "camera_offered"),
    [
        ("video recvonly", False),
        ("video sendrecv, audio sendrecv, application", False),
        ("video recvonly, audio sendrecv, video sendonly, application", True),
        ("video sendrecv, video sendrecv", True),
        ("audio sendrecv", None),
        ("video sendonly, video recvonly", None),
        ("video recvonly, video recvonly", None),
        ("video recvonly, video sendonly, video sendonly", None),
        ("video recvonly, audio sendrecv, audio sendrecv", None),
    ],
)
def test_which_media_may_be_offered(media: str, camera_offered: bool | None) -> None:
    sdp = "v=0\r\na=sendonly\r\n"
    for part in media.split(", "):
        kind, _, direction = part.partition(" ")
        sdp += f"m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\n" + f"a={direction}\r\n" * bool(direction)
    if camera_offered is None:
        with pytest.raises(TransportError, match="expected"):
            check_media(sdp)
    else:
        assert check_media(sdp) is camera_offered


async def looking(server: Server, shown: Callable[[float], Any] = turning, **more: Any) -> Client:
    """A client that is live and whose camera is open."""
    client = Client(eye=Eye(shown), **more)
    await client.connect(server)
    await eventually(lambda: client.stats() != {} and client.key()["Authorization"] != "Bearer ")
    client.say("camera", True)
    await eventually(lambda: client.camera().get("status") == "ready")
    return client


def test_the_head_follows_and_a_style_is_made_kept_and_deleted() -> None:
    async def main() -> None:
        YAWS.clear()
        async with running(loader=Turning, sight=Sight(FakeEyes), seconds=3.0) as server:
            client = await looking(server, pcm=bursts(20))
            await eventually(lambda: client.camera()["advice"] == "good")
            assert max(map(abs, YAWS)) == 0  # looked at, not followed
            client.say("follow", True)
            await eventually(lambda: client.camera()["follow"] and max(YAWS) - min(YAWS) > 20)
            client.say("learn", True)
            await eventually(lambda: client.camera()["progress"] is not None)
            await eventually(lambda: client.stats()["own"] == ["my style"])
            assert client.stats()["style"] == "my style"
            for name, status in (("my style", 200), ("nobody's", 404)):
                params = {"name": name}
                url = f"{server.url}/style"
                async with server.http.get(url, params=params, headers=client.key()) as answer:
                    assert answer.status == status
                    content = await answer.read()
                    if status == 200:
                        assert Style.parse(content, "saved").name == "my style"
            client.say("forget", "my style")
            await eventually(lambda: client.stats()["own"] == [])
            assert client.stats()["style"] == "neutral"
            client.say("forget", "my style")
            await eventually(lambda: any(m["type"] == "error" for m in client.messages))
            client.say("camera", False)
            await eventually(lambda: client.camera()["status"] == "off")
            await client.close()

    asyncio.run(main())


def test_styles_of_a_file() -> None:
    async def main() -> None:
        async with running() as server:
            client, other = Client(), Client()
            await client.connect(server)
            await other.connect(server)
            await eventually(lambda: client.stats() and other.stats())

            async def send(body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
                url = f"{server.url}/style"
                async with server.http.post(url, data=io.BytesIO(body), headers=headers) as answer:
                    return answer.status, await answer.json()

            status, answer = await send(style().pack(), client.key())
            assert (status, answer) == (200, {"name": "loaded"})
            await eventually(lambda: client.stats()["style"] == "loaded")
            status, answer = await send(style("neutral").pack(), client.key())
            assert answer == {"name": "my neutral"}  # a bundled one keeps its name
            client.say("style", "loaded")
            await eventually(lambda: client.stats()["style"] == "loaded")
            assert other.stats()["own"] == []
            other.say("style", "loaded")
            await eventually(lambda: any("not offered" in str(m["value"]) for m in other.messages))

            broken = bytearray(style().pack())
            broken[-4:] = np.float32(np.nan).tobytes()
            for body in (b"", b"no style", bytes(broken), bytes(MAX_BYTES + 1)):
                status, answer = await send(body, client.key())
                assert status == 422 and answer["message"], body[:9]
            assert "not finite" in (await send(bytes(broken), client.key()))[1]["message"]
            for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic"}):
                assert (await send(style().pack(), wrong))[0] == 401
            abroad = {**client.key(), "Origin": "http://elsewhere.example"}
            assert (await send(style().pack(), abroad))[0] == 403
            for k in range(6):
                assert (await send(style(f"s{k}").pack(), client.key()))[0] == 200
            status, answer = await send(style("one too many").pack(), client.key())
            assert status == 422 and "delete one" in answer["message"]
            at_once = [send(style(f"t{k}").pack(), other.key()) for k in range(3 * MAX_OWN)]
            taken = [status for status, _ in await asyncio.gather(*at_once)]
            assert sorted(taken) == [200] * MAX_OWN + [422] * (2 * MAX_OWN)
            await eventually(lambda: len(other.stats()["own"]) == MAX_OWN)
            key = client.key()
            client.say("bye")
            await eventually(lambda: server.rooms.health()["sessions"] == 1)
            assert (await send(style().pack(), key))[0] == 401
            await client.close()
            await other.close()

    asyncio.run(main())


def test_a_missing_tracker_is_said_and_everything_else_works() -> None:
    def absent() -> Any:
        raise RuntimeUnavailable("install the extra `tracker`")

    async def main() -> None:
        async with running(sight=Sight(absent, missing="install the extra")) as server:
            assert server.rooms.choices()["camera"] == {"missing": "install the extra"}
            client = Client(bursts(10), eye=Eye(turning))
            await client.connect(server)
            await eventually(lambda: client.stats() != {})
            client.say("camera", True)
            await eventually(lambda: client.camera().get("status") == "absent")
            assert client.camera()["text"] == "install the extra `tracker`"
            client.say("follow", True)
            client.say("style", "calm")
            await eventually(lambda: client.stats()["style"] == "calm")
            before = len(client.pictures)
            await eventually(lambda: len(client.pictures) > before + 10)
            await client.close()

    asyncio.run(main())


def test_without_a_tracker_or_a_session_of_ones_own_no_camera_is_taken() -> None:
    async def main() -> None:
        async with running() as server:
            assert server.rooms.choices()["camera"] is None
            client = Client(eye=Eye(turning))
            await client.connect(server)
            assert "a=inactive" in client.pc.remoteDescription.sdp
            await eventually(lambda: client.stats() != {})
            client.say("camera", True)
            await eventually(lambda: any(m["type"] == "error" for m in client.messages))
            await eventually(lambda: len(client.pictures) > 5)
            await client.close()

    asyncio.run(main())


def test_camera_messages_without_a_camera_get_an_answer() -> None:
    async def main() -> None:
        async with running(sight=Sight(FakeEyes)) as server:
            client = Client()
            await client.connect(server)
            await eventually(lambda: client.stats() != {})
            for kind in ("camera", "follow", "learn"):
                client.say(kind, True)
                client.say(kind, "yes")
            await eventually(lambda: sum(m["type"] == "error" for m in client.messages) == 6)
            client.say("camera", False)
            await eventually(lambda: len(client.pictures) > 5)
            await client.close()

    asyncio.run(main())


def test_a_picture_of_ten_thousand_pixels_is_never_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(camera, "MAX_SIDE", 100)  # a real one of that size takes seconds to make

    async def main() -> None:
        eyes = FakeEyes()
        async with running(sight=Sight(lambda: eyes)) as server:
            large = np.full((128, 160, 3), 120, np.uint8)
            client, other = await looking(server, lambda second: large), Client(bursts(10))
            await other.connect(server)
            await eventually(lambda: "160x128" in client.camera()["text"])
            assert eyes.looked == 0
            before = len(other.pictures)
            await eventually(lambda: len(other.pictures) > before + 10)
            await eventually(lambda: len(client.pictures) > 10)
            await client.close()
            await other.close()

    asyncio.run(main())


def test_who_vanishes_while_recording_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "SILENT_S", 1.0)

    async def main() -> None:
        async with running(sight=Sight(FakeEyes), seconds=30.0) as server:
            client = await looking(server)
            client.say("learn", True)
            await eventually(lambda: (client.camera()["progress"] or 0) > 0)
            (guest,) = server.rooms._guests.values()
            assert guest.watch is not None and guest.watch._take is not None
            for sender in client.pc.getSenders():
                sender.transport.transport._send = _nothing
            await eventually(lambda: server.rooms.health()["sessions"] == 0, 5)
            assert server.rooms._guests == {} and guest.watch._take is None
            await eventually(lambda: not [t for t in asyncio.all_tasks() if "Watch" in repr(t)])
            again = await looking(server)
            await again.close()
            await client.close()

    asyncio.run(main())


async def _nothing(data: bytes) -> None:
    return None


def test_a_flood_of_camera_commands_costs_one_at_a_time() -> None:
    async def main() -> None:
        async with running(sight=Sight(FakeEyes), seconds=30.0) as server:
            client = await looking(server)
            for k in range(300):
                for kind in ("camera", "follow", "learn"):
                    client.say(kind, k % 2 == 1)
            client.say("ping", 7)
            await eventually(lambda: {"type": "pong", "value": 7} in client.messages)
            assert len(server.rooms._guests) == 1
            before = len(client.pictures)
            await eventually(lambda: len(client.pictures) > before + 10)
            client.say("camera", True)
            client.say("follow", True)
            await eventually(lambda: client.camera()["follow"])
            await client.close()

    asyncio.run(main())


def test_a_broken_tracker_ends_its_session_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeEyes):
        def step(self, rgb: U8, start: int, state: int) -> tuple[Tracked | None, int]:
            raise ZeroDivisionError("in the tracker")

    async def main() -> None:
        async with running(sight=Sight(Broken)) as server:
            other = Client(bursts(10))
            await other.connect(server)
            await looking_at_a_broken_one(server)
            await eventually(lambda: server.rooms.health()["sessions"] == 1)
            before = len(other.pictures)
            await eventually(lambda: len(other.pictures) > before + 10)
            await other.close()

    async def looking_at_a_broken_one(server: Server) -> None:
        client = await looking(server)
        await eventually(lambda: {"type": "bye", "value": peer.FAILED} in client.messages)
        await client.close()

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert "in the tracker" in caplog.text
