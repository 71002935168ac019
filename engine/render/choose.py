"""Which renderer draws an avatar."""

from dataclasses import replace
from pathlib import Path

from engine.errors import PackageError
from engine.face.package import Package, load
from engine.render.neural import Neural
from engine.render.renderer import Renderer, Size
from engine.render.setting import Setting

AnyRenderer = Renderer | Neural


def choose(
    package: Package | str | Path, size: Size = 512, setting: Setting | None = None,
    look: str | None = None,
) -> AnyRenderer:  # fmt: skip
    """A renderer of an avatar. `look`: in place of the setting's.

    Raises FrameError for an unknown look or an impossible size, PackageError for a broken package
    and for one without a neural look when that is asked for, or with a recurrent one: who draws
    single motions keeps nothing for it to remember.
    """
    setting = setting or Setting()
    if look is not None:
        setting = replace(setting, look=look)
    package = package if isinstance(package, Package) else load(package)
    if kind(package, setting) == "neural":
        if _recurrent(package):
            raise PackageError(
                f"the network of avatar {package.name} is recurrent: drawn picture by picture it "
                "would forget all it saw. Draw a session's motions in order with "
                "engine.render.neural (use Neural.step), train it without --recurrent, or draw it "
                "with look='toon'"
            )
        return Neural(package, size, setting)
    return Renderer(package, size, setting)


def looks(package: Package) -> tuple[str, ...]:
    """What can draw it: "toon" always, "neural" if a network that needs no memory was trained."""
    return ("toon",) if package.learned is None or _recurrent(package) else ("toon", "neural")


def kind(package: Package, setting: Setting) -> str:
    """What a setting asks for: "toon" or "neural"."""
    if setting.look != "auto":
        return setting.look
    learned = package.learned
    return "neural" if learned is not None and learned.config.default else "toon"


def _recurrent(package: Package) -> bool:
    return package.learned is not None and package.learned.config.recurrent
