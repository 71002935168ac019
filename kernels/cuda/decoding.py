"""Weights, styles and states of decode.cu, laid out as its kernel reads them.

The lists here and the enums there are the same. Names are those of the network's parameters and of
the trees in engine.motion.decoder; nothing else is known of them here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Arrays = Mapping[str, npt.NDArray[Any]]

TOGETHER = 4  # sessions of a block
LAYERS, WINDOW, WIDTH = 2, 32, 96
STYLE = (("share", 24), ("up_bias", 384), ("down_bias", 192), ("query", 192), ("rest", 60),
         ("face", 384), ("head", 192), ("gain", 32), ("event", 4))  # fmt: skip
STATE = (("lips", 29), ("eyes", 23), ("pose", 6), ("face_h", 96), ("face_c", 96), ("head_h", 64),
         ("held", 8), ("", 2))  # fmt: skip
INPUT = (("ppg", 120), ("prosody", 12), ("noise", 20))
OUTPUT = (("weights", 52), ("pose", 6))


def width(row: Sequence[tuple[str, int]]) -> int:
    """Columns of a row."""
    return sum(size for _, size in row)


STYLES, STATES, INPUTS, OUTPUTS = map(width, (STYLE, STATE, INPUT, OUTPUT))
WEIGHTS = 829_104  # halves that a block reads
RING = (LAYERS, 2, WINDOW, WIDTH)  # halves of a session: keys and values of the last ticks


def rows(order: Sequence[tuple[str, int]], batch: int, arrays: Arrays) -> F32:
    """[B, columns] of named arrays [B, ...]; what is not named or shorter than its place is 0."""
    made = np.zeros((batch, width(order)), np.float32)
    at = 0
    for name, size in order:
        if name in arrays:
            flat = np.asarray(arrays[name], np.float32).reshape(batch, -1)
            made[:, at : at + flat.shape[1]] = flat
        at += size
    return made


def columns(order: Sequence[tuple[str, int]], made: F32) -> dict[str, F32]:
    """Name -> [B, size] of such rows."""
    found, at = {}, 0
    for name, size in order:
        found[name] = made[:, at : at + size]
        at += size
    return found


def _matrix(weight: npt.NDArray[Any]) -> npt.NDArray[np.float16]:
    """[K, O] -> for every two inputs and four outputs 8 halves in a row; zeros where none are."""
    inputs, outputs = weight.shape
    padded = np.zeros((inputs + inputs % 2, -(-outputs // 4) * 4), np.float16)
    padded[:inputs, :outputs] = weight
    pairs = padded.reshape(len(padded) // 2, 2, -1, 4)
    return np.ascontiguousarray(pairs.transpose(0, 2, 1, 3)).reshape(-1)


def _gates(net: Arrays) -> npt.NDArray[Any]:
    """LSTM [inputs + state, 4 FACE]: a unit's four gates side by side."""
    joined = np.concatenate([net["face_x.weight"], net["face_r.weight"]], 1).T
    return joined.reshape(len(joined), 4, -1).transpose(0, 2, 1).reshape(len(joined), -1)


def _turn(net: Arrays) -> npt.NDArray[Any]:
    """GRU [inputs + state, 4 HEAD]: a unit's r and z, n of the input, n of the state."""
    x, h = (net[f"head_{part}.weight"].T.reshape(-1, 3, 64) for part in "xr")
    made = np.zeros((len(x) + len(h), 64, 4), np.float32)
    for gate, column_x, column_h in ((0, 0, 0), (1, 1, 1), (2, 2, None), (2, None, 3)):
        if column_x is not None:
            made[: len(x), :, column_x] = x[:, gate]
        if column_h is not None:
            made[len(x) :, :, column_h] = h[:, gate]
    return made.reshape(len(made), -1)


def weights(net: Arrays) -> npt.NDArray[np.float16]:
    """All matrices in the kernel's order; `net`: the network's parameters by name, those of a
    linear layer [out, in]."""

    def linear(name: str) -> npt.NDArray[Any]:
        return net[f"{name}.weight"].T

    def experts(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return part.reshape(-1, part.shape[-1])

    matrices = [linear("embed")]
    for n in range(LAYERS):
        matrices += [linear(f"attend.{n}"), linear(f"merge.{n}")]
        matrices += [experts(net["up"][:, n]), experts(net["down"][:, n])]
    matrices += [experts(net["out"][:, :WIDTH]), experts(net["out"][:, WIDTH:])]
    matrices += [linear("event"), linear("face_ppg"), _gates(net), linear("face_out"), _turn(net)]
    matrices.append(linear("head_out"))
    return np.concatenate([_matrix(matrix) for matrix in matrices])


def terms(net: Arrays) -> F32:
    """Everything that is added, scaled or chosen by, in the kernel's order."""

    def padded(values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
        return np.pad(np.ravel(values), (0, size - values.size))

    parts = [net["embed.bias"]]
    for n in range(LAYERS):
        for name in (f"norms.{2 * n}", f"attend.{n}", f"merge.{n}", f"norms.{2 * n + 1}"):
            parts += [net[f"{name}.weight"]] * name.startswith("norms")
            parts.append(net[f"{name}.bias"])
        parts.append(net["near"][n])
    parts += [net[f"norms.{2 * LAYERS}.weight"], net[f"norms.{2 * LAYERS}.bias"]]
    parts += [net["event.bias"], net["face_ppg.bias"], net["face_x.bias"].reshape(4, -1).T]
    parts.append(padded(net["face_out.bias"], 24))
    x, h = (net[f"head_{part}.bias"].reshape(3, -1) for part in "xr")
    parts += [np.stack([x[0] + h[0], x[1] + h[1], x[2], h[2]], 1), padded(net["head_out.bias"], 8)]
    parts += [net["renews"], net["least"], padded(net["lids"], 24)]
    parts += [padded(net["pose_scale"], 8), padded(net["pose_slew"], 8), net["order"]]
    return np.concatenate([np.ravel(part) for part in parts]).astype(np.float32)
