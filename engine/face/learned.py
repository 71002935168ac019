"""`renderer.safetensors` -> Learned: a neural look that was trained for one avatar; every value
checked.

It holds numbers for one of the engine's own networks, never a network: its tensors are held
against the graph's names and shapes when they are put there (engine.render.neural).
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from engine.errors import PackageError
from engine.face.archive import parsed
from engine.face.fields import LINE, NAME, Fields
from engine.face.tensors import Mesh

FILE = "renderer.safetensors"
LIMIT = 48 << 20  # bytes of the file
KEY, VERSION = "vivify", 1
SIZES = ("small", "large")  # of the network
KINDS = ("teacher", "person", "portrait")
PHOTOGRAPHIC = ("person", "portrait")  # kinds that look like somebody: packages must say whom
CHANNELS = 8  # of the texture; the first three are colours
SIDES = 16, 1024  # texels
STEPS = 65535  # of corner_uv in [0, 1]
WIDEST = 0.5  # of the picture's shorter side
_LARGEST = 64.0  # a texel; colours lie in [0, 1]
_WEIGHTS, _ELEMENTS = 400, 8_000_000  # tensors of the network, and numbers in all of them
_RANGE = "texture_range"
_NET, _SMALL = "net", "small"  # what the names of each network's tensors begin with
_WEIGHT = r"([a-z][a-z0-9_]{0,31}\.){1,6}[a-z][a-z0-9_]{0,31}"
_OVAL = 400  # most vertices of `erode`
_TRAINED = 32  # most entries about the training
_FIGURE = 1e15  # largest number among them
_ANY_VERTEX = 1 << 16  # vertices that a mesh may have numbers for

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Tensors = dict[str, npt.NDArray[np.float16]]


@dataclass(frozen=True, slots=True)
class Erode:
    """What of the picture behind the network may not see: a hull about some vertices, widened."""

    vertices: tuple[int, ...]
    widen: float  # share of the picture's shorter side by which the hull grows

    def __post_init__(self) -> None:
        if len(self.vertices) < 3 or not 0 <= self.widen <= WIDEST:
            raise PackageError(
                f"erode has {len(self.vertices)} vertices and widen {self.widen!r:.20}, expected 3 "
                f"or more and 0 to {WIDEST}"
            )


@dataclass(frozen=True, slots=True)
class Config:
    """The JSON header of renderer.safetensors."""

    size: str  # of SIZES
    kind: str  # of KINDS
    x2: bool = True  # whether the head that doubles the picture's size is trained
    ppg: bool = True  # whether it listens
    recurrent: bool = False  # whether it remembers
    default: bool = False  # drawn with it unless asked otherwise
    background: str | None = None  # PNG of the package: the picture that was behind
    erode: Erode | None = None  # None: the network sees nothing of the background
    trained: Mapping[str, Any] = field(default_factory=dict)  # how: lines, numbers, flags


@dataclass(frozen=True, slots=True)
class Learned:
    """A checked neural look; arrays are read-only."""

    config: Config
    texture: npt.NDArray[np.float16]  # [R, R, CHANNELS]
    corner_uv: F32  # [F, 3, 2] place of each triangle's corners in the texture
    weights: Tensors  # by name in the network's graph
    plate: U8 | None = None  # [H, W, 3] the picture that was behind
    small: Tensors | None = None  # of the small network over the same texture, beside a large one

    def lighter(self) -> "Learned":
        """The same look as the small network beside the large one draws it. Raises PackageError
        where there is none."""
        if self.small is None:
            raise PackageError(
                f"{FILE} has no small network beside its {self.config.size} one: train it with "
                "python -m engine.train renderer teacher --beside"
            )
        config = replace(self.config, size="small")
        return replace(self, config=config, weights=self.small, small=None)


def fingerprint(mesh: Mesh, corner_uv: F32) -> str:
    """Of a mesh at rest and of the places of its triangles' corners as the file keeps them: a
    texture fits no other. `Config.trained` has it under "mesh"."""
    code = 0
    places = np.rint(corner_uv * STEPS).astype("<u2")
    for array in (mesh.position, mesh.triangle, mesh.material, places):
        code = zlib.crc32(np.ascontiguousarray(array).tobytes(), code)
    return f"{code:08x}"


def dump(
    config: Config, texture: npt.NDArray[Any], corner_uv: F32,
    weights: Mapping[str, npt.NDArray[Any]], small: Mapping[str, npt.NDArray[Any]] | None = None,
    packed: bool = False,
) -> bytes:  # fmt: skip
    """The file's bytes. texture [R, R, CHANNELS], corner_uv [F, 3, 2] in [0, 1], weights by name
    in the network's state, `small`: those of the small network beside a large one, `packed`: the
    texture in bytes, half the size; raises PackageError for what `read` would refuse."""
    about: dict[str, Any] = {
        "version": VERSION, "size": config.size, "kind": config.kind, "x2": config.x2,
        "ppg": config.ppg, "recurrent": config.recurrent, "default": config.default,
        "background": config.background, "trained": dict(config.trained),
    }  # fmt: skip
    if config.erode is not None:
        about["erode"] = {
            "vertices": [*config.erode.vertices], "widen": config.erode.widen, "filled": True,
        }  # fmt: skip
    uv = np.rint(np.clip(np.nan_to_num(corner_uv), 0, 1) * STEPS).astype(np.uint16)
    with np.errstate(over="ignore"):  # what float16 cannot hold is refused below
        tensors: dict[str, npt.NDArray[Any]] = {
            **(_packed(texture) if packed else {"texture": texture.astype(np.float16)}),
            "corner_uv": uv,
        }
        for prefix, net in ((_NET, weights), (_SMALL, small or {})):
            for name, value in net.items():
                tensors[f"{prefix}.{name}"] = value.astype(np.float16)
    # safetensors writes an array's memory as it lies, whatever the order of its axes.
    laid = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    data = save(laid, {KEY: json.dumps(about)})
    read(data, len(corner_uv), _ANY_VERTEX)
    return data


def read(data: bytes, triangles: int, vertices: int) -> Learned:
    """Check the bytes of renderer.safetensors for a mesh of so many triangles and vertices.

    Raises PackageError. The plate is the caller's to read.
    """
    config = _config(_header(data), vertices)
    try:
        stored = load(data)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise PackageError(f"{FILE} is damaged: {error}") from error
    if missing := {"texture", "corner_uv"} - set(stored):
        raise PackageError(f"{FILE} lacks {sorted(missing)}")
    texture, uv = stored.pop("texture"), stored.pop("corner_uv")
    side = texture.shape[0] if texture.ndim else 0
    reach = stored.pop(_RANGE, None)
    _shaped("texture", texture, "float16" if reach is None else "uint8", (side, side, CHANNELS))
    if not SIDES[0] <= side <= SIDES[1]:
        raise PackageError(f"{FILE}: texture has {side} texels a side, expected {SIDES}")
    if reach is not None:
        _shaped(_RANGE, reach, "float16", (2, CHANNELS))
        _finite(_RANGE, reach)
        texture = _unpacked(texture, reach)
    _finite("texture", texture)
    if (peak := float(np.abs(texture).max())) > _LARGEST:
        raise PackageError(f"{FILE}: texture reaches {peak:g}, expected at most {_LARGEST:g}")
    _shaped("corner_uv", uv, "uint16", (triangles, 3, 2))
    own, small = _sorted(stored)
    if small and (config.size == "small" or config.recurrent):
        raise PackageError(
            f"{FILE} has {_SMALL}.* beside a {'recurrent' if config.recurrent else 'small'} "
            "network, expected them beside a large one that remembers nothing"
        )
    made = Learned(
        config, texture, (uv / np.float32(STEPS)).astype(np.float32), _weights(own, _NET),
        small=_weights(small, _SMALL) if small else None,
    )  # fmt: skip
    for array in (texture, made.corner_uv, *made.weights.values(), *(made.small or {}).values()):
        array.flags.writeable = False
    return made


def _header(data: bytes) -> Any:
    """The JSON under KEY in a safetensors header."""
    try:
        length = int.from_bytes(data[:8], "little")
        if not 2 <= length <= min(len(data) - 8, 1 << 20):
            raise ValueError("its header has no sane length")
        about = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        text = about[KEY]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PackageError(
            f"{FILE} is no neural renderer (safetensors with a {KEY!r} header): {error}"
        ) from error
    return parsed(text, FILE)


def _config(value: Any, vertices: int) -> Config:
    f = Fields(value, FILE)
    if (version := f.take("version")) != VERSION or isinstance(version, bool):
        raise PackageError(f"{FILE}: version {version!r:.20}, this build reads {VERSION}")
    background = f.take("background")
    if background is not None and not (
        isinstance(background, str) and re.fullmatch(NAME, background)
    ):
        raise PackageError(
            f"{FILE}.background is {background!r:.60}, expected a plain name or null"
        )
    config = Config(
        size=f.choice("size", SIZES),
        kind=f.choice("kind", KINDS),
        x2=f.flag("x2"),
        ppg=f.flag("ppg"),
        recurrent=f.flag("recurrent"),
        default=f.flag("default"),
        background=background,
        erode=_erode(f.inner("erode"), vertices) if "erode" in f else None,
        trained=_trained(f.inner("trained")),
    )
    f.done()
    if config.erode is not None and background is None:
        raise PackageError(f"{FILE}: erode without a background: name the picture that was behind")
    return config


def _plain(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(NAME, name) is not None


def _erode(f: Fields, vertices: int) -> Erode:
    rows = f.rows("vertices", 3, _OVAL)
    for row in rows:
        if isinstance(row, bool) or not isinstance(row, int) or not 0 <= row < vertices:
            raise PackageError(f"{f.where}.vertices has {row!r:.20}, expected a vertex number")
    if len(set(rows)) < len(rows):
        raise PackageError(f"{f.where}.vertices names a vertex twice")
    made = Erode(tuple(rows), f.number("widen", 0, WIDEST))
    # Networks that learned with a black hole draw a halo around one that is filled.
    if "filled" not in f or f.take("filled") is not True:
        raise PackageError(
            f"{f.where}.filled is not true: the look was made for an older version of this build, "
            "make it again with python -m demos.make_avatar video"
        )
    f.done()
    return made


def _trained(f: Fields) -> dict[str, Any]:
    found = f.rest()
    if len(found) > _TRAINED:
        raise PackageError(f"{f.where} has {len(found)} entries, expected at most {_TRAINED}")
    for name, value in found.items():
        line = isinstance(value, str) and re.fullmatch(LINE, value)
        figure = isinstance(value, int | float) and abs(value) < _FIGURE
        if not _plain(name) or not (line or figure):
            raise PackageError(
                f"{f.where}.{name!r:.40} is {value!r:.60}, expected a line, a number or a flag "
                "under a plain name"
            )
    return found


def _packed(texture: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    """Bytes [R, R, CHANNELS] and what 0 and 255 mean in each channel [2, CHANNELS]."""
    with np.errstate(invalid="ignore"):  # what is not finite shows in the range
        reach = np.stack([texture.min((0, 1)), texture.max((0, 1))]).astype(np.float16)
        low, high = reach.astype(np.float32)
        steps = (texture.astype(np.float32) - low) / np.maximum(high - low, np.float32(1e-6))
        return {"texture": np.rint(np.clip(steps, 0, 1) * 255).astype(np.uint8), _RANGE: reach}


def _unpacked(steps: U8, reach: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
    low, high = reach.astype(np.float32)
    made = np.empty(steps.shape, np.float16)
    for row, found in zip(
        made, steps, strict=True
    ):  # whole, float32 would take eight times as much
        row[:] = low + found / np.float32(255) * (high - low)
    return made


def _sorted(stored: dict[str, npt.NDArray[Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors of the network and of the small one beside it, without their prefixes."""
    sets: dict[str, dict[str, Any]] = {_NET: {}, _SMALL: {}}
    for name, array in stored.items():
        prefix, _, rest = name.partition(".")
        if prefix not in sets or not re.fullmatch(_WEIGHT, rest):
            raise PackageError(
                f"{FILE}: {name!r:.60} is no weight's name, expected {_NET}.NAME.NAME or "
                f"{_SMALL}.NAME.NAME"
            )
        sets[prefix][rest] = array
    return sets[_NET], sets[_SMALL]


def _weights(stored: dict[str, npt.NDArray[Any]], prefix: str) -> Tensors:
    total = sum(array.size for array in stored.values())
    if not 1 <= len(stored) <= _WEIGHTS or total > _ELEMENTS:
        raise PackageError(
            f"{FILE} has {total} weights in {len(stored)} tensors under {prefix}, expected at most "
            f"{_ELEMENTS} in {_WEIGHTS}, and at least one"
        )
    for name, array in stored.items():
        if array.dtype != np.float16 or not 1 <= array.ndim <= 4:
            raise PackageError(
                f"{FILE}: {prefix}.{name} is {array.dtype} {array.shape}, expected float16 of 1 to "
                "4 axes"
            )
        _finite(f"{prefix}.{name}", array)
    return stored


def _shaped(name: str, array: npt.NDArray[Any], kind: str, shape: tuple[int, ...]) -> None:
    if array.dtype != kind or array.shape != shape:
        raise PackageError(
            f"{FILE}: {name} is {array.dtype} {array.shape}, expected {kind} {shape}"
        )


def _finite(name: str, array: npt.NDArray[Any]) -> None:
    if not np.isfinite(array).all():
        raise PackageError(f"{FILE}: {name} contains NaN or infinity")
