"""An ONNX file as nodes, weights and named values; read, and put together again, without a library.

Only what our exporters write is read: raw tensors and empty sparse ones, one opset, no subgraphs.
Field numbers are those of onnx.proto; the encoding is told in `onnxfile`.
"""

import math
import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.runtimes.onnxfile import varint, written

Tensor = npt.NDArray[Any]
F32, I64, BOOL, F16 = 1, 7, 9, 10  # element types of TensorProto
TYPES: dict[int, Any] = {F32: np.float32, I64: np.int64, BOOL: np.bool_, F16: np.float16}
_MOST = 1 << 24  # numbers in a tensor of zeros
_GRAPH = 7  # of ModelProto
_NODE, _NAME, _TENSOR, _INPUT, _OUTPUT, _SPARSE = 1, 2, 5, 11, 12, 15  # of GraphProto


class Node(NamedTuple):
    """One operation; an absent optional input is ""."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    rest: bytes = b""  # its attributes and other fields as they stood in the file


class Value(NamedTuple):
    """An input or output of the graph."""

    name: str
    kind: int  # element type
    shape: tuple[int | str, ...]  # a name for a length that may change
    sides: bytes = b""  # the shape as it stood in the file


class Model(NamedTuple):
    """A graph; `around`: the fields of the file beside it, whole."""

    nodes: tuple[Node, ...]
    tensors: dict[str, Tensor]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    around: bytes


class _Field(NamedTuple):
    number: int
    value: Any  # int for varints, bytes for everything else
    whole: bytes


def _fields(data: bytes) -> Iterator[_Field]:
    """Every field of a message. Raises ValueError or IndexError for what is none."""
    at = 0
    while at < len(data):
        begin = at
        tag, at = varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = varint(data, at)
            yield _Field(tag >> 3, value, data[begin:at])
            continue
        if wire not in (1, 2, 5):
            raise ValueError(f"wire type {wire} is not of this format")
        length, at = varint(data, at) if wire == 2 else (8 if wire == 1 else 4, at)
        if at + length > len(data):
            raise ValueError("a field is longer than its message")
        at += length
        yield _Field(tag >> 3, data[at - length : at], data[begin:at])


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _integers(value: Any) -> list[int]:
    """A repeated integer, which writers may pack."""
    if isinstance(value, int):
        return [_signed(value)]
    found, at = [], 0
    while at < len(value):
        one, at = varint(value, at)
        found.append(_signed(one))
    return found


def _tensor(data: bytes) -> tuple[str, Tensor]:
    name, kind, raw, dims = "", 0, b"", []
    for field in _fields(data):
        if field.number == 1:
            dims += _integers(field.value)
        elif field.number == 2:
            kind = field.value
        elif field.number == 8:
            name = field.value.decode()
        elif field.number == 9:
            raw = field.value
    if kind not in TYPES:
        raise ValueError(f"tensor {name} has element type {kind}")
    # A truncated or unpacked tensor does not fill its shape: numpy says so.
    return name, np.frombuffer(raw, np.dtype(TYPES[kind]).newbyteorder("<")).reshape(dims)


def _sparse(data: bytes) -> tuple[str, Tensor]:
    """A tensor of zeros, of which a file keeps the shape only."""
    name, tensor = _tensor(_only(data, 1))
    if tensor.size:
        raise ValueError(f"sparse tensor {name} has values")
    dims = [n for field in _fields(data) if field.number == 3 for n in _integers(field.value)]
    if not 0 < math.prod(dims) <= _MOST or min(dims) < 1:
        raise ValueError(f"sparse tensor {name} has the shape {dims}")
    return name, np.zeros(dims, tensor.dtype)


def _attribute(data: bytes) -> tuple[str, Any]:
    name, value = "", None
    lists: list[int] = []
    for field in _fields(data):
        if field.number == 1:
            name = field.value.decode()
        elif field.number == 2:
            value = struct.unpack("<f", field.value)[0]
        elif field.number == 3:
            value = _signed(field.value)
        elif field.number == 4:
            value = field.value.decode()
        elif field.number == 5:
            value = _tensor(field.value)[1]
        elif field.number == 8:
            lists += _integers(field.value)
    return name, lists if value is None else value


def _node(data: bytes) -> Node:
    inputs, outputs, attributes, rest, op = [], [], {}, [], ""
    for field in _fields(data):
        if field.number == 1:
            inputs.append(field.value.decode())
            continue
        if field.number == 2:
            outputs.append(field.value.decode())
            continue
        if field.number == 4:
            op = field.value.decode()
        elif field.number == 5:
            name, value = _attribute(field.value)
            attributes[name] = value
        rest.append(field.whole)
    return Node(op, tuple(inputs), tuple(outputs), attributes, b"".join(rest))


def _only(data: bytes, number: int) -> bytes:
    return next((field.value for field in _fields(data) if field.number == number), b"")


def _value(data: bytes) -> Value:
    kind = sides = None
    for field in _fields(_only(_only(data, 2), 1)):  # TypeProto.Tensor
        if field.number == 1:
            kind = field.value
        elif field.number == 2:
            sides = field.value
    if kind is None or sides is None:
        raise ValueError("an input or output without a type")
    shape: list[int | str] = []
    for field in _fields(sides):
        side = next(_fields(field.value)).value
        shape.append(side if isinstance(side, int) else side.decode())
    return Value(_only(data, 1).decode(), kind, tuple(shape), sides)


def parsed(data: bytes) -> Model:
    """The graph of a file. Raises ValueError, IndexError or StopIteration for what is none."""
    around = b"".join(field.whole for field in _fields(data) if field.number != _GRAPH)
    nodes, tensors, inputs, outputs = [], {}, [], []
    for field in _fields(_only(data, _GRAPH)):
        if field.number == _NODE:
            nodes.append(_node(field.value))
        elif field.number == _TENSOR:
            name, tensor = _tensor(field.value)
            tensors[name] = tensor
        elif field.number == _SPARSE:
            name, tensor = _sparse(field.value)
            tensors[name] = tensor
        elif field.number == _INPUT:
            inputs.append(_value(field.value))
        elif field.number == _OUTPUT:
            outputs.append(_value(field.value))
    return Model(tuple(nodes), tensors, tuple(inputs), tuple(outputs), around)


def dense(data: bytes) -> bytes:
    """The file with its tensors of zeros written out, which not every runtime does itself."""
    hollow = any(field.number == _SPARSE for field in _fields(_only(data, _GRAPH)))
    return packed(parsed(data)) if hollow else data


def _bytes(number: int, body: bytes) -> bytes:
    return written(number << 3 | 2) + written(len(body)) + body


def _integer(number: int, value: int) -> bytes:
    return written(number << 3) + written(value)


def _texts(number: int, names: Iterable[str]) -> bytes:
    return b"".join(_bytes(number, name.encode()) for name in names)


def sized(value: Value, shape: Iterable[int]) -> Value:
    """An input whose lengths are fixed but for the first."""
    lengths = tuple(shape)
    sides = _bytes(1, _texts(2, ["batch"])) + b"".join(_bytes(1, _integer(1, n)) for n in lengths)
    return value._replace(shape=("batch", *lengths), sides=sides)


def cast(given: str, made: str, kind: int) -> Node:
    """A node that converts one value to an element type."""
    to = _texts(1, ["to"]) + _integer(3, kind) + _integer(20, 2)  # 20, 2: it is an integer
    return Node("Cast", (given,), (made,), {"to": kind}, _texts(4, ["Cast"]) + _bytes(5, to))


def _packed(model: Model) -> Iterator[bytes]:
    for node in model.nodes:
        yield _bytes(_NODE, _texts(1, node.inputs) + _texts(2, node.outputs) + node.rest)
    yield _texts(_NAME, ["graph"])
    kinds = {np.dtype(dtype): kind for kind, dtype in TYPES.items()}
    for name, tensor in model.tensors.items():
        head = b"".join(_integer(1, side) for side in tensor.shape)
        head += _integer(2, kinds[tensor.dtype.newbyteorder("=")]) + _texts(8, [name])
        yield _bytes(_TENSOR, head + _bytes(9, tensor.tobytes()))
    for number, values in ((_INPUT, model.inputs), (_OUTPUT, model.outputs)):
        for value in values:
            tensor_type = _integer(1, value.kind) + _bytes(2, value.sides)
            yield _bytes(number, _texts(1, [value.name]) + _bytes(2, _bytes(1, tensor_type)))


def packed(model: Model) -> bytes:
    """The file of a graph; what the exporter noted about values in between is left out."""
    return model.around + _bytes(_GRAPH, b"".join(_packed(model)))
