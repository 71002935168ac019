"""Who acts in a session: what is asked of an avatar."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.frames import Audio, Motion, Video
from engine.render.setting import Setting
from engine.style.code import Style


class Actor(Protocol):
    """What a session needs of engine.Avatar; all of one session on the engine's thread."""

    @property
    def latency(self) -> int: ...

    @property
    def colors(self) -> Mapping[str, str]: ...

    @property
    def look(self) -> str: ...  # what draws it: "toon" or "neural"

    @property
    def looks(self) -> Sequence[str]: ...  # what can

    def init_state(self, style: str = ..., seed: int = ...) -> Any: ...

    def animate(self, audio: Audio, state: Any) -> tuple[list[Motion], Any]: ...

    def restyle(self, state: Any, style: Style | str) -> Any: ...

    def interrupt(self, state: Any) -> Any: ...

    def swing(self, motions: list[Motion], state: Any) -> tuple[list[Motion], Any]: ...

    def staged(self, setting: Setting) -> "Actor": ...

    @property
    def settled(self) -> bool: ...  # a setting's background is not shown

    def plain(self) -> "Actor | None": ...  # drawn at less cost, if that can be; made once

    def render(self, motion: Motion) -> Video: ...
