"""`python -m engine.eval image`: do avatars do what they are told, and do pictures equal true ones.

Contract: by default a table of correlations per avatar (engine.eval.loop), its faults in words, and
one JSON line. Creatures are measured by their projected mesh; without networks everybody is, and
the JSON says so (`by`). With --pair all metrics of two clips (engine.eval.pair), with --truth those
of an avatar's looks against pictures of the same motion (engine.eval.against).
"""

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from engine.errors import FrameError
from engine.eval import against, loop, pair, pictures
from engine.eval.landmark_distance import fetched
from engine.eval.loop import Report
from engine.eval.pair import Scores
from engine.face import package
from engine.render.choose import choose
from engine.render.setting import LOOKS, Setting
from engine.tracker.models import Models

NETS, MESH = "networks", "mesh"
_NO_NETS = "no networks (fetch them with streaming.models.face_models()): "


def _models(options: argparse.Namespace) -> Models | None:
    """Those asked for, else those this user has fetched already."""
    if options.face_model is not None or options.models is not None:
        return Models.load(options.models, options.face_model)
    return fetched()


def measure(avatar: str, models: Models | None, look: str = "auto") -> tuple[str, Report]:
    """By what an avatar (a name or a path) is seen, and what."""
    renderer = choose(avatar, loop.SIZE, Setting(look=look, mark=False))
    if models is None or not human(avatar):
        return MESH, loop.run(loop.prober(renderer))
    return NETS, loop.run(loop.watcher(renderer.render_rgb, models))


def human(avatar: str) -> bool:
    """Whether a network of human faces can see it."""
    bundled = package.ASSETS / avatar
    return loop.human(bundled if bundled.is_dir() else Path(avatar))


def main(argv: list[str]) -> int:
    """Command line of the suite."""
    parser = argparse.ArgumentParser(prog="python -m engine.eval image", description=__doc__)
    parser.add_argument("--avatar", nargs="*", help="names or paths (default: the bundled cast)")
    parser.add_argument("--look", choices=LOOKS, default="auto", help="which renderer draws them")
    parser.add_argument("--pair", nargs=2, type=Path, metavar=("OURS", "TRUTH"),
                        help="two clips, each a video or a folder of pictures")  # fmt: skip
    parser.add_argument("--truth", type=Path, metavar="FOLDER",
                        help="motion.npz and its pictures: the truth of an --avatar")  # fmt: skip
    parser.add_argument("--no-landmarks", action="store_true", help="faces that no network knows")
    parser.add_argument("--models", type=Path, help="folder of the tracker's networks")
    parser.add_argument("--face-model", type=Path, metavar="FILE.task", help="instead of them")
    options = parser.parse_args(argv)
    if options.truth is not None and len(options.avatar or []) != 1:
        parser.error("--truth needs one --avatar")
    if options.pair is not None and (options.truth is not None or options.avatar is not None):
        parser.error("--pair takes no --avatar and no --truth")
    models, began = None if options.no_landmarks else _models(options), time.process_time()
    result: dict[str, object]
    if options.pair is not None:
        result = _pair(options.pair[0], options.pair[1], models)
    elif options.truth is not None:
        result = _against(options.avatar[0], options.look, options.truth, models)
    else:
        result = _loop(options.avatar or package.names(), options.look, models)
    print(f"{time.process_time() - began:.1f} s of CPU")
    print(json.dumps(result))
    return 0


def _pair(ours: Path, truth: Path, models: Models | None) -> dict[str, object]:
    names = (str(ours), str(truth))
    lengths = pictures.length(ours), pictures.length(truth)
    if None not in lengths and lengths[0] != lengths[1]:
        raise FrameError(
            f"{ours} has {lengths[0]} pictures and {truth} {lengths[1]}, expected the same "
            "moments, picture by picture: cut one or convert the rate"
        )
    shown = tqdm(pictures.read(ours), unit="picture", leave=False)
    scores = pair.measure(shown, pictures.read(truth), models, names)
    _print({"ours": scores}, models)
    return {"pair": _rounded(scores)}


def _against(avatar: str, look: str, folder: Path, models: Models | None) -> dict[str, object]:
    loaded, truth = package.load(avatar), against.Truth.read(folder)
    seeing = models if human(avatar) else None
    found = {
        name: against.measure(package, which, truth, seeing)
        for name, (package, which) in against.measured(loaded, look).items()
    }
    _print(found, seeing)
    return {"looks": {name: _rounded(scores) for name, scores in found.items()}}


def _print(columns: Mapping[str, Scores], models: Models | None) -> None:
    print(pair.table(columns))
    absent = [name for name in pair.SEEN if not any(name in found for found in columns.values())]
    if absent and models is None:
        print(f"without landmarks there are no {', '.join(absent)}")


def _rounded(scores: Scores) -> Scores:
    return {name: round(value, pair.ROWS[name][1] + 1) for name, value in scores.items()}


def _loop(avatars: Sequence[str], look: str, models: Models | None) -> dict[str, object]:
    if models is None:
        print(_NO_NETS + "by the mesh alone")
    result: dict[str, dict[str, object]] = {}  # by avatar
    for avatar in tqdm(avatars, unit="avatar"):
        by, report = measure(avatar, models, look)
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
    return {"avatars": result}
