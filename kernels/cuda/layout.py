"""What host and device both know of tables: rows of `struct Figure`, columns of the view table."""

import re
from enum import IntEnum
from pathlib import Path

import numpy as np

SOURCES = Path(__file__).parent
_MEMBER = re.compile(r"(?P<type>[\w ]+?)\s*(?P<star>\*?)\s*(?P<names>\w+(?:\[2\])?(?:, \w+)*)")


class View(IntEnum):
    """Columns of the table [B, VIEWS] float32: what a session's picture is seen by."""

    FOCAL = 0  # px
    CAMERA_Y = 1  # of the pinhole, dm
    CAMERA_Z = 2
    NEAR_DM = 3  # distance at z = 0
    RANGE_DM = 4  # that at z = 1 less that at z = 0
    BREATH = 5  # in [-1, 1]
    SWINGS = 6  # 1: the hair's poses count, 0: it is at rest
    LINE = 7  # px of an outline of relative width 1, 0 for none
    LIGHT_X = 8  # unit vector to the key light
    LIGHT_Y = 9
    LIGHT_Z = 10
    HALF_X = 11  # halfway between the light and the viewer at +z
    HALF_Y = 12
    HALF_Z = 13


VIEWS = 16
SCENE = 12  # columns of the scene table: those of kernels.look.Scene, and padding


def _record(name: str) -> np.dtype[np.void]:
    """The structured type of a struct of device.h, whose members have 8 bytes each: pointers and
    i64 become integers, float[2] a pair."""
    text = (SOURCES / "device.h").read_text()
    body = re.search(rf"struct {name} {{(.*?)\n}};", text, re.DOTALL)
    assert body, f"device.h has no struct {name}"
    fields: list[tuple[str, str] | tuple[str, str, int]] = []
    for statement in re.sub(r"//.*", "", body[1]).split(";"):
        if not statement.strip():
            continue
        found = _MEMBER.fullmatch(statement.strip())
        assert found, f"device.h: cannot read {statement.strip()!r} of {name}"
        for member in found["names"].split(", "):
            if member.endswith("[2]") and found["type"] == "float":
                fields.append((member[:-3], "<f4", 2))
            else:
                assert found["star"] or found["type"] == "i64", f"{name}.{member} is not 8 bytes"
                fields.append((member, "<u8" if found["star"] else "<i8"))
    return np.dtype(fields)


FIGURE = _record("Figure")
