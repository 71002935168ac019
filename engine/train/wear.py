"""Things worn, and parts of creatures: glasses, earrings, hats, animal ears, by name.

Each is a function of the sitter whose docstring is what an editor says about it.
"""

from collections.abc import Callable

from engine.train.bust import Part
from engine.train.creature import (
    antennae,
    cat_ears,
    elf_ears,
    fluff,
    fox_ears,
    horns,
    nose,
    tuft,
    whiskers,
)
from engine.train.glasses import round_glasses, square_glasses, sunglasses
from engine.train.hats import beanie, cap, headphones, headset
from engine.train.hijab import hijab
from engine.train.jewels import drops, hoops, studs
from engine.train.sitter import Sitter

WEARABLES: dict[str, Callable[[Sitter], list[Part]]] = {
    "glasses_round": round_glasses, "glasses_square": square_glasses, "sunglasses": sunglasses,
    "hoops": hoops, "studs": studs, "drops": drops,
    "headphones": headphones, "headset": headset, "beanie": beanie, "cap": cap, "hijab": hijab,
    "fox_ears": fox_ears, "cat_ears": cat_ears, "elf_ears": elf_ears,
    "nose": nose, "fluff": fluff, "tuft": tuft, "whiskers": whiskers,
    "horns": horns, "antennae": antennae,
}  # fmt: skip
