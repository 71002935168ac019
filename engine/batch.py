"""Many sessions in one call: hops of sessions of any age, style and look-ahead, and pictures.

Contract: what comes out for a session is what stepping it alone gives, up to the rounding of matrix
products (they add in another order for another number of rows); nothing of one session reaches
another. What is wrong with one session is its own answer, an exception, and the others go on. The
same on every runtime: the graphs take any batch.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from engine.audio.mel import LOUDEST
from engine.frames import F32, HOP, SAMPLES_PER_FRAME, Audio, Motion, Video
from engine.line import Line, LineState, decided
from engine.motion.decoder import DecoderInput, DecoderState, glided
from engine.render.choose import AnyRenderer
from engine.render.screen import Screen
from engine.seats import Seats
from engine.stage import split, stack

R = TypeVar("R")


class Advanced(NamedTuple):
    """What some hops of one session completed."""

    motions: list[Motion]
    state: LineState


class Listener(Protocol):
    """What a Batch needs of an Avatar that hears; one without a line hears alone."""

    @property
    def line(self) -> Line | None: ...

    def animate(self, audio: Audio, state: Any) -> tuple[list[Motion], Any]: ...


class Painter(Protocol):
    """What a Batch needs of an Avatar that is drawn; one without a renderer draws by itself."""

    @property
    def renderer(self) -> AnyRenderer | None: ...

    def render(self, motion: Motion) -> Video: ...


class Batch:
    """Holds buffers only, no session; use it from one thread."""

    def __init__(self, screen: Screen | None = None) -> None:
        """`screen`: where pictures are drawn, each avatar's own renderer by default."""
        self._seats, self._screen = Seats(), screen

    def animate(
        self, turns: Sequence[tuple[Listener, Audio, Any]]
    ) -> list[tuple[list[Motion], Any] | Exception]:
        """Avatar.animate of many sessions, each on the line of its avatar."""
        by_line: dict[Line, list[int]] = defaultdict(list)
        answers: dict[int, tuple[list[Motion], Any] | Exception] = {}
        for i, (actor, audio, state) in enumerate(turns):
            line = getattr(actor, "line", None)  # one that wraps an avatar may lack even that
            if line is None:
                answers[i] = attempt(partial(actor.animate, audio, state))
            else:
                by_line[line].append(i)
        for line, members in by_line.items():
            audios, states = [turns[i][1] for i in members], [turns[i][2] for i in members]
            answers |= zip(members, self.advance(line, audios, states), strict=True)
        return [answers[i] for i in range(len(turns))]

    def draw(self, turns: Sequence[tuple[Painter, Motion]]) -> list[Video | Exception]:
        """Avatar.render of many sessions. On the CPU one after the other: pictures share nothing
        there. A device takes all those of one size in one call."""
        drawn: list[Video | None] = [None] * len(turns)
        if self._screen is not None:
            able: dict[int, tuple[AnyRenderer, Motion]] = {}
            for i, (painter, motion) in enumerate(turns):
                renderer = getattr(painter, "renderer", None)  # as with `line`
                if renderer is not None:
                    able[i] = renderer, motion
            for i, video in zip(able, self._screen.render(list(able.values())), strict=True):
                drawn[i] = video
        return [
            attempt(partial(painter.render, motion)) if video is None else video
            for video, (painter, motion) in zip(drawn, turns, strict=True)
        ]

    def advance(
        self, line: Line, audios: Sequence[Audio], states: Sequence[LineState]
    ) -> list[Advanced | Exception]:
        """Whole hops of sessions of one line, `line.step` of each; one may bring more hops than
        another. Raises nothing of a session's; see the contract."""
        answers: list[Advanced | Exception] = [Advanced([], state) for state in states]
        at = 0
        while True:
            turns: dict[int, tuple[Audio, LineState]] = {}
            for i, (audio, answer) in enumerate(zip(audios, answers, strict=True)):
                if at < len(audio.pcm) and isinstance(answer, Advanced):
                    turns[i] = Audio(audio.start + at, audio.pcm[at : at + HOP]), answer.state
            if not turns:
                return answers
            for i, answer in zip(turns, self._round(line, list(turns.values())), strict=True):
                before = answers[i]
                if isinstance(before, Advanced) and isinstance(answer, Advanced):
                    answer = Advanced([*before.motions, *answer.motions], answer.state)
                answers[i] = answer
            at += HOP

    def _round(
        self, line: Line, turns: Sequence[tuple[Audio, LineState]]
    ) -> list[Advanced | Exception]:
        """One hop of each session."""
        answers: list[Advanced | Exception | None] = [None] * len(turns)
        fit = [i for i, (audio, state) in enumerate(turns) if _fits(line, audio, state)]
        if len(fit) > 1:
            together = attempt(partial(self._together, line, [turns[i] for i in fit]))
            if not isinstance(together, Exception):
                for i, answer in zip(fit, together, strict=True):
                    answers[i] = answer
        # Alone: whoever is left over or does not fit, or everybody where one spoils the call.
        return [
            attempt(partial(_alone, line, *turn)) if answer is None else answer
            for answer, turn in zip(answers, turns, strict=True)
        ]

    def _together(self, line: Line, turns: Sequence[tuple[Audio, LineState]]) -> list[Advanced]:
        states = [state for _, state in turns]
        pcm = np.stack([audio.pcm for audio, _ in turns])
        # The decoders step on every second hop only and their styles are large: they stay out.
        ears: tuple[Any, ...] = stack([state[:-1] for state in states])
        before = LineState._make((*ears, states[0].decoder))
        heard, spoken, prosody, after = line.hear(pcm, before)
        row = after.hop - line.silent - 1  # k of the row this hop completes; below -1: none yet
        window = np.concatenate([before.recent, spoken.posteriors], axis=1)
        rows, first = (row >= -1)[:, None, None], (row % 2 == 0)[:, None, None]
        after = after._replace(
            recent=np.where(rows, window[:, 1:], before.recent),
            waiting_prosody=np.where(rows & first, prosody[:, None], before.waiting_prosody),
        )
        parts: list[Any] = split(tuple(after[:-1]))
        done = [
            Advanced([], LineState._make((*part, state.decoder)))
            for part, state in zip(parts, states, strict=True)
        ]
        due = np.flatnonzero((row >= -1) & (row % 2 != 0))
        if len(due) == 0:
            return done
        x = decided(
            window[due], spoken.newest[due], before.waiting_prosody[due], prosody[due, None]
        )
        faces = self._decide(line, x, [states[i].decoder for i in due])
        for i, (weights, pose, decoder) in zip(due, faces, strict=True):
            start = (int(row[i]) + 1) // 2 * SAMPLES_PER_FRAME
            motion = Motion(start, weights, pose, ppg=window[i])
            done[i] = Advanced([motion], done[i].state._replace(decoder=decoder))
        return done

    def _decide(
        self, line: Line, x: DecoderInput, states: Sequence[DecoderState]
    ) -> list[tuple[F32, F32, DecoderState]]:
        """One tick of every session -> its weights [52], pose [6] and next state."""
        states = [glided(state) for state in states]  # each to its own target
        order, styles = self._seats.place([state.style for state in states])
        seated = [states[i] for i in order]
        batch = DecoderState(
            net=stack([state.net for state in seated]),
            style=styles,
            target=styles,
            left=np.zeros(len(seated), np.int64),
            seed=np.concatenate([state.seed for state in seated]),
            tick=np.concatenate([state.tick for state in seated]),
        )
        y, after = line.decoder.step(DecoderInput(x.ppg[order], x.prosody[order]), batch)
        nets, ticks = split(after.net), split(after.tick)
        answers: dict[int, tuple[F32, F32, DecoderState]] = {}
        for at, i in enumerate(order):
            state = states[i]._replace(net=nets[at], tick=ticks[at])
            answers[i] = y.weights[at, 0], y.pose[at, 0], state
        return [answers[i] for i in range(len(states))]


def attempt(function: Callable[[], R]) -> R | Exception:
    """What it returns, or what it raises."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - the answer of one session, which raises it
        return error


def _alone(line: Line, audio: Audio, state: LineState) -> Advanced:
    output, state = line.step(audio, state)
    return Advanced(output.motions, state)


def _fits(line: Line, audio: Audio, state: LineState) -> bool:
    """Whether a hop may share a call; if not, stepping it alone says why."""
    if isinstance(attempt(partial(line.require_next, audio, state)), Exception):
        return False
    return bool(np.abs(audio.pcm).max() <= LOUDEST)  # false for NaN
