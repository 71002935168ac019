"""The person being built: what the makers of hair, clothes and paint need to know of each other."""

from dataclasses import dataclass
from functools import cached_property

from engine.train.bust import F64, Bust, Part
from engine.train.recipe import Recipe
from engine.train.skull import Skull, ears


@dataclass(frozen=True)
class Sitter:
    """A recipe, its shaped bust and skin; `marks`: rest positions [3] of the landmarks, dm."""

    recipe: Recipe
    bust: Bust
    skin: Part
    marks: dict[str, F64]

    @cached_property
    def skull(self) -> Skull:
        """The head under the hair."""
        return Skull(self.skin, ears(self.bust, self.skin))
