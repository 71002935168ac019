"""Weights inside an ONNX file, found and replaced without any library.

An ONNX file is a protobuf message: fields of (number, wire type) and a value, which for messages,
strings and bytes is a length and so many bytes (protobuf.dev, "Encoding"; numbers: onnx.proto). A
weight of the same size takes the place of the old one, so nothing else in the file moves. What
onnxruntime offers instead, `SessionOptions.add_initializer`, computes with the file's own weights
wherever its optimizer rewrites a convolution (seen with 1.31).
"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
_GRAPH, _METADATA = 7, 14  # of ModelProto
_INITIALIZER = 5  # of GraphProto
_NAME, _RAW = 8, 9  # of TensorProto
_KEY, _VALUE = 1, 2  # of StringStringEntryProto


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def _fields(data: bytes, span: slice) -> Iterator[tuple[int, slice]]:
    """(number, where its bytes are) of each field of a message that is a length and bytes.

    Raises ValueError for what is no message.
    """
    at: int = span.start
    while at < span.stop:
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 2:
            length, at = _varint(data, at)
            if at + length > span.stop:
                raise ValueError("a field is longer than its message")
            yield tag >> 3, slice(at, at + length)
            at += length
        elif wire == 0:
            _, at = _varint(data, at)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire} is not of this format")


def _within(data: bytes, span: slice, *numbers: int) -> Iterator[slice]:
    """Every field at this path of field numbers."""
    for number, inner in _fields(data, span):
        if number == numbers[0]:
            yield from _within(data, inner, *numbers[1:]) if numbers[1:] else (inner,)


def _places(data: bytes) -> dict[str, slice]:
    """Name of each initialiser -> where its raw values are."""
    places = {}
    for tensor in _within(data, slice(0, len(data)), _GRAPH, _INITIALIZER):
        parts = dict(_fields(data, tensor))
        if _RAW in parts and _NAME in parts:
            places[data[parts[_NAME]].decode()] = parts[_RAW]
    return places


def metadata(data: bytes) -> dict[str, str]:
    """The file's own notes by key. Raises ValueError for what is no ONNX file."""
    try:
        entries = [
            dict(_fields(data, entry)) for entry in _within(data, slice(0, len(data)), _METADATA)
        ]
        return {data[entry[_KEY]].decode(): data[entry[_VALUE]].decode() for entry in entries}
    except (IndexError, KeyError) as error:
        raise ValueError(f"not an ONNX file ({error!r})") from error


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
            raise ValueError(f"initialiser {name} has {place.stop - place.start} bytes")
        made[place] = raw
    return bytes(made)
