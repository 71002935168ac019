"""Packages with a neural look, as small as they can be: for tests."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.face import package
from engine.face.learned import FILE, PHOTOGRAPHIC, Config, dump
from engine.nets.unet import UNet, UNetConfig
from engine.render.atlas import atlas

SIDE = 32  # texels of the texture


def weights(config: Config, noise: float = 0.0, seed: int = 0) -> dict[str, np.ndarray]:
    """Those of a fresh network, which draws the plain texture, with noise in every one."""
    torch.manual_seed(seed)
    net = UNet(UNetConfig.of(config.size, recurrent=config.recurrent))
    random = np.random.default_rng(seed)
    return {
        name: value.numpy() + noise * random.normal(size=value.shape).astype(np.float32)
        for name, value in net.state_dict().items()
    }


def learned(config: Config, noise: float = 0.0, beside: bool = False) -> bytes:
    """renderer.safetensors for mira: a smooth random texture; `beside`: with a small network
    too."""
    random = np.random.default_rng(1)
    texture = random.uniform(0.2, 0.8, (SIDE, SIDE, 8)).astype(np.float32)
    small = weights(replace(config, size="small"), noise, 1) if beside else None
    return dump(config, texture, atlas(package.load("mira")), weights(config, noise), small)


def dressed(
    where: Path, config: Config, noise: float = 0.0, beside: bool = False, **pictures: Any
) -> Path:  # fmt: skip
    """A copy of mira with such a look, if it is a photograph's of nobody; `pictures`: PNGs by
    name."""
    shutil.copytree(package.ASSETS / "mira", where)
    (where / FILE).write_bytes(learned(config, noise, beside))
    if config.kind in PHOTOGRAPHIC:
        spec = json.loads((where / "avatar.json").read_text())
        spec["likeness"] = {"of": "invented person", "consent": None, "mark": False}
        (where / "avatar.json").write_text(json.dumps(spec))
    for name, picture in pictures.items():
        picture.save(where / f"{name}.png")
    return where


def changed(config: Config, tensors: Mapping[str, np.ndarray]) -> bytes:
    """renderer.safetensors of a small mira with other weights."""
    texture = np.full((SIDE, SIDE, 8), 0.5, np.float32)
    return dump(config, texture, atlas(package.load("mira")), tensors)
