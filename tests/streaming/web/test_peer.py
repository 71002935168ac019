"""One peer: what its messages and its silence may cost, and what happens when a command breaks."""

import asyncio
from typing import Any

import pytest

from streaming.session import Session
from streaming.web import peer
from streaming.web.offer import Control, read_offer
from streaming.web.peer import Peer
from tests.fakes import FakeAvatar, FakeState, InlineWorker
from tests.streaming.web.rig import Client, eventually, running


def test_a_flood_of_commands_leaves_one_pending_and_the_latest_wins() -> None:
    async def main() -> None:
        gate = asyncio.Event()
        done: list[Any] = []

        async def command(control: Control) -> None:
            await gate.wait()
            done.append(control.value)

        avatar = FakeAvatar()
        session = Session(avatar, InlineWorker(), avatar.init_state(), delay=1280)
        one = Peer(session, own=True, command=command, state={})
        for i in range(1000):
            one._on_message('{"type": "interrupt"}')
            one._on_message(f'{{"type": "style", "value": "s{i}"}}')
            one._on_message(f'{{"type": "avatar", "value": "a{i}"}}')
            if i == 0:
                await asyncio.sleep(0.01)  # the first ones begin
        assert len(asyncio.all_tasks()) <= 4
        gate.set()
        await eventually(lambda: len(done) == 4)
        assert sorted(done) == ["a0", "a999", "s0", "s999"]
        await eventually(lambda: session.stats.interrupts == 2)
        one._on_message('{"type": "style", "value": "after"}')
        await eventually(lambda: done[-1] == "after")
        await one.close("test")

    asyncio.run(main())


def test_a_command_that_breaks_ends_its_session_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Fragile(FakeAvatar):
        def restyle(self, state: FakeState, style: str) -> FakeState:
            if style == "cheerful":
                raise ZeroDivisionError("in the styles")
            return super().restyle(state, style)

    async def main() -> None:
        async with running(loader=Fragile) as server:
            good, bad = Client(), Client()
            await good.connect(server)
            await bad.connect(server)
            await eventually(lambda: good.stats() and bad.stats())
            bad.say("style", "cheerful")
            await eventually(lambda: server.rooms.health()["sessions"] == 1, 2)
            await eventually(lambda: {"type": "bye", "value": peer.FAILED} in bad.messages)
            before = len(good.pictures)
            await eventually(lambda: len(good.pictures) > before + 10)
            await good.close()
            await bad.close()

    asyncio.run(main())
    assert "in the styles" in caplog.text and "never retrieved" not in caplog.text


def test_an_offer_that_never_connects_gives_its_place_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After CONNECT_S, which is no longer than a silent peer may stay; shortened here."""
    assert peer.CONNECT_S <= peer.SILENT_S
    monkeypatch.setattr(peer, "CONNECT_S", 0.6)

    async def main() -> None:
        async with running() as server:
            client = Client()
            status, _ = await server.offer(await client.body())
            assert status == 200 and server.rooms.health()["sessions"] == 1
            await eventually(lambda: server.rooms.health()["sessions"] == 0, 4)
            assert server.rooms.live() == []
            await client.close()

    asyncio.run(main())


@pytest.mark.parametrize("error", [ZeroDivisionError, asyncio.CancelledError])
def test_an_answer_that_breaks_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    opened: list[Peer] = []

    def breaks(self: Peer, sdp: str) -> None:
        opened.append(self)
        raise error

    monkeypatch.setattr(Peer, "_add_camera", breaks)

    async def main() -> None:
        async with running() as server:
            client = Client()
            offer = read_offer(await client.body())
            with pytest.raises(error):
                await server.rooms.enter(offer)
            assert [p._pc.connectionState for p in opened] == ["closed"]
            assert server.rooms.health()["sessions"] == 0
            await client.close()

    asyncio.run(main())
