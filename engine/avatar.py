"""Avatar: the whole line assembled. `animate` hears and moves, `render` draws; both are values in,
values out, and safe to call for many sessions from one thread.
"""

import copy
from dataclasses import replace
from pathlib import Path

from engine.face import package, swing
from engine.face.likeness import Likeness
from engine.face.palette import code
from engine.face.swing import SwingState
from engine.frames import Audio, Motion, Video
from engine.line import Line, LineState, line
from engine.render.choose import AnyRenderer, choose, kind, looks
from engine.render.neural import Neural
from engine.render.renderer import Size
from engine.render.setting import Setting
from engine.style import library
from engine.style.code import Style
from engine.style.library import StyleLibrary

DEFAULT_AVATAR = "mira"
DEFAULT_STYLE = library.DEFAULT
_SMALL = "neural small"


class Avatar:
    """A face on a Line. Avatars with the same look-ahead share states: to change the face of a
    running session, render its motions with another Avatar.
    """

    def __init__(self, name: str, line: Line, renderer: AnyRenderer) -> None:
        self.name = name
        self.line = line
        self.renderer = renderer
        self._plain: Avatar | None = None
        self._drawers: dict[str, AnyRenderer] = {_drawer(renderer): renderer}  # one of each kind
        self._swing = swing.Swing(renderer.package.manifest.spring)
        self._library = StyleLibrary()

    @classmethod
    def load(
        cls, name_or_path: str | Path = DEFAULT_AVATAR, size: Size = 512, lookahead_ms: int = 20,
        setting: Setting | None = None,
    ) -> "Avatar":  # fmt: skip
        """A bundled avatar or a package (folder or .zip).

        `size`: side of a square picture in pixels, or (width, height); `lookahead_ms`: 0, 20 or
        60; `setting`: what draws it, light, colours, line and background, the package's by
        default. Raises PackageError for a broken package or an unknown name, FrameError for an
        impossible size, VivifyError for a wrong look-ahead.
        """
        face = package.load(name_or_path)
        return cls(face.name, line(lookahead_ms), choose(face, size, setting))

    def staged(self, setting: Setting) -> "Avatar":
        """The same avatar in another setting. It shares line, states, mesh and buffers with this
        one, so use both from one thread; to change the look of a running session, render its
        motions with it. Takes a second where something else than before is to draw it, the first
        time. Raises PackageError for a neural look that it does not have."""
        face, other = self.renderer.package, copy.copy(self)
        wanted = kind(face, setting)
        drawer = self._drawers.get(wanted)
        if drawer is None:
            drawer = choose(face, self.size, setting)
            drawer.warm()
            self._drawers[wanted] = drawer
        other.renderer, other._plain = drawer.staged(setting), None
        return other

    @property
    def title(self) -> str:
        """Its name as people say it."""
        return self.renderer.package.manifest.title

    @property
    def likeness(self) -> Likeness | None:
        """Whom it looks like, and that they agreed; None for a drawn character."""
        return self.renderer.package.manifest.likeness

    @property
    def look(self) -> str:
        """What draws it: "toon" or "neural"."""
        return _kind(self.renderer)

    @property
    def looks(self) -> tuple[str, ...]:
        """What can draw it, see Setting.look."""
        return looks(self.renderer.package)

    @property
    def drawer(self) -> str:
        """What draws it in one word more: "toon", "neural", or "neural small" where its small
        network stands in for the large one."""
        return _drawer(self.renderer)

    @property
    def precision(self) -> str:
        """What its network computes in, "f32" or "bf16"; "" where it has none."""
        return self.renderer.graph.precision if isinstance(self.renderer, Neural) else ""

    def plain(self) -> "Avatar | None":
        """The same avatar drawn at less cost before the same background, for when time is short,
        made once: by its look's small network, then at toon's cost; None if it is already."""
        drawer = self.renderer
        if self._plain is None and isinstance(drawer, Neural):
            self._plain = self._lighter(drawer)
            if self._plain is None:
                stand_in = replace(drawer.setting, look="toon", background=drawer.background)
                self._plain = self.staged(stand_in)
        return self._plain

    def _lighter(self, drawer: Neural) -> "Avatar | None":
        """Drawn by the small network beside the large one, if there is one; made once for all
        settings."""
        small = self._drawers.get(_SMALL)
        if small is None and (small := drawer.lighter()) is not None:
            small.warm()
            self._drawers[_SMALL] = small
        if small is None or drawer.reduced:
            return None
        other = copy.copy(self)
        other.renderer, other._plain = small.staged(drawer.setting), None
        return other

    @property
    def settled(self) -> bool:
        """Whether its background is part of its look, so that a setting's is not shown."""
        return isinstance(self.renderer, Neural) and self.renderer.settled

    @staticmethod
    def names() -> list[str]:
        """The bundled avatars."""
        return list(package.names())

    @property
    def size(self) -> Size:
        """As given: a number for a square, else (width, height)."""
        return self.renderer.size

    @property
    def colors(self) -> dict[str, str]:
        """Its colours by name as '#rrggbb', in its setting."""
        face = self.renderer
        made = face.setting.colors(face.package.manifest.palette)
        return {name: code(color) for name, color in made.items()}

    @property
    def latency(self) -> int:
        """Samples of look-ahead of the whole line (600 = 37.5 ms at 20 ms look-ahead)."""
        return self.line.latency

    def style(self, style: Style | str | Path) -> Style:
        """A Style by bundled name or path to a .style file. Raises PackageError when it is bad."""
        return style if isinstance(style, Style) else self._library.get(style)

    def init_state(self, style: Style | str | Path = DEFAULT_STYLE, seed: int = 0) -> LineState:
        """A new session's state. `seed` decides blinks, gaze and the like."""
        return self.line.init_state(self.style(style), seed)

    def animate(self, audio: Audio, state: LineState) -> tuple[list[Motion], LineState]:
        """Whole hops on the grid of engine.audio.chunker -> the Motions they complete."""
        output, state = self.line.step(audio, state)
        return output.motions, state

    def restyle(self, state: LineState, style: Style | str | Path) -> LineState:
        """Glide to another style in mid-sentence."""
        return self.line.restyle(state, self.style(style))

    def interrupt(self, state: LineState) -> LineState:
        """Forget pending speech; the mouth closes smoothly."""
        return self.line.interrupt(state)

    def swing(
        self, motions: list[Motion], state: SwingState | None = None
    ) -> tuple[list[Motion], SwingState]:
        """The same motions with the swing of loose hair; `state` None: it hangs at rest.

        For motions as they will be drawn, none left out: call it after whatever moves the head.
        States fit all avatars.
        """
        return swing.follow(self._swing, motions, state)

    def render(self, motion: Motion) -> Video:
        """Draw one picture; the same motion gives the same bytes."""
        return self.renderer.render(motion)


def _kind(renderer: AnyRenderer) -> str:
    return "neural" if isinstance(renderer, Neural) else "toon"


def _drawer(renderer: AnyRenderer) -> str:
    return _SMALL if isinstance(renderer, Neural) and renderer.reduced else _kind(renderer)
