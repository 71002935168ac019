"""Beards and moustaches: locks that ride on the skin, by name."""

from collections.abc import Callable

from engine.train.bust import Part
from engine.train.sitter import Sitter


def none(sitter: Sitter) -> list[Part]:
    """Shaved."""
    return []


BEARDS: dict[str, Callable[[Sitter], list[Part]]] = {"none": none}
