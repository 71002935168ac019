"""Line: hops of sound -> Motion. Ears, PPG and decoder in a row; everything but the face.

Sessions with the same look-ahead share one Line and may exchange states: the Line holds weights
only, all memory is in `LineState`.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from engine.audio.mel import Mel, MelState
from engine.audio.vad import VAD, VADState
from engine.errors import AudioError, VivifyError
from engine.frames import F32, HOP, HOP_PHASE, PPG_WINDOW, SAMPLES_PER_FRAME, Audio, Motion
from engine.motion.decoder import Decoder, DecoderInput, DecoderState
from engine.motion.prosody import Prosody, ProsodyState
from engine.speech.gate import Gate, GateState, Spoken
from engine.speech.phonemes import INDEX, PHONES
from engine.speech.ppg import PPG, Heard, PPGState
from engine.style.code import Style


class LineState(NamedTuple):
    """Everything a session remembers between hops. Batch first in every leaf."""

    hop: np.ndarray  # [B] int64: hops heard so far
    vad: VADState
    mel: MelState
    ppg: PPGState
    gate: GateState
    prosody: ProsodyState
    delayed: F32  # [B, d, F] prosody rows waiting for their posteriors, d = look-ahead steps
    recent: F32  # [B, 7, 40] gated PPG rows before the next; silence before the sound
    waiting_prosody: F32  # [B, 1, F]
    decoder: DecoderState


class Row(NamedTuple):
    """One PPG row: what was heard around one instant."""

    start: int  # sample the row describes: 320 k + 280
    heard: Heard  # T = 1
    spoken: Spoken  # T = 1: the same behind the gate, and whether someone speaks by now
    prosody: F32  # [B, F], of the same instant


class Output(NamedTuple):
    """What some hops completed."""

    rows: list[Row]
    motions: list[Motion]


class Line:
    """Ears, PPG and decoder for one look-ahead (0, 20 or 60 ms)."""

    def __init__(self, lookahead_ms: int = 20) -> None:
        self.vad = VAD()
        self.mel = Mel()
        self.ppg = PPG(lookahead_ms)
        self.gate = Gate()
        self.prosody = Prosody()
        self.decoder = Decoder()
        self.lookahead = self.ppg.lookahead  # PPG steps

    @property
    def latency(self) -> int:
        """Samples of look-ahead from a PPG row's label time to the newest sample it needs."""
        return self.mel.latency + self.ppg.latency

    @property
    def silent(self) -> int:
        """Hops that must be heard until one completes a row: the first is labelled -40."""
        return self.lookahead + 1

    def init_state(self, style: Style, seed: int = 0, batch: int = 1) -> LineState:
        """A new session's memory. Raises VivifyError for a seed outside 0 .. 2^64 - 1."""
        if not 0 <= seed < 1 << 64:
            raise VivifyError(f"seed is {seed}, expected 0 to 2^64 - 1")
        features = self.prosody.features
        return LineState(
            hop=np.zeros(batch, np.int64),
            vad=self.vad.init_state(batch),
            mel=self.mel.init_state(batch),
            ppg=self.ppg.init_state(batch),
            gate=self.gate.init_state(batch),
            prosody=self.prosody.init_state(batch),
            delayed=np.zeros((batch, self.lookahead, features), np.float32),
            recent=_silence(batch),
            waiting_prosody=np.zeros((batch, 1, features), np.float32),
            decoder=self.decoder.init_state(batch, style=style, seed=seed),
        )

    def listen(self, audio: Audio, state: LineState) -> tuple[Row | None, LineState]:
        """One hop -> the PPG row it completes (None before sample -40).

        Raises AudioError when the hop is not the next one of the grid or not finite; `state` is
        still good then.
        """
        self.require_next(audio, state)
        heard, spoken, prosody, state = self.hear(audio.pcm[None], state)
        if int(state.hop[0]) < self.silent:
            return None, state
        return Row(audio.end - self.latency, heard, spoken, prosody), state

    def require_next(self, audio: Audio, state: LineState) -> None:
        """Raise AudioError unless `audio` is the one hop that this session waits for, VivifyError
        for a session of another look-ahead."""
        expected = HOP * int(state.hop[0]) + HOP_PHASE
        if audio.start != expected or len(audio.pcm) != HOP:
            raise AudioError(
                f"got {audio!r}, expected {HOP} samples from {expected}: "
                "feed the line through engine.audio.chunker.Chunker"
            )
        if state.delayed.shape[1] != self.lookahead:
            raise VivifyError(
                f"the session looks {state.delayed.shape[1]} steps ahead, this line "
                f"{self.lookahead}; load the avatar with the session's look-ahead"
            )

    def hear(self, pcm: F32, state: LineState) -> tuple[Heard, Spoken, F32, LineState]:
        """The next hop of every session of a batch, [B, 320] -> the rows it completes, T = 1.

        Rows of sessions that have heard less than `silent` hops after it lie before the sound.
        Raises AudioError for sound that is not finite.
        """
        mel, mel_state = self.mel.step(pcm, state.mel)
        voice, vad_state = self.vad.step(pcm, state.vad)
        heard, ppg_state = self.ppg.step(mel, state.ppg)
        spoken, gate_state = self.gate.step(heard, voice, state.gate)
        prosody, prosody_state = self.prosody.step(mel, state.prosody)
        queue = np.concatenate([state.delayed, prosody], axis=1)
        state = state._replace(
            hop=state.hop + 1,
            vad=vad_state,
            mel=mel_state,
            ppg=ppg_state,
            gate=gate_state,
            prosody=prosody_state,
            delayed=queue[:, 1:],
        )
        return heard, spoken, queue[:, 0], state

    def step(self, audio: Audio, state: LineState) -> tuple[Output, LineState]:
        """Whole hops of one session -> the PPG rows and pictures they complete."""
        rows: list[Row] = []
        motions: list[Motion] = []
        for i in range(0, len(audio.pcm), HOP):
            row, state = self.listen(Audio(audio.start + i, audio.pcm[i : i + HOP]), state)
            if row is None:
                continue
            motion, state = self.move(row, state)
            rows.append(row)
            motions += [motion] if motion else []
        return Output(rows, motions), state

    def move(self, row: Row, state: LineState) -> tuple[Motion | None, LineState]:
        """One PPG row -> the picture it completes: every second row does."""
        voiced, prosody = row.spoken.posteriors, row.prosody[:, None]
        heard = np.concatenate([state.recent, voiced], axis=1)  # [B, 8, 40]
        state = state._replace(recent=heard[:, 1:])
        k = row.start // HOP
        if k % 2 == 0:  # rows 2n - 2 and 2n - 1 make picture n
            return None, state._replace(waiting_prosody=prosody)
        x = decided(heard, row.spoken.newest, state.waiting_prosody, prosody)
        y, decoder = self.decoder.step(x, state.decoder)
        start = (k + 1) // 2 * SAMPLES_PER_FRAME
        motion = Motion(start, y.weights[0, 0], y.pose[0, 0], ppg=heard[0])
        return motion, state._replace(decoder=decoder)

    def restyle(self, state: LineState, style: Style) -> LineState:
        """Glide to another style in mid-sentence."""
        return state._replace(decoder=self.decoder.restyle(state.decoder, style))

    def interrupt(self, state: LineState) -> LineState:
        """Forget what was heard: the mouth closes smoothly, eyes and head live on.

        The running level and pitch, and what the model averaged over the voice and its room, stay:
        they are still the same person's.
        """
        batch = len(state.hop)
        return state._replace(
            mel=self.mel.init_state(batch),
            ppg=self.ppg.interrupt(state.ppg),
            vad=self.vad.init_state(batch),
            gate=self.gate.interrupt(state.gate),
            delayed=np.zeros_like(state.delayed),
            recent=_silence(batch),
            waiting_prosody=np.zeros_like(state.waiting_prosody),
            decoder=self.decoder.interrupt(state.decoder),
        )


def decided(window: F32, newest: F32, before: F32, prosody: F32) -> DecoderInput:
    """What a picture is made of: gated rows [B, 8, 40] up to it, the newest row [B, 1, 40], the
    prosody of the row before and of the last, [B, 1, F] each."""
    return DecoderInput(
        ppg=np.concatenate([window[:, -2:], newest], axis=1).reshape(len(window), 1, -1),
        prosody=np.concatenate([before, prosody], axis=2),
    )


def _silence(batch: int) -> F32:
    rows = np.zeros((batch, PPG_WINDOW - 1, len(PHONES)), np.float32)
    rows[:, :, INDEX["SIL"]] = 1.0
    return rows


@cache
def line(lookahead_ms: int = 20) -> Line:
    """The Line of this look-ahead; weights are loaded once per process.

    Raises VivifyError for a look-ahead that is not offered.
    """
    return Line(lookahead_ms)
