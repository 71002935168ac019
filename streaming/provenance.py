"""What a film says of itself: that it is synthetic, what made it, and whose likeness it is.

Tags for players (title, comment) and one JSON object under the key `provenance` for machines, with
the IPTC's digital source type, whose vocabulary C2PA and search engines read:
https://cv.iptc.org/newscodes/digitalsourcetype/. The names of those who agreed are part of it,
because that is what it is for; nothing of the voice is.
"""

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Protocol

from engine.face.likeness import Likeness

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# Pictures out of a network trained on pictures; drawn ones beside a voice that was captured.
SOURCE = {"neural": "trainedAlgorithmicMedia", "toon": "compositeSynthetic"}
KEY = "provenance"


class Shown(Protocol):
    """What is asked of engine.Avatar."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def look(self) -> str: ...

    @property
    def likeness(self) -> Likeness | None: ...


def about(avatar: Shown, style: str, marked: bool = True) -> dict[str, Any]:
    """The facts, JSON-ready. `marked`: whether pictures bear the visible mark, if due."""
    likeness = avatar.likeness
    facts: dict[str, Any] = {
        "generator": f"Vivify {_version()}",
        "synthetic": True,
        "digitalSourceType": VOCABULARY + SOURCE[avatar.look],
        "avatar": avatar.name,
        "renderer": avatar.look,
        "style": style,
        "likeness": None,
    }
    if likeness is not None:
        agreed = likeness.consent
        facts["likeness"] = {
            "of": likeness.of,
            "consent": None if agreed is None else {"by": agreed.by, "date": agreed.date},
            "visibleMark": marked and likeness.mark,
        }
    return facts


def tags(facts: Mapping[str, Any], title: str) -> dict[str, str]:
    """Tags of a film, for streaming.sinks.file.Mp4Writer."""
    return {
        "title": f"{title}, a synthetic avatar",
        "comment": f"Synthetic media: a computer drew this face. {facts['generator']}.",
        "synthetic": "true",
        "digitalSourceType": str(facts["digitalSourceType"]),
        KEY: json.dumps(facts, ensure_ascii=False),
    }


def _version() -> str:
    try:
        return version("vivify")
    except PackageNotFoundError:
        return "(from source)"
