"""Torch form of the decoder: strong (lips), weak (eyes and brows) and head branch, one style.

Strong: causal transformer over PPG ticks and the own past output; its feed-forward weights are
mixed from K experts by the style code once per style (StyleTalk++ Eq. 12-13). Weak: autoregressive
LSTM on its own past, dropped-out PPG, prosody and style (VAST Eq. 5), with sampled events. Head:
GRU on prosody, the previous pose and style. Contract: `tick` maps (inputs, noise, state, style) to
(motion, state) with every state an argument, batch first; runtime form in engine.motion.decoder.
"""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.face.blendshapes import ARKIT
from engine.frames import BLENDSHAPES, POSE
from engine.motion import noise as noises
from engine.motion.channels import STRONG, WEAK
from engine.motion.prosody import FEATURES
from engine.speech.phonemes import PHONES
from engine.style.encoder import CODE

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
    face: int = 96  # LSTM units of the weak branch
    head: int = 64  # GRU units
    style: int = 64
    ppg: int = 2 * len(PHONES)
    prosody: int = 2 * FEATURES
    code: int = CODE
    noise: int = noises.WIDTH
    strong: tuple[int, ...] = STRONG
    weak: tuple[int, ...] = WEAK
    # Largest change per tick: a jaw needs two ticks from closed to wide open. Lids are free.
    slew: float = 0.3
    slew_degrees: float = 2.5
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


class DecoderNet(nn.Module):
    """All three branches."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = c = config
        strong, weak, pose = len(c.strong), len(c.weak), len(POSE)
        moved = noises.NORMAL + noises.SLOW
        self.embed = nn.Linear(c.ppg + c.prosody + strong, c.width)
        self.norms = nn.ModuleList(nn.LayerNorm(c.width) for _ in range(2 * c.layers + 1))
        self.attend = nn.ModuleList(nn.Linear(c.width, 3 * c.width) for _ in range(c.layers))
        self.merge = nn.ModuleList(nn.Linear(c.width, c.width) for _ in range(c.layers))
        self.near = nn.Parameter(torch.zeros(c.layers, c.heads, c.window))
        self.lips_out = nn.Linear(c.width + c.ppg, strong)

        self.up = nn.Parameter(torch.randn(c.experts, c.layers, c.width, c.hidden) * 0.1)
        self.up_bias = nn.Parameter(torch.zeros(c.experts, c.layers, c.hidden))
        self.down = nn.Parameter(torch.randn(c.experts, c.layers, c.hidden, c.width) * 0.05)
        self.down_bias = nn.Parameter(torch.zeros(c.experts, c.layers, c.width))
        self.mix = nn.Sequential(
            nn.Linear(c.code, c.style), nn.ReLU(), nn.Linear(c.style, c.layers * c.experts)
        )
        self.style = nn.Sequential(
            nn.Linear(c.code, c.style), nn.ReLU(), nn.Linear(c.style, c.style)
        )
        self.to_query = nn.Linear(c.style, c.layers * c.width)
        self.to_rest = nn.Linear(c.style, strong + weak + pose)
        self.to_face = nn.Linear(c.style, 4 * c.face)
        self.to_head = nn.Linear(c.style, 3 * c.head)
        self.to_gain = nn.Linear(c.style, 2 * moved)
        self.to_event = nn.Linear(c.style, noises.UNIFORM)

        self.face_ppg = nn.Linear(c.ppg, 16)
        face_in = weak + pose + 16 + c.prosody + noises.UNIFORM + moved
        self.face_x = nn.Linear(face_in, 4 * c.face)
        self.face_r = nn.Linear(c.face, 4 * c.face, bias=False)
        self.face_out = nn.Linear(c.face + moved, weak)
        self.event = nn.Linear(c.face + c.prosody, noises.UNIFORM)
        self.head_x = nn.Linear(pose + c.prosody + moved, 3 * c.head)
        self.head_r = nn.Linear(c.head, 3 * c.head)
        self.head_out = nn.Linear(c.head + moved, pose)

        renews = torch.zeros(noises.UNIFORM, noises.NORMAL)
        for event, columns in enumerate(RENEWS):
            renews[event, list(columns)] = 1.0
        self.renews: Tensor
        self.pose_scale: Tensor
        self.pose_slew: Tensor
        self.lids: Tensor
        self.order: Tensor
        self.register_buffer("renews", renews, persistent=False)
        self.register_buffer("pose_scale", torch.tensor(POSE_SCALE), persistent=False)
        slew = [c.slew_degrees] * 3 + [c.slew_place] * 3
        self.register_buffer("pose_slew", torch.tensor(slew), persistent=False)
        lids = [float(ARKIT[i].startswith("eyeBlink")) for i in c.weak]
        self.register_buffer("lids", torch.tensor(lids), persistent=False)
        joined = [*c.strong, *c.weak]
        order = [joined.index(i) for i in range(BLENDSHAPES)]
        self.register_buffer("order", torch.tensor(order), persistent=False)

    def prepare(self, code: Tensor) -> StyleWeights:
        """Style code [B, CODE] -> StyleWeights; once per style, cached by the runtime."""
        c, batch = self.config, code.shape[0]
        share = self.mix(code).view(batch, c.layers, c.experts).softmax(-1)
        style = self.style(code)
        return StyleWeights(
            code=code,
            up=torch.einsum("blk,klio->blio", share, self.up),
            up_bias=torch.einsum("blk,klo->blo", share, self.up_bias),
            down=torch.einsum("blk,klio->blio", share, self.down),
            down_bias=torch.einsum("blk,klo->blo", share, self.down_bias),
            query=self.to_query(style).view(batch, c.layers, c.width),
            rest=self.to_rest(style),
            face=self.to_face(style),
            head=self.to_head(style),
            gain=1.0 + self.to_gain(style),
            event=self.to_event(style),
        )

    def init_state(self, style: StyleWeights) -> NetState:
        """A face at rest in this style, remembering nothing."""
        c, batch = self.config, len(style.code)
        memory = style.code.new_zeros(batch, c.layers, c.window, c.width)
        lips, eyes, pose = self.split_rest(style)
        return NetState(
            keys=memory,
            values=memory,
            valid=style.code.new_zeros(batch, c.window),
            lips=lips.clamp(0, 1),
            eyes=eyes.clamp(0, 1),
            pose=pose / self.pose_scale,
            face_h=style.code.new_zeros(batch, c.face),
            face_c=style.code.new_zeros(batch, c.face),
            head_h=style.code.new_zeros(batch, c.head),
            held=style.code.new_zeros(batch, noises.NORMAL),
        )

    def split_rest(self, style: StyleWeights) -> tuple[Tensor, Tensor, Tensor]:
        """Lips, eyes and (scaled) pose at rest."""
        c = self.config
        lips, eyes, pose = style.rest.split([len(c.strong), len(c.weak), len(POSE)], dim=-1)
        return lips, eyes, pose

    def lips(self, tokens: Tensor, ppg: Tensor, style: StyleWeights) -> Tensor:
        """Training form of the strong branch, all ticks at once: tokens [B, T, ppg + prosody +
        STRONG] -> unclipped lips [B, T, STRONG]."""
        c, time = self.config, tokens.shape[1]
        ticks = torch.arange(time, device=tokens.device)
        age = ticks[:, None] - ticks[None, :]
        seen = (age >= 0) & (age < c.window)
        place = (c.window - 1 - age).clamp(0, c.window - 1)
        x = self.embed(tokens)
        for layer in range(c.layers):
            bias = self.near[layer][:, place].masked_fill(~seen, -1e4)
            q, k, v = self._project(x, layer, style)
            x = x + self.merge[layer](self._mix(q, k, v, bias[None]))
            x = x + self._feed(x, layer, style)
        return self._lips_out(x, ppg, style)

    def _project(self, x: Tensor, layer: int, style: StyleWeights) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.attend[layer](self.norms[2 * layer](x)).chunk(3, dim=-1)
        return q + style.query[:, layer, None], k, v

    def _mix(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        """Attention of q [B, Tq, width] over k, v [B, Tk, width]; bias [B or 1, heads, Tq, Tk]."""
        heads = self.config.heads

        def split(x: Tensor) -> Tensor:
            return x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2)

        score = split(q) @ split(k).transpose(2, 3) / (q.shape[-1] // heads) ** 0.5 + bias
        return (score.softmax(-1) @ split(v)).transpose(1, 2).reshape(q.shape)

    def _feed(self, x: Tensor, layer: int, style: StyleWeights) -> Tensor:
        inner = self.norms[2 * layer + 1](x) @ style.up[:, layer] + style.up_bias[:, layer, None]
        return F.relu(inner) @ style.down[:, layer] + style.down_bias[:, layer, None]

    def _lips_out(self, x: Tensor, ppg: Tensor, style: StyleWeights) -> Tensor:
        # The PPG beside the transformer's output: viseme targets are close to linear in it.
        rest = self.split_rest(style)[0][:, None]
        return rest + self.lips_out(torch.cat([self.norms[-1](x), ppg], dim=-1))

    def face(
        self, ppg: Tensor, prosody: Tensor, events: Tensor, moved: Tensor, state: NetState,
        style: StyleWeights,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """Weak branch, one tick: -> unclipped eyes and brows [B, WEAK], new h, new c."""
        # Scaled as the network sees it: an angle of 10 degrees is 1.
        x = torch.cat(
            [state.eyes, state.pose * self.pose_scale, self.face_ppg(ppg), prosody, events, moved],
            -1,
        )
        gates = self.face_x(x) + self.face_r(state.face_h) + style.face
        i, f, g, o = gates.chunk(4, dim=-1)
        cell = (f + 1.0).sigmoid() * state.face_c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * cell.tanh()
        rest = self.split_rest(style)[1]
        return rest + self.face_out(torch.cat([h, moved], -1)), h, cell

    def head(
        self, prosody: Tensor, moved: Tensor, state: NetState, style: StyleWeights
    ) -> tuple[Tensor, Tensor]:
        """Head branch, one tick: -> pose [B, POSE] in network units, new h."""
        x = torch.cat([state.pose * self.pose_scale, prosody, moved], -1)
        xr, xz, xn = (self.head_x(x) + style.head).chunk(3, dim=-1)
        hr, hz, hn = self.head_r(state.head_h).chunk(3, dim=-1)
        z = (xz + hz).sigmoid()
        new = (xn + (xr + hr).sigmoid() * hn).tanh()
        h = (1 - z) * new + z * state.head_h
        rest = self.split_rest(style)[2]
        return rest + self.head_out(torch.cat([h, moved], -1)), h

    def event_odds(self, prosody: Tensor, state: NetState, style: StyleWeights) -> Tensor:
        """Log-odds [B, UNIFORM] that blink, glance, raise or shift starts at this tick."""
        return self.event(torch.cat([state.face_h, prosody], -1)) + style.event

    def renew(self, events: Tensor, normal: Tensor, held: Tensor) -> Tensor:
        """Where the events lead: held [B, NORMAL] renewed by those that happen now."""
        fresh = events @ self.renews
        return fresh * normal + (1 - fresh) * held

    def moves(self, held: Tensor, slow: Tensor, style: StyleWeights) -> tuple[Tensor, Tensor]:
        """What noise does to the face and to the head: two [B, NORMAL + SLOW]."""
        both = torch.cat([held, slow], -1)
        eyes, head = style.gain.chunk(2, dim=-1)
        return both * eyes, both * head

    def tick(
        self, ppg: Tensor, prosody: Tensor, noise: Tensor, state: NetState, style: StyleWeights
    ) -> tuple[Tensor, Tensor, NetState]:
        """One tick: ppg [B, 80], prosody [B, 12], noise [B, WIDTH] -> weights [B, 52], pose [B, 6],
        state."""
        c = self.config
        uniform, normal, slow = noise.split([noises.UNIFORM, noises.NORMAL, noises.SLOW], dim=-1)
        keys, values, valid, lips = self._lips_tick(ppg, prosody, state, style)
        events = (uniform < self.event_odds(prosody, state, style).sigmoid()).to(noise.dtype)
        held = self.renew(events, normal, state.held)
        eyes_moved, head_moved = self.moves(held, slow, style)
        eyes, face_h, face_c = self.face(ppg, prosody, events, eyes_moved, state, style)
        pose, head_h = self.head(prosody, head_moved, state, style)
        lips, eyes = lips.clamp(0, 1), eyes.clamp(0, 1)
        lips = self._slewed(lips, state.lips, c.slew)
        calm = self._slewed(eyes, state.eyes, c.slew)
        eyes = self.lids * eyes + (1 - self.lids) * calm
        pose = pose / self.pose_scale
        pose = state.pose + ((pose - state.pose) / self.pose_slew).clamp(-1, 1) * self.pose_slew
        weights = torch.cat([lips, eyes], -1)[:, self.order]
        after = NetState(keys, values, valid, lips, eyes, pose, face_h, face_c, head_h, held)
        return weights, pose, after

    @staticmethod
    def _slewed(wanted: Tensor, before: Tensor, most: float) -> Tensor:
        return before + ((wanted - before) / most).clamp(-1, 1) * most

    def _lips_tick(
        self, ppg: Tensor, prosody: Tensor, state: NetState, style: StyleWeights
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        c = self.config
        valid = torch.cat([state.valid[:, 1:], torch.ones_like(state.valid[:, :1])], 1)
        hidden = ((1 - valid) * -1e4)[:, None, None]
        x = self.embed(torch.cat([ppg, prosody, state.lips], -1))[:, None]
        keys, values = [], []
        for layer in range(c.layers):
            q, k, v = self._project(x, layer, style)
            keys.append(torch.cat([state.keys[:, layer, 1:], k], 1))
            values.append(torch.cat([state.values[:, layer, 1:], v], 1))
            bias = self.near[layer][None, :, None] + hidden
            x = x + self.merge[layer](self._mix(q, keys[-1], values[-1], bias))
            x = x + self._feed(x, layer, style)
        lips = self._lips_out(x, ppg[:, None], style)[:, 0]
        return torch.stack(keys, 1), torch.stack(values, 1), valid, lips
