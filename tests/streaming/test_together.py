"""Several sessions of the real engine on one thread, in made-up time: each as if it were alone."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pytest

from engine.avatar import Avatar
from engine.batch import Batch
from engine.frames import Motion, Video
from streaming.batch import Batcher
from streaming.delay import choose_delay
from streaming.session import Session
from streaming.sources.file import live_blocks
from streaming.worker import Worker
from tests.fakes import InlineWorker, microphone
from tests.virtual_time import run

P = ParamSpec("P")
R = TypeVar("R")

CLIP = Path(__file__).parents[1] / "golden" / "speech" / "103-1240-0000.flac"
SPEECH = np.concatenate([sound.pcm for sound in live_blocks(CLIP)])
SECONDS = 2.0
CAST = (("mira", "neutral"), ("theo", "cheerful"), ("mira", "calm"))
LOADED = {name: Avatar.load(name, size=64) for name, _ in CAST}


class Noted(Batch):
    """The real engine, with what it answered, by the seed of the session."""

    def __init__(self) -> None:
        super().__init__()
        self.motions: dict[int, list[Motion]] = {}
        self.sizes: list[int] = []
        self.spent = 0.0

    def draw(self, turns: Sequence[Any]) -> list[Any]:
        self.spent = 0.004
        return super().draw(turns)

    def animate(self, turns: Sequence[Any]) -> list[Any]:
        answers = super().animate(turns)
        self.sizes.append(len(turns))
        self.spent = 0.004
        for (_, _, state), (motions, _) in zip(turns, answers, strict=True):
            self.motions.setdefault(int(state.decoder.seed[0]), []).extend(motions)
        return answers


class Slow(InlineWorker):
    """The thread of an engine of which every round costs 4 ms, whatever is in it."""

    def __init__(self, engine: Noted) -> None:
        super().__init__()
        self.engine = engine

    def now(self) -> float:
        """As it will be when the round is over."""
        return asyncio.get_running_loop().time() + self.engine.spent

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        async with self._turn:
            result = function(*args, **kwargs)
            cost, self.engine.spent = self.engine.spent, 0.0
            await asyncio.sleep(cost)
            return result


def together(engine: Noted) -> Batcher:
    """A Batcher on such an engine."""
    thread = Slow(engine)
    return Batcher(thread, engine, now=thread.now)


def live(worker: Worker, members: Sequence[int], **actors: Avatar) -> list[Session]:
    """Two seconds of sessions that begin one after the other, each with its own part of the
    speech."""

    async def main() -> list[Session]:
        sessions, tasks = [], []
        faces = {seed: actors.get(CAST[seed][0], LOADED[CAST[seed][0]]) for seed in members}
        states = {
            seed: await worker.call(face.init_state, CAST[seed][1], seed)
            for seed, face in faces.items()
        }
        for seed, face in faces.items():
            delay = choose_delay(face.latency, 20)
            session = Session(face, worker, states[seed], delay=delay)
            pcm = SPEECH[48_000 * seed :]
            sessions.append(session)
            tasks.append(asyncio.create_task(session.run(microphone(pcm, session.clock))))
            await asyncio.sleep(0.0015)
        await asyncio.sleep(SECONDS)
        for session in sessions:
            session.close()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(end) for end in ends if end is not None] == [MemoryError] * len(actors)
        return sessions

    return run(main())


@pytest.fixture(scope="module")
def alone() -> dict[int, list[Motion]]:
    """What each of the cast does alone, without any company."""
    found: dict[int, list[Motion]] = {}
    for seed in range(len(CAST)):
        engine = Noted()
        live(together(engine), [seed])
        assert set(engine.sizes) == {1}
        found |= engine.motions
    return found


@pytest.mark.parametrize("count", [2, 3])
def test_sessions_that_share_the_engine_move_as_alone(
    count: int, alone: dict[int, list[Motion]]
) -> None:
    engine = Noted()
    sessions = live(together(engine), range(count))
    assert np.mean(engine.sizes) > 1.5, "they did not share calls"
    for seed, session in enumerate(sessions):
        ours, theirs = engine.motions[seed], alone[seed]
        length = min(len(ours), len(theirs))
        assert length > 38 and abs(len(ours) - len(theirs)) <= 1
        for one, two in zip(ours[:length], theirs, strict=False):
            assert one.start == two.start
            np.testing.assert_allclose(one.weights, two.weights, atol=1e-5)
            np.testing.assert_allclose(one.pose, two.pose, atol=1e-4)
        assert session.stats.pictures > 38 and session.stats.skipped == 0
        assert session.stats.invented == 0
    faces = np.array([[m.weights for m in engine.motions[i][:38]] for i in range(count)])
    assert np.abs(faces[0] - faces[1]).max() > 0.1, "they speak of different things"


def test_a_face_that_cannot_be_drawn_ends_its_session_only() -> None:
    class Torn(Avatar):
        def render(self, motion: Motion) -> Video:
            if motion.start > 16_000:
                raise MemoryError("no room for the picture")
            return super().render(motion)

    theo = LOADED["theo"]
    engine = Noted()
    torn = Torn(theo.name, theo.line, theo.renderer)
    sessions = live(together(engine), range(3), theo=torn)
    assert sessions[1].stats.pictures < 30
    assert sessions[0].stats.pictures > 38 and sessions[2].stats.pictures > 38
    assert len(engine.motions[0]) > 38 > len(engine.motions[1])
