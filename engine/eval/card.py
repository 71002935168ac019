"""Tables as Markdown, printed as they are, and their place in a model card.

Contract: a card holds one line that starts with BEGIN and one END; what lies between belongs to the
suite and is replaced whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import VivifyError

BEGIN = "<!-- begin: printed by "
END = "<!-- end of what is printed -->"


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its heading and the words it needs."""

    title: str
    words: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Columns aligned, so that it reads in a terminal too."""
        table = [self.head, *self.rows]
        wide = [max(len(row[i]) for row in table) for i in range(len(self.head))]

        def line(row: Sequence[str]) -> str:
            return "| " + " | ".join(c.ljust(w) for c, w in zip(row, wide, strict=True)) + " |"

        rule = "|" + "|".join("-" * (w + 2) for w in wide) + "|"
        body = [line(self.head), rule, *(line(row) for row in self.rows)]
        return "\n".join(
            [f"### {self.title}", "", *([self.words, ""] if self.words else []), *body]
        )


def share(value: float) -> str:
    """.504, or a dash where there is no number."""
    if value != value:
        return "-"
    return f"{value:.3f}".removeprefix("0")


def points(value: float) -> str:
    """A share's change in points: "-2.3"."""
    return f"{value * 100:+.1f}"


def write(card: Path, command: str, sections: Iterable[Section], picture: str) -> None:
    """Put the sections and a picture, a file beside the card, between the card's markers. Raises
    VivifyError where it has none."""
    text = card.read_text()
    begin = text.find(BEGIN)
    end = text.find(END, max(begin, 0))
    if begin < 0 or end < 0:
        raise VivifyError(
            f"{card.name} has no place for the results: expected a line that starts with "
            f"{BEGIN!r} and after it {END!r}"
        )
    shown = f"![What is heard for what is said]({picture})"
    body = "\n\n".join([*(section.markdown() for section in sections), shown])
    head = f"{BEGIN}`{command}` -->"
    card.write_text(f"{text[:begin]}{head}\n\n{body}\n\n{text[end:]}")
