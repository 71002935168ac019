"""Shape, style weights and memory of the torch decoder; the trees of engine.motion.decoder."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from torch import Tensor

from engine.motion import noise as noises
from engine.motion.channels import STRONG, WEAK
from engine.motion.prosody import FEATURES
from engine.speech.phonemes import PHONES
from engine.style.encoder import CODE, EXPRESSION

# Which noise columns an event renews: blink, glance, brow raise, shift of the head.
RENEWS = ((3,), (0, 1, 7), (2,), (4, 5, 6))
POSE_SCALE = (0.1, 0.1, 0.1, 10.0, 10.0, 10.0)  # pose -> network units


@dataclass(frozen=True)
class DecoderConfig:
    """Shape of the network; travels with the weights."""

    width: int = 96
    hidden: int = 192
    heads: int = 4
    layers: int = 2
    window: int = 32  # ticks of context
    experts: int = 8
    dropout: float = 0.2  # strong branch, in training
    face: int = 96  # LSTM units of the weak branch
    head: int = 64  # GRU units
    style: int = 64
    ppg: int = 3 * len(PHONES)
    prosody: int = 2 * FEATURES
    code: int = CODE
    expression: int = EXPRESSION  # values of the code that the head does not see
    noise: int = noises.WIDTH
    strong: tuple[int, ...] = STRONG
    weak: tuple[int, ...] = WEAK
    # Largest change per tick: a jaw needs two ticks from closed to wide open. Lids are free.
    slew: float = 0.3
    slew_degrees: float = 2.5
    blinks_per_minute: float = 13.0  # at least
    slew_place: float = 0.03

    def to_json(self) -> dict[str, Any]:
        """Plain values for the graph's metadata."""
        return asdict(self)


class StyleWeights(NamedTuple):
    """What is derived from a style code once."""

    code: Tensor  # [B, CODE]
    up: Tensor  # [B, L, width, hidden]
    up_bias: Tensor  # [B, L, hidden]
    down: Tensor  # [B, L, hidden, width]
    down_bias: Tensor  # [B, L, width]
    out: Tensor  # [B, width + ppg, STRONG] from the transformer and from the posteriors to the lips
    query: Tensor  # [B, L, width]
    rest: Tensor  # [B, STRONG + WEAK + POSE] face and pose at rest
    face: Tensor  # [B, 4 * face] gate terms of the LSTM
    head: Tensor  # [B, 3 * head] gate terms of the GRU
    gain: Tensor  # [B, 2 * (NORMAL + SLOW)] how far noise moves face and head
    event: Tensor  # [B, UNIFORM] log-odds of the events


class NetState(NamedTuple):
    """All memory of one tick to the next."""

    keys: Tensor  # [B, L, window, width]
    values: Tensor  # [B, L, window, width]
    valid: Tensor  # [B, window] 1 where a tick is remembered
    lips: Tensor  # [B, STRONG] the last output
    eyes: Tensor  # [B, WEAK] the last output
    pose: Tensor  # [B, POSE] the last output, degrees and head widths
    face_h: Tensor  # [B, face]
    face_c: Tensor  # [B, face]
    head_h: Tensor  # [B, head]
    held: Tensor  # [B, NORMAL] where the last events lead
