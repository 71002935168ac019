"""What an avatar has on: garments by name, and which skin they leave visible.

A garment is cut on the dress form of a bust (engine.train.form), so it fits every identity; skin
well below its edge is dropped, so nothing can poke through the cloth.
"""

from collections.abc import Callable

from engine.errors import PackageError
from engine.train.bust import I64, Bust, Part
from engine.train.form import Form, measure
from engine.train.jackets import blazer, casual
from engine.train.knits import cardigan, crew, hoodie, tee, turtleneck, vneck
from engine.train.recipe import Clothes, Recipe
from engine.train.shirts import Outfit, kurta, shirt

HIDDEN = 0.22  # dm below the edge: skin from here on is dropped

GARMENTS: dict[str, Callable[[Form, Clothes], Outfit]] = {
    "shirt": shirt, "crew": crew, "tee": tee, "turtleneck": turtleneck, "vneck": vneck,
    "hoodie": hoodie, "cardigan": cardigan, "blazer": blazer, "casual": casual, "kurta": kurta,
}  # fmt: skip


def dress(bust: Bust, skin: I64, who: Recipe) -> tuple[I64, list[Part]]:
    """Skin quads -> (those still visible, the clothes); PackageError for unknown ones."""
    if who.clothes.cut not in GARMENTS:
        raise PackageError(
            f"there are no clothes {who.clothes.cut!r}, choose from: {', '.join(sorted(GARMENTS))}"
        )
    form = measure(bust)
    outfit = GARMENTS[who.clothes.cut](form, who.clothes)
    below = form.depth - outfit.edge.at(form.azimuth)
    return skin[below[skin].min(1) < HIDDEN], outfit.parts
