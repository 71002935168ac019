"""`python -m tests.golden.regenerate` writes the golden pictures; look before committing."""

from pathlib import Path

from PIL import Image
from safetensors.numpy import save_file

from engine.render.renderer import Renderer
from tests.golden.pictures import PICTURES
from tests.golden.scene import draw


def main() -> None:
    keys, colors = draw()
    save_file({"keys": keys, "colors": colors}, Path(__file__).parent / "scene.safetensors")
    for name, (avatar, size, posed) in PICTURES.items():
        path = Path(__file__).parent / f"{name}.png"
        Image.fromarray(Renderer(avatar, size).render_rgb(posed)).save(path, optimize=True)
        print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
