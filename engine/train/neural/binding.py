"""A trained painter into an avatar's package, with a card that says what it is and what it can do.

Weights belong to a mesh: the texture's places are kept for each triangle's corners. Training sets
therefore carry the mesh's fingerprint, and a set of another mesh is refused.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from engine.errors import PackageError
from engine.face import learned
from engine.face.learned import FILE, Config, Learned, dump
from engine.face.package import ASSETS, Package, load, names
from engine.frames import F32
from engine.nets.unet import UNet, UNetConfig
from engine.render.atlas import atlas
from engine.train.neural.shots import Shots
from engine.train.neural.trainer import Painter

CARD = "renderer.md"
_PLAIN = 256  # texels a side up to which a texture is kept in float16
_BESIDE = "## The small network beside it"
_BEFORE = "## The look it began with"


def fingerprint(package: Package) -> str:
    """Of a mesh at rest and of its atlas, as renderer.safetensors keeps it."""
    return learned.fingerprint(package.mesh, atlas(package))


def check(shots: Shots, package: Package) -> None:
    """Raises PackageError when the shots were taken of another mesh."""
    found = shots.meshes
    if found != {fingerprint(package)}:
        raise PackageError(
            f"the shots show meshes {sorted(found)}, avatar {package.name} has "
            f"{fingerprint(package)}: make the shots again"
        )


def bind(
    source: str | Path, out: Path, painter: Painter, config: Config, about: Mapping[str, Any],
    notes: str = "", past: str = "",
) -> Package:  # fmt: skip
    """Write a copy of package `source` (a name or a folder) with renderer.safetensors and a card
    into folder `out`, which may be `source` itself; returns it, read back.

    about: of engine.train.neural.course.fit; notes: lines for the card: data, licence, command;
    past: the card's end, of `before`.
    """
    package = _copied(source, out)
    net = _complete(painter.net)
    config = replace(
        config, size=net.config.size, x2=config.x2 and painter.net.config.detail > 0,
        recurrent=net.config.hidden > 0,
        trained={**config.trained, **told(about), "mesh": fingerprint(package)},
    )  # fmt: skip
    texture = painter.texture.detach()[0].permute(1, 2, 0).cpu().numpy()
    packed = _packs(config, texture)
    data = dump(config, texture, atlas(package), _numbers(net), packed=packed)
    (out / FILE).write_bytes(data)
    (out / CARD).write_text(card(package.name, config, about, notes) + past)
    return load(out)


def bind_small(
    source: str | Path, out: Path, small: Painter, about: Mapping[str, Any], notes: str = ""
) -> Package:
    """As `bind`, but the package's large look stays as it is: a small network that was trained
    with its texture is put beside it, and a section about it into the card. Raises PackageError
    for a package without a look."""
    package = _copied(source, out)
    look = shared(package)
    new = {f"small_{name}": value for name, value in told(about).items()}
    old = {k: v for k, v in look.config.trained.items() if not k.startswith("small_")}
    config = replace(look.config, trained={**old, **new})
    weights = _numbers(_complete(small.net))
    packed = _packs(config, look.texture)
    data = dump(config, look.texture, look.corner_uv, look.weights, weights, packed)
    (out / FILE).write_bytes(data)
    path = out / CARD
    before = path.read_text().split(_BESIDE)[0].rstrip() if path.is_file() else ""
    section = f"Trained with its texture, which stays as it is, in {_length(about)}."
    path.write_text(f"{before}\n\n{_BESIDE}\n\n{section}\n\n{_results(about, notes)}".lstrip())
    return load(out)


def shared(package: Package) -> Learned:
    """The look whose texture a small network may share. Raises PackageError."""
    look = package.learned
    if look is None or look.config.size == "small" or look.config.recurrent:
        raise PackageError(
            f"avatar {package.name} has no large look that remembers nothing, expected one to put "
            "a small network beside: train it first"
        )
    return look


def _packs(config: Config, texture: npt.NDArray[Any]) -> bool:
    """Whether the texture is kept in bytes: the cast travels in the repository, and a large texture
    would be most of a look. It costs .004 dB."""
    return config.kind == "teacher" and len(texture) > _PLAIN


def before(source: str | Path) -> str:
    """For the notes of a look that goes on from package `source`: what its card says, as a section;
    "" if it has none."""
    folder = ASSETS / str(source) if str(source) in names() else Path(source)
    if not (folder / CARD).is_file():
        return ""
    said = (folder / CARD).read_text().split(_BESIDE)[0].partition("\n")[2].strip()
    return f"\n\n{_BEFORE}\n\n{said}\n"


def _copied(source: str | Path, out: Path) -> Package:
    """Package `source`, whose files are in folder `out` from now on."""
    folder = ASSETS / str(source) if str(source) in names() else Path(source)
    package = load(folder)
    if out.resolve() != folder.resolve():
        shutil.copytree(folder, out, dirs_exist_ok=True)
    return package


def _numbers(net: UNet) -> dict[str, F32]:
    return {name: value.cpu().numpy() for name, value in net.state_dict().items()}


def _complete(net: UNet) -> UNet:
    """With the head that doubles: as it starts, bilinear, where it was not trained."""
    if net.config.detail:
        return net
    recurrent = net.config.hidden > 0
    whole = UNet(UNetConfig.of(net.config.size, x2=True, recurrent=recurrent))
    whole.load_state_dict(net.state_dict(), strict=False)
    return whole


def told(about: Mapping[str, Any]) -> dict[str, Any]:
    """The flat part of `about` that travels in the header."""
    flat = {name: about[name] for name in ("steps", "frames", "minutes", "device") if name in about}
    kind = "held" if about["held"] else "trained"
    measured = {f"{kind}_{name}": value for name, value in about["measured"].items()}
    return {**flat, "seed": about["recipes"][0]["seed"], **measured}


def card(name: str, config: Config, about: Mapping[str, Any], notes: str) -> str:
    """Markdown beside the weights."""
    return (
        f"# Neural look of {name}: card\n\n"
        f"`{FILE}`: {config.kind}, {config.size} network and a neural texture, trained by "
        f"`engine.train.neural` on {about['frames']} frames in {_length(about)}.\n\n"
        f"{_results(about, notes)}"
    )


def _length(about: Mapping[str, Any]) -> str:
    return f"{about['steps']} steps, {about['minutes']} minutes on one {about['device']}"


def _results(about: Mapping[str, Any], notes: str) -> str:
    """What was done and what it can do."""
    rows = "\n".join(f"| {key} | {value:g} |" for key, value in about["measured"].items())
    which = (
        "held-out frames, never trained on" if about["held"] else "frames that it was trained on"
    )
    recipes = "\n".join(f"- `{json.dumps(recipe)}`" for recipe in about["recipes"])
    begun = (
        f"It began with weights whose CRC-32 is {about['start']}.\n\n" if "start" in about else ""
    )
    return (
        f"{notes}\n{begun}"
        f"Means over {which} (dB; SSIM of luma):\n\n"
        f"| | |\n|---|---|\n{rows}\n\n"
        "Recipe, one more for each step from which on it was changed; a schedule by minutes takes "
        f"more or fewer steps on another machine:\n\n{recipes}\n"
    )
