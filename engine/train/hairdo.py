"""The hairdos by name: what `hair.cut` of a recipe may be."""

from collections.abc import Callable

from engine.train.bust import Part
from engine.train.curls import afro, coils, curly
from engine.train.falls import bob, long, wavy
from engine.train.shorts import buzz, crop, fringe, pixie, quiff, receding, undercut
from engine.train.sitter import Sitter
from engine.train.updos import bun, manbun, ponytail


def none(sitter: Sitter) -> list[Part]:
    """Bald."""
    return []


HAIRDOS: dict[str, Callable[[Sitter], list[Part]]] = {
    "none": none, "buzz": buzz, "crop": crop, "quiff": quiff, "fringe": fringe, "pixie": pixie,
    "undercut": undercut, "receding": receding, "bob": bob, "wavy": wavy, "long": long,
    "curly": curly, "afro": afro, "coils": coils, "bun": bun, "ponytail": ponytail,
    "manbun": manbun,
}  # fmt: skip
