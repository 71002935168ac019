"""Torch form of the decoder: strong (lips), weak (eyes and brows) and head branch, one style.

Strong: causal transformer over PPG ticks, not autoregressive (VAST Eq. 4); its feed-forward weights
and its output layer are mixed from K experts by the style code once per style (StyleTalk++ Eq.
12-13). Weak: autoregressive LSTM on its own past, dropped-out PPG, prosody and style (VAST Eq. 3),
with sampled events. Head: GRU on prosody, the previous pose and style. Contract: `tick` maps
(inputs, noise, state, style) to (motion, state) with every state an argument, batch first; runtime
form in engine.motion.decoder.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.face.blendshapes import ARKIT
from engine.frames import BLENDSHAPES, FPS, POSE
from engine.motion import noise as noises
from engine.nets.decoder_state import (
    POSE_SCALE,
    RENEWS,
    DecoderConfig,
    NetState,
    StyleWeights,
)


def split_noise(noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Columns of a noise row: uniform, normal, slow."""
    a, b = noises.UNIFORM, noises.UNIFORM + noises.NORMAL
    return noise[..., :a], noise[..., a:b], noise[..., b:]


def _reader(code: int, hidden: int, out: int) -> nn.Sequential:
    """What turns a style code into numbers."""
    return nn.Sequential(nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, out))


class DecoderNet(nn.Module):
    """All three branches."""

    # Parameters of the strong branch; all others belong to the weak and the head branch.
    LIPS = ("embed", "norms", "attend", "merge", "near", "out", "up", "up_bias", "down",
            "down_bias", "mix", "lip_style", "to_query", "to_lips")  # fmt: skip

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = c = config
        strong, weak, pose = len(c.strong), len(c.weak), len(POSE)
        moved = noises.NORMAL + noises.SLOW
        self.embed = nn.Linear(c.ppg + c.prosody, c.width)
        self.norms = nn.ModuleList(nn.LayerNorm(c.width) for _ in range(2 * c.layers + 1))
        self.attend = nn.ModuleList(nn.Linear(c.width, 3 * c.width) for _ in range(c.layers))
        self.merge = nn.ModuleList(nn.Linear(c.width, c.width) for _ in range(c.layers))
        self.near = nn.Parameter(torch.zeros(c.layers, c.heads, c.window))
        self.drop = nn.Dropout(c.dropout)

        self.up = nn.Parameter(torch.randn(c.experts, c.layers, c.width, c.hidden) * 0.1)
        self.up_bias = nn.Parameter(torch.zeros(c.experts, c.layers, c.hidden))
        self.down = nn.Parameter(torch.randn(c.experts, c.layers, c.hidden, c.width) * 0.05)
        self.down_bias = nn.Parameter(torch.zeros(c.experts, c.layers, c.width))
        self.out = nn.Parameter(torch.randn(c.experts, c.width + c.ppg, strong) * 0.02)
        # Lips and face read the code each in its own way, so that they can be trained apart; the
        # head reads its own part only, so that it may come from another person.
        self.mix = _reader(c.expression, c.style, (c.layers + 1) * c.experts)
        self.lip_style = _reader(c.expression, c.style, c.style)
        self.face_style = _reader(c.expression, c.style, c.style)
        self.head_style = _reader(c.code - c.expression, c.style, c.style)
        self.to_query = nn.Linear(c.style, c.layers * c.width)
        self.to_lips = nn.Linear(c.style, strong)
        self.to_rest = nn.Linear(c.style, weak)
        self.to_face = nn.Linear(c.style, 4 * c.face)
        self.to_gain = nn.Linear(c.style, moved)
        self.to_event = nn.Linear(c.style, noises.UNIFORM - 1)
        self.to_place = nn.Linear(c.style, pose)
        self.to_head = nn.Linear(c.style, 3 * c.head)
        self.to_sway = nn.Linear(c.style, moved)
        self.to_shift = nn.Linear(c.style, 1)

        self.face_ppg = nn.Linear(c.ppg, 16)
        face_in = weak + pose + 16 + c.prosody + noises.UNIFORM + moved
        self.face_x = nn.Linear(face_in, 4 * c.face)
        self.face_r = nn.Linear(c.face, 4 * c.face, bias=False)
        self.face_out = nn.Linear(c.face + moved, weak)
        self.event = nn.Linear(c.face + c.prosody, noises.UNIFORM)
        self.head_x = nn.Linear(pose + c.prosody + moved, 3 * c.head)
        self.head_r = nn.Linear(c.head, 3 * c.head)
        self.head_out = nn.Linear(c.head + moved, pose)

        self._constants()

    def _constants(self) -> None:
        c = self.config
        renews = torch.zeros(noises.UNIFORM, noises.NORMAL)
        for event, columns in enumerate(RENEWS):
            renews[event, list(columns)] = 1.0
        self.renews: Tensor
        self.pose_scale: Tensor
        self.pose_slew: Tensor
        self.lids: Tensor
        self.order: Tensor
        self.least: Tensor
        self.register_buffer("renews", renews, persistent=False)
        self.register_buffer("pose_scale", torch.tensor(POSE_SCALE), persistent=False)
        slew = [c.slew_degrees] * 3 + [c.slew_place] * 3
        self.register_buffer("pose_slew", torch.tensor(slew), persistent=False)
        # Nobody blinks less often, whatever the style.
        least = [c.blinks_per_minute / 60 / FPS] + [0.0] * (noises.UNIFORM - 1)
        self.register_buffer("least", torch.tensor(least), persistent=False)
        lids = [float(ARKIT[i].startswith("eyeBlink")) for i in c.weak]
        self.register_buffer("lids", torch.tensor(lids), persistent=False)
        joined = [*c.strong, *c.weak]
        order = [joined.index(i) for i in range(BLENDSHAPES)]
        self.register_buffer("order", torch.tensor(order), persistent=False)

    def prepare(self, code: Tensor) -> StyleWeights:
        """Style code [B, CODE] -> StyleWeights; once per style, cached by the runtime."""
        c, batch = self.config, code.shape[0]
        expression, head_part = code[:, : c.expression], code[:, c.expression :]
        shares = self.mix(expression).view(batch, c.layers + 1, c.experts).softmax(-1)
        share, last = shares[:, :-1], shares[:, -1]
        lips, face = self.lip_style(expression), self.face_style(expression)
        head = self.head_style(head_part)
        return StyleWeights(
            code=code,
            up=torch.einsum("blk,klio->blio", share, self.up),
            up_bias=torch.einsum("blk,klo->blo", share, self.up_bias),
            down=torch.einsum("blk,klio->blio", share, self.down),
            down_bias=torch.einsum("blk,klo->blo", share, self.down_bias),
            out=torch.einsum("bk,kio->bio", last, self.out),
            query=self.to_query(lips).view(batch, c.layers, c.width),
            rest=torch.cat([self.to_lips(lips), self.to_rest(face), self.to_place(head)], -1),
            face=self.to_face(face),
            head=self.to_head(head),
            gain=1.0 + torch.cat([self.to_gain(face), self.to_sway(head)], -1),
            # Blink, glance and raise are the face's, a shift of posture is the head's.
            event=torch.cat([self.to_event(face), self.to_shift(head)], -1),
        )

    def init_state(self, style: StyleWeights) -> NetState:
        """A face at rest in this style, remembering nothing."""
        c, batch = self.config, len(style.code)
        memory = style.code.new_zeros(batch, c.layers, c.window, c.width)
        lips, eyes, pose = self.rest(style)
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

    def rest(self, style: StyleWeights) -> tuple[Tensor, Tensor, Tensor]:
        """Lips, eyes and (scaled) pose at rest."""
        a, b = len(self.config.strong), len(self.config.strong) + len(self.config.weak)
        return style.rest[..., :a], style.rest[..., a:b], style.rest[..., b:]

    def lips(
        self, tokens: Tensor, ppg: Tensor, style: StyleWeights, forgets: Tensor | None = None
    ) -> Tensor:
        """Training form of the strong branch, all ticks at once: tokens [B, T, ppg + prosody] ->
        unclipped lips [B, T, STRONG]. `forgets` [B]: the tick at which an interrupt drops the
        context (0: none)."""
        c, time = self.config, tokens.shape[1]
        ticks = torch.arange(time, device=tokens.device)
        age = ticks[:, None] - ticks[None, :]
        seen = ((age >= 0) & (age < c.window))[None]
        if forgets is not None:
            cut = forgets[:, None, None]
            seen = seen & ~((ticks[:, None] >= cut) & (ticks[None, :] < cut))
        place = (c.window - 1 - age).clamp(0, c.window - 1)
        x = self.drop(self.embed(tokens))
        for layer in range(c.layers):
            bias = self.near[layer][:, place][None].masked_fill(~seen[:, None], -1e4)
            q, k, v = self._project(x, layer, style)
            x = x + self.drop(self.merge[layer](self._mix(q, k, v, bias)))
            x = x + self.drop(self._feed(x, layer, style))
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
        mixed: Tensor = (score.softmax(-1) @ split(v)).transpose(1, 2).reshape(q.shape)
        return mixed

    def _feed(self, x: Tensor, layer: int, style: StyleWeights) -> Tensor:
        inner = self.norms[2 * layer + 1](x) @ style.up[:, layer] + style.up_bias[:, layer, None]
        fed: Tensor = F.relu(inner) @ style.down[:, layer] + style.down_bias[:, layer, None]
        return fed

    def _lips_out(self, x: Tensor, ppg: Tensor, style: StyleWeights) -> Tensor:
        # The PPG beside the transformer's output: viseme targets are close to linear in it.
        lips: Tensor = torch.cat([self.norms[-1](x), ppg], dim=-1) @ style.out
        return lips + self.rest(style)[0][:, None]

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
        rest = self.rest(style)[1]
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
        rest = self.rest(style)[2]
        return rest + self.head_out(torch.cat([h, moved], -1)), h

    def event_odds(self, prosody: Tensor, state: NetState, style: StyleWeights) -> Tensor:
        """Log-odds [B, UNIFORM] that blink, glance, raise or shift starts at this tick."""
        odds: Tensor = self.event(torch.cat([state.face_h, prosody], -1)) + style.event
        return odds

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
        """One tick: ppg [B, 120], prosody [B, 12], noise [B, WIDTH] -> weights [B, 52], pose
        [B, 6], state."""
        c = self.config
        uniform, normal, slow = split_noise(noise)
        keys, values, valid, lips = self._lips_tick(ppg, prosody, state, style)
        chance = self.event_odds(prosody, state, style).sigmoid()
        events = (uniform < torch.maximum(chance, self.least)).to(noise.dtype)
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
        x = self.embed(torch.cat([ppg, prosody], -1))[:, None]
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
