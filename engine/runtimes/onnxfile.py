"""An ONNX file read and changed without any library: its notes, weights and outputs.

An ONNX file is a protobuf message: fields of (number, wire type) and a value, which for messages,
strings and bytes is a length and so many bytes (protobuf.dev, "Encoding"; numbers: onnx.proto).
What onnxruntime offers for the same, `SessionOptions.add_initializer` and `RunOptions`'
`only_execute_path_to_fetches`, computes with the file's own weights wherever its optimizer rewrites
a convolution, and computes every output all the same (both seen with 1.31).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
_GRAPH, _METADATA = 7, 14  # of ModelProto
_NODE, _INITIALIZER, INPUT, OUTPUT = 1, 5, 11, 12  # of GraphProto
_NAME, _RAW = 8, 9  # of TensorProto
_TAKES, _GIVES = 1, 2  # of NodeProto
_KEY, _VALUE = 1, 2  # of StringStringEntryProto; 1 is also the name of a ValueInfoProto


class _Field(NamedTuple):
    number: int
    whole: slice  # with its number and length
    body: slice


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at a place, and the place behind it."""
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def written(value: int) -> bytes:
    """A number as `varint` reads it."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _fields(data: bytes, span: slice) -> Iterator[_Field]:
    """Each field of a message that is a length and bytes. Raises ValueError for no message."""
    at: int = span.start
    while at < span.stop:
        begin = at
        tag, at = varint(data, at)
        wire = tag & 7
        if wire == 2:
            length, at = varint(data, at)
            if at + length > span.stop:
                raise ValueError("a field is longer than its message")
            yield _Field(tag >> 3, slice(begin, at + length), slice(at, at + length))
            at += length
        elif wire == 0:
            _, at = varint(data, at)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} is not of this format")


def _within(data: bytes, span: slice, *numbers: int) -> Iterator[slice]:
    """Every field at this path of field numbers."""
    for field in _fields(data, span):
        if field.number == numbers[0]:
            inner = numbers[1:]
            yield from _within(data, field.body, *inner) if inner else (field.body,)


def _whole(data: bytes) -> slice:
    return slice(0, len(data))


def metadata(data: bytes) -> dict[str, str]:
    """The file's own notes by key. Raises ValueError for what is no ONNX file."""
    try:
        pairs = [
            {field.number: data[field.body].decode() for field in _fields(data, entry)}
            for entry in _within(data, _whole(data), _METADATA)
        ]
        return {pair[_KEY]: pair[_VALUE] for pair in pairs}
    except (IndexError, KeyError) as error:
        raise ValueError(f"not an ONNX file ({error!r})") from error


def names(data: bytes, kind: int) -> tuple[str, ...]:
    """Of the graph's values of a kind, INPUT or OUTPUT, in order."""
    return tuple(data[name].decode() for name in _within(data, _whole(data), _GRAPH, kind, _KEY))


def _places(data: bytes) -> dict[str, slice]:
    """Name of each initialiser -> where its raw values are."""
    places = {}
    for tensor in _within(data, _whole(data), _GRAPH, _INITIALIZER):
        parts = {field.number: field.body for field in _fields(data, tensor)}
        if _RAW in parts and _NAME in parts:
            places[data[parts[_NAME]].decode()] = parts[_RAW]
    return places


def weights(data: bytes, shapes: Mapping[str, list[int]]) -> dict[str, F32]:
    """The float32 initialisers of these names and shapes. Raises KeyError for an absent one."""
    places = _places(data)
    return {
        name: np.frombuffer(data[places[name]], "<f4").reshape(shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def replaced(data: bytes, tensors: Mapping[str, F32]) -> bytes:
    """The file with these initialisers in place of its own of the same names and sizes.

    Raises KeyError for an absent name, ValueError for another size.
    """
    places, made = _places(data), bytearray(data)
    for name, tensor in tensors.items():
        raw = tensor.astype("<f4", copy=False).tobytes()
        place = places[name]
        if len(raw) != place.stop - place.start:
            raise ValueError(f"{name} has {len(raw)} bytes, not {place.stop - place.start}")
        made[place] = raw
    return bytes(made)


def cut(data: bytes, outputs: Collection[str]) -> bytes:
    """The file with these outputs only, and without the nodes that only the others need."""
    graph = next(field for field in _fields(data, _whole(data)) if field.number == _GRAPH)
    needed, kept = set(outputs), []
    for field in reversed(list(_fields(data, graph.body))):  # nodes come after those they read
        if field.number == _NODE:
            ends = list(_fields(data, field.body))
            if needed.isdisjoint(data[end.body].decode() for end in ends if end.number == _GIVES):
                continue
            needed.update(data[end.body].decode() for end in ends if end.number == _TAKES)
        elif field.number == OUTPUT:
            name = next(_within(data, field.body, _KEY))
            if data[name].decode() not in outputs:
                continue
        kept.append(data[field.whole])
    body = b"".join(reversed(kept))
    head = written(_GRAPH << 3 | 2) + written(len(body))
    return data[: graph.whole.start] + head + body + data[graph.whole.stop :]
