"""Things worn, and parts of creatures: glasses, earrings, hats, animal ears, by name.

Each is a function of the sitter whose docstring is what an editor says about it, and has a place
where nothing else can be.
"""

from collections.abc import Callable, Sequence

from engine.errors import PackageError
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
PLACES: dict[str, tuple[str, ...]] = {  # where -> what of WEARABLES is there
    "before the eyes": ("glasses_round", "glasses_square", "sunglasses"),
    "at the ear lobes": ("hoops", "studs", "drops"),
    "on the head": ("headphones", "headset", "beanie", "cap", "hijab"),
    "as ears": ("fox_ears", "cat_ears", "elf_ears"),
    "on the nose": ("nose",),
    "on the cheeks": ("fluff",),
    "over the forehead": ("tuft",),
    "beside the nose": ("whiskers",),
    "on the crown": ("horns", "antennae"),
}


def choose(names: Sequence[str]) -> list[Callable[[Sitter], list[Part]]]:
    """The makers of the things named, in order.

    Raises PackageError for a name that does not exist and for two things of one place.
    """
    taken: dict[str, str] = {}
    for name in names:
        if name not in WEARABLES:
            raise PackageError(
                f"there is no thing to wear {name!r:.40}, choose from: {', '.join(WEARABLES)}"
            )
        place = next(where for where, things in PLACES.items() if name in things)
        if place in taken:
            raise PackageError(
                f"recipe.wears has {taken[place]} and {name}, both {place}: keep one of them"
            )
        taken[place] = name
    return [WEARABLES[name] for name in names]
