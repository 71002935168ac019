"""Which renderer draws an avatar."""

from pathlib import Path

from engine.errors import FrameError
from engine.face.package import Package, load
from engine.render.neural import Neural
from engine.render.renderer import Renderer, Size
from engine.render.setting import Setting

LOOKS = ("auto", "toon", "neural")
AnyRenderer = Renderer | Neural


def choose(
    package: Package | str | Path, size: Size = 512, setting: Setting | None = None,
    look: str = "auto",
) -> AnyRenderer:  # fmt: skip
    """A renderer of an avatar. `look`: "toon", "neural", or "auto" for what the package prefers.

    Raises FrameError for another look or an impossible size, PackageError for a broken package and
    for one without a neural look when that is asked for.
    """
    if look not in LOOKS:
        raise FrameError(f"look is {look!r:.40}, expected one of {', '.join(LOOKS)}")
    package = package if isinstance(package, Package) else load(package)
    learned = package.learned
    if look == "neural" or (look == "auto" and learned is not None and learned.config.default):
        return Neural(package, size, setting)
    return Renderer(package, size, setting)
