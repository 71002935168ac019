"""`python -m engine.eval image`: do avatars do what they are told, as landmark networks see them.

Contract: a table of correlations per avatar (engine.eval.loop), its faults in words, and one JSON
line. Creatures are measured by their projected mesh; without networks everybody is, and the JSON
says so (`by`).
"""

import argparse
import json
import time
from pathlib import Path

from tqdm import tqdm

from engine.eval import loop
from engine.eval.loop import Report
from engine.face import package
from engine.render.renderer import Renderer
from engine.tracker.models import CHECKSUMS, Models, cache_folder

NETS, MESH = "networks", "mesh"


def _models(options: argparse.Namespace) -> Models | None:
    """Those asked for, else those this user has fetched already."""
    if options.face_model is not None:
        return Models.load(None, options.face_model)
    folder = options.models or cache_folder() / "face"
    if options.models is None and not all((folder / name).is_file() for name in CHECKSUMS):
        return None
    return Models.load(folder)


def measure(avatar: str, models: Models | None) -> tuple[str, Report]:
    """By what an avatar (a name or a path) is seen, and what."""
    renderer = Renderer(avatar, loop.SIZE)
    bundled = package.ASSETS / avatar
    if models is None or not loop.human(bundled if bundled.is_dir() else Path(avatar)):
        return MESH, loop.run(loop.prober(renderer))
    return NETS, loop.run(loop.watcher(renderer.render_rgb, models))


def main(argv: list[str]) -> int:
    """Command line of the suite."""
    parser = argparse.ArgumentParser(prog="python -m engine.eval image", description=__doc__)
    parser.add_argument("--avatar", nargs="*", help="names or paths (default: the bundled cast)")
    parser.add_argument("--models", type=Path, help="folder of the tracker's networks")
    parser.add_argument("--face-model", type=Path, metavar="FILE.task", help="instead of them")
    options = parser.parse_args(argv)
    models, began = _models(options), time.process_time()
    if models is None:
        print("no networks (fetch them with streaming.models.face_models()): by the mesh alone")
    result: dict[str, dict[str, object]] = {}
    for avatar in tqdm(options.avatar or package.names(), unit="avatar"):
        by, report = measure(avatar, models)
        row: dict[str, object] = {name: round(report.column(name), 3) for name in loop.COLUMNS}
        leak = max((share for _, share in report.leaks.values()), default=0.0)
        result[Path(avatar).name] = {
            "by": by, **row, "leak": round(leak, 3), "lost": report.lost,
            "pictures": report.pictures, "faults": report.faults(),
        }  # fmt: skip
    print(f"{'r of':12s}" + "".join(f"{name:>7s}" for name in (*loop.COLUMNS, "leak")) + "  by")
    for name, found in result.items():
        cells = "".join(f"{found[column]:7.2f}" for column in (*loop.COLUMNS, "leak"))
        print(f"{name:12s}{cells}  {found['by']}")
        for fault in found["faults"]:  # type: ignore[attr-defined]
            print(f"    {fault}")
    print(f"{time.process_time() - began:.1f} s of CPU")
    print(json.dumps({"avatars": result}))
    return 0
