"""Whom a photographic avatar looks like, and that they agreed to it: part of avatar.json."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from engine.errors import PackageError
from engine.face.fields import Fields

PEOPLE = ("real person", "invented person")


@dataclass(frozen=True, slots=True)
class Consent:
    """That the person agreed to this avatar."""

    by: str
    date: str  # ISO: 2026-11-22
    statement: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """A person that an avatar looks like."""

    of: str  # of PEOPLE
    consent: Consent | None  # None for invented people only
    mark: bool = True  # whether pictures bear a visible mark


def parse(f: Fields) -> Likeness:
    """The checked `likeness` object; raises PackageError naming the field."""
    of, given = f.choice("of", PEOPLE), f.take("consent")
    if given is None and of == "real person":
        raise PackageError(
            f"{f.where}: an avatar of a real person needs their consent: by, date, statement"
        )
    consent = None if given is None else _consent(Fields(given, f"{f.where}.consent"))
    likeness = Likeness(of, consent, f.flag("mark"))
    f.done()
    return likeness


def _consent(f: Fields) -> Consent:
    consent = Consent(f.text("by"), f.text("date", r"\d{4}-\d\d-\d\d"), f.text("statement"))
    f.done()
    try:
        date.fromisoformat(consent.date)
    except ValueError as error:
        raise PackageError(f"{f.where}.date {consent.date!r} is no date") from error
    return consent


def dump(likeness: Likeness) -> dict[str, Any]:
    """The JSON object that `parse` reads."""
    return asdict(likeness)
