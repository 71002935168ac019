"""Who acts in a session: what is asked of an avatar."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.frames import Audio, Motion, Video
from engine.line import Line
from engine.render.choose import AnyRenderer
from engine.render.setting import Setting
from engine.style.code import Style


class Actor(Protocol):
    """What a session needs of engine.Avatar; all of one session on the engine's thread."""

    @property
    def latency(self) -> int: ...

    @property
    def line(self) -> Line | None: ...  # those of one line are heard together; None: alone

    @property
    def renderer(self) -> AnyRenderer | None: ...  # None: only `render` knows

    @property
    def colors(self) -> Mapping[str, str]: ...

    @property
    def look(self) -> str: ...  # what draws it: "toon" or "neural"

    @property
    def drawer(self) -> str: ...  # the same for people who look at costs: or "neural small"

    @property
    def precision(self) -> str: ...  # what its network computes in; "" without one

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

    def plain(self) -> "Actor | None": ...  # the next that costs less, if there is one; made once

    def render(self, motion: Motion) -> Video: ...


def ladder(actor: Actor) -> tuple[Actor, ...]:
    """The actor and what stands in for it when time is short, cheaper step by step; made here
    where it was not made before."""
    steps = [actor]
    while (plain := steps[-1].plain()) is not None:
        steps.append(plain)
    return tuple(steps)
