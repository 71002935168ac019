"""A system of the papers: a style encoder and a decoder, built from a config that travels with the
weights (safetensors, half precision, JSON header). Ablations are configs, nothing else.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load as unpack
from safetensors.torch import save as pack
from torch import Tensor, nn

from engine.errors import WeightsError
from engine.frames import BLENDSHAPES
from engine.nets.papers.fusion import FusionDecoder, FusionShape
from engine.nets.papers.head import HeadDecoder, HeadShape
from engine.nets.papers.speech import MOTION, Reference, Speech
from engine.nets.papers.styletalk import FaceDecoder, FaceShape
from engine.nets.papers.templates import TemplateEncoder
from engine.nets.papers.transfer import TransferDecoder, TransferShape
from engine.nets.papers.vast import VastDecoder, VastShape
from engine.nets.style import (
    StatisticsEncoder,
    StyleEncoder,
    StyleTalkEncoder,
    StyleTalkPair,
    VastEncoder,
)

KEY = "vivify"
Family = Literal["vast", "fusion", "face", "head", "transfer"]
Code = Literal["statistics", "statistics with means", "vast", "styletalk", "templates"]


@dataclass(frozen=True)
class PaperConfig:
    """What a run trains."""

    family: Family
    code: Code
    styled: bool = True  # False: every style is the average one (ablation)
    flows: int = 4
    enhanced: bool = True
    experts: int = 8
    split: bool = True
    autoregressive: bool = True
    dropout: float | None = None  # of the sound; None: the decoder's own
    initial: bool = True
    # Which parts of the objective are left out: "sync", "style", "temporal".
    without: tuple[str, ...] = field(default=())


def make_encoder(config: PaperConfig) -> StyleEncoder:
    """The style encoder of a config; the branches of StyleTalk++ see their own columns only."""
    if config.code.startswith("statistics"):
        return StatisticsEncoder(config.code.endswith("means"))
    if config.code == "vast":
        return VastEncoder(flows=config.flows, enhanced=config.enhanced)
    if config.code == "templates":
        return TemplateEncoder()
    if config.family == "face":
        return StyleTalkEncoder((0, BLENDSHAPES))
    if config.family == "head":
        return StyleTalkEncoder((BLENDSHAPES, MOTION), 16, width=32, hidden=64)
    return StyleTalkPair()


Decoder = VastDecoder | FusionDecoder | FaceDecoder | HeadDecoder | TransferDecoder


def make_decoder(config: PaperConfig, code: int) -> Decoder:
    """The decoder of a config, for codes of `code` values."""
    if config.family == "vast":
        return VastDecoder(VastShape(code, autoregressive=config.autoregressive))
    if config.family == "fusion":
        drop = FusionShape.dropout if config.dropout is None else config.dropout
        return FusionDecoder(FusionShape(code, dropout=drop))
    if config.family == "face":
        return FaceDecoder(FaceShape(code, experts=config.experts, split=config.split))
    if config.family == "head":
        return HeadDecoder(HeadShape(code, initial=config.initial))
    return TransferDecoder(TransferShape(code))


class System(nn.Module):
    """Stage with a style: `encode` a reference, `init_state` with its code, `step` the speech."""

    latency = 0

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = make_encoder(config)
        self.decoder: Decoder = make_decoder(config, self.encoder.face + self.encoder.head)

    def encode(self, reference: Reference) -> Tensor:
        """The code [B, D] of a reference; zeros where the system knows no styles."""
        code = self.encoder.encode(reference)
        return code if self.config.styled else torch.zeros_like(code)

    def init_state(self, batch: int, code: Tensor | None = None, pose: Tensor | None = None) -> Any:
        """Before the first tick, in the style of `code` (default: the average one)."""
        return self.decoder.init_state(batch, code, pose)

    def step(self, x: Speech, state: Any) -> tuple[Tensor, Any]:
        """Advance by T ticks."""
        made: tuple[Tensor, Any] = self.decoder.step(x, state)
        return made

    def forward(self, x: Speech) -> Tensor:
        """The whole clip in the average style."""
        return self.step(x, self.init_state(len(x.ppg)))[0]

    def save(self, path: Path, about: dict[str, Any]) -> None:
        """Half-precision weights with config and `about` in the header."""
        tensors = {
            name: value.half().contiguous() if value.is_floating_point() else value
            for name, value in self.state_dict().items()
        }
        header = {"config": asdict(self.config), "about": about}
        path.write_bytes(pack(tensors, {KEY: json.dumps(header)}))


def load(path: Path) -> System:
    """Read a system. Raises WeightsError when it is missing or does not fit this code."""
    if not path.is_file():
        raise WeightsError(
            f"{path.name} not found in {path.parent.name}; restore it with git or run "
            "python -m engine.train papers"
        )
    data = path.read_bytes()
    try:
        config = dict(header(data)["config"])
        config["without"] = tuple(config["without"])
        system = System(PaperConfig(**config))
        system.load_state_dict({k: v.float() for k, v in unpack(data).items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise WeightsError(
            f"{path.name} does not fit this Vivify ({type(error).__name__}: {str(error)[:120]}); "
            "restore it with git or run python -m engine.train papers"
        ) from error
    return system.eval()


def header(data: bytes) -> dict[str, Any]:
    """JSON header of a safetensors file of ours. Raises KeyError or ValueError."""
    length = int.from_bytes(data[:8], "little")
    found: dict[str, Any] = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][KEY])
    return found
