"""What the studio needs of the makers of avatars; recipes are JSON objects and opaque to it.

`demos.make_avatar` hands in engine.train.workshop.Workshop: only demos may start building.
Everything raises VivifyErrors in words for the person at the page.
"""

from pathlib import Path
from typing import Any, Protocol

from engine.face.package import Package
from engine.frames import Motion
from engine.render.setting import Setting

Json = dict[str, Any]


class Atelier(Protocol):
    """Recipes in, avatars out."""

    def groups(self) -> list[Json]:
        """What can be turned, for the page."""

    def cast(self) -> dict[str, str]:
        """Bundled recipes: name -> title."""

    def start(self, name: str) -> Json:
        """A bundled recipe."""

    def roll(self, seed: int) -> Json:
        """A made-up person."""

    def read(self, content: bytes) -> Json:
        """A recipe out of a file that somebody uploads."""

    def check(self, value: Any) -> Json:
        """A recipe that the page sends, in normal form."""

    def shape(self, value: Json) -> str:
        """The part of a recipe that must be built."""

    def setting(self, value: Json) -> Setting:
        """The part that need not."""

    def colors(self, value: Json) -> dict[str, str]:
        """Its colours, chosen or derived."""

    def preview(self, value: Json) -> Package:
        """A quick build; seconds at most."""

    def build(self, value: Json, folder: Path) -> None:
        """The whole package into a folder."""

    def move(self, start: int, talking: bool, yaw: float, pitch: float) -> Motion:
        """What the preview does at a sample; `yaw`, `pitch`: degrees the head is turned by."""

    def likeness(self, content: bytes) -> tuple[Json, list[str]]:
        """A recipe after a photo of one face, and what to know about it."""

    def convert(self, content: bytes, file: str, folder: Path, permitted: bool) -> list[str]:
        """A GLB or VRM, `file` its name, as a package in `folder`; what it has and lacks, line by
        line. `permitted`: the person may use it where its terms do not allow everybody to."""

    def consent(self, by: str) -> None:
        """Refuse a name that cannot stand under somebody's consent."""

    def person(self, video: Path, folder: Path, name: str, by: str) -> list[str]:
        """The command that makes a package in `folder` out of a video of a person; `by`: who
        agreed. It tells its progress as streaming.studio.errand expects."""

    def portrait(self, photo: Path, folder: Path, name: str, by: str) -> list[str]:
        """The same out of one photo."""
