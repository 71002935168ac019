"""Things worn, and parts of creatures: glasses, earrings, animal ears."""

from collections.abc import Callable

from engine.train.bust import Part
from engine.train.sitter import Sitter

WEARABLES: dict[str, Callable[[Sitter], list[Part]]] = {}
