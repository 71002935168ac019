"""One JSON object read field by field: every value is checked, what is not read is refused."""

import math
import re
from typing import Any

from engine.errors import PackageError

RGB = tuple[float, float, float]
NAME = r"[a-z][a-z0-9_]{0,31}"
COLOR = r"#[0-9a-fA-F]{6}"
# One line of text: no control characters, none that reverse what follows, no lone surrogates.
LINE = r"[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]{1,2000}"


class Fields:
    """The fields of one object; each error names its place in the file."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise PackageError(f"{where} is {type(value).__name__}, expected an object")
        self._left = dict(value)
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str) -> Any:
        """The raw value; PackageError when it is missing."""
        if key not in self._left:
            raise PackageError(f"{self.where} lacks {key!r}")
        return self._left.pop(key)

    def text(self, key: str, pattern: str = LINE) -> str:
        value = self.take(key)
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            wanted = "a line of text" if pattern == LINE else f"text matching {pattern}"
            raise PackageError(f"{self.where}.{key} is {value!r:.60}, expected {wanted}")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.take(key)
        if not isinstance(value, str) or value not in choices:
            raise PackageError(
                f"{self.where}.{key} is {value!r:.60}, expected one of {', '.join(choices)}"
            )
        return value

    def number(self, key: str, low: float, high: float) -> float:
        return number(self.take(key), low, high, f"{self.where}.{key}")

    def triple(self, key: str, low: float, high: float) -> RGB:
        return triple(self.take(key), low, high, f"{self.where}.{key}")

    def flag(self, key: str) -> bool:
        value = self.take(key)
        if not isinstance(value, bool):
            raise PackageError(f"{self.where}.{key} is {value!r:.60}, expected true or false")
        return value

    def inner(self, key: str) -> "Fields":
        return Fields(self.take(key), f"{self.where}.{key}")

    def rows(self, key: str, low: int, high: int) -> list[Any]:
        """A list of `low` to `high` entries."""
        value = self.take(key)
        if not isinstance(value, list) or not low <= len(value) <= high:
            raise PackageError(f"{self.where}.{key} must be a list of {low} to {high} entries")
        return value

    def numbers(self, key: str, low: float, high: float, known: tuple[str, ...] | None = None,
                most: int = 400) -> dict[str, float]:  # fmt: skip
        """An object of names and numbers; `known`: the names that may occur."""
        inner = self.inner(key)
        left = inner.rest()
        if len(left) > most:
            raise PackageError(f"{inner.where} has {len(left)} entries, expected at most {most}")
        if known is not None and (unknown := sorted(set(left) - set(known))):
            raise PackageError(f"{inner.where} names unknown {str(unknown[:5]):.200}")
        return {k: number(v, low, high, f"{inner.where}.{k:.40}") for k, v in left.items()}

    def rest(self) -> dict[str, Any]:
        """Everything not read yet; counts as read."""
        left, self._left = self._left, {}
        return left

    def done(self) -> None:
        """Raises PackageError when something was not read."""
        if self._left:
            names = [f"{name!r:.40}" for name in sorted(self._left)[:5]]
            raise PackageError(f"{self.where} has unknown fields {', '.join(names)}")


def number(value: Any, low: float, high: float, where: str) -> float:
    """A finite number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PackageError(f"{where} is {value!r:.60}, expected a number")
    try:
        result = float(value)
    except OverflowError as error:
        raise PackageError(f"{where} is too large for a number") from error
    if not math.isfinite(result) or not low <= result <= high:
        raise PackageError(f"{where} is {result:g}, expected {low:g} to {high:g}")
    return result


def triple(value: Any, low: float, high: float, where: str) -> RGB:
    """Three numbers in [low, high]."""
    if not isinstance(value, list) or len(value) != 3:
        raise PackageError(f"{where} is {value!r:.60}, expected three numbers")
    x, y, z = (number(v, low, high, f"{where}[{i}]") for i, v in enumerate(value))
    return x, y, z


def direction(value: Any, where: str) -> RGB:
    """A unit vector; PackageError for one that is too short to have a direction."""
    x, y, z = triple(value, -1, 1, where)
    length = math.sqrt(x * x + y * y + z * z)
    if length < 0.1:
        raise PackageError(f"{where} has length {length:g}, expected about 1")
    return x / length, y / length, z / length


def color(value: Any, where: str) -> str:
    """'#rrggbb', in lower case."""
    if not isinstance(value, str) or not re.fullmatch(COLOR, value):
        raise PackageError(f"{where} is {value!r:.60}, expected a colour like '#f2c9a8'")
    return value.lower()
