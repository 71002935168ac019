"""`python -m engine.train renderer person VIDEO...`: 30 s to 10 min of one person -> their avatar.

Follows the face, fits the rig, trains the network, writes the package to --out and, where
something is held out, prints how near it comes there beside its rivals. The person must have
agreed: --consent says who did, and the package carries it.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from engine.errors import TrackingError, VivifyError
from engine.eval.pair import table
from engine.face.fields import Fields
from engine.face.learned import Config
from engine.face.likeness import Consent, Likeness, dump, parse
from engine.face.package import Package
from engine.frames import FPS, U8
from engine.train.neural import binding
from engine.train.neural.alignment import Aligner
from engine.train.neural.course import add_options, check, fit, net_of, recipe_of
from engine.train.neural.features import PATH
from engine.train.neural.filming import SIZE, Camera, Scene, heard
from engine.train.neural.footage import Footage, networks, pictures, watch
from engine.train.neural.identity import Sitter, sit
from engine.train.neural.shots import Shots, write
from engine.train.neural.showing import VAST, Gallery, Part
from engine.train.neural.trainer import Painter, Recipe

PLATE = "plate"  # name of the picture behind in the package
WHOLE = 0.5  # share of the schedule from which on whole pictures are learnt from
TEMPORAL = 1.0  # weight of the changes from frame to frame
LEAST_S = 10.0  # of all videos together
LEAST_HELD_S = 2.0  # of a video: fewer pictures say nothing about flicker
_WHOLE = 5  # videos from which on whole ones are held out, not the end of each
STATEMENT = "The person shown agreed to this avatar of them."


def main(argv: list[str]) -> int:
    """Returns 0, or 2 where a video or the folder is unfit."""
    options = _options(argv)
    torch.set_num_threads(options.threads)
    try:
        return _run(options)
    except VivifyError as error:
        print(f"engine.train renderer person: {error}", file=sys.stderr)
        return 2


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m engine.train renderer person", description=__doc__
    )
    parser.add_argument("videos", type=Path, nargs="+", help="one person, one shot each")
    parser.add_argument("--out", type=Path, required=True, help="folder of the package")
    parser.add_argument("--consent", required=True, metavar="NAME", help="who agreed: the person")
    parser.add_argument("--name", default="me", help="of the avatar")
    parser.add_argument("--face-model", type=Path, help="MediaPipe's face_landmarker.task")
    parser.add_argument("--late-ms", type=float, default=0.0, help="by which the sound is late")
    parser.add_argument("--hold-out", type=float, default=0.0, metavar="SHARE",
                        help="measured on, never trained on")  # fmt: skip
    parser.add_argument("--work", type=Path, help="shots, log, previews (default: OUT.work)")
    add_options(parser)
    options = parser.parse_args(argv)
    check(parser, options)
    if not 0 <= options.hold_out < 0.9:
        parser.error(f"--hold-out is {options.hold_out}, expected 0 to 0.9")
    options.work = options.work or options.out.with_name(options.out.name + ".work")
    return options


def _run(options: argparse.Namespace) -> int:
    likeness = _likeness(options.consent)
    models = networks(options.face_model)
    footages = []
    for number, video in enumerate(options.videos):
        _tell(0.1 * number / len(options.videos), f"following the face in {video.name}")
        footages.append(watch(video, models, options.late_ms / 1000))
    taught, held = split(footages, options.hold_out)
    work: Path = options.work
    _tell(0.1, "fitting the face")
    sitter = seat(footages, taught, work / "avatar", options.name)
    print(f"the mesh lies within {sitter.error:.1f} px of the landmarks, pictures {SIZE} px")
    aligner = Aligner(sitter.package, sitter.vertex, SIZE)
    scenes = [
        Scene(f"{n:03d}_{f.path.stem}", f, aligner.align(f.placed(SIZE), f.weights), *heard(f))
        for n, f in enumerate(tqdm(footages, desc="alignment", unit="video"))
    ]
    camera = Camera(sitter.package, sitter.vertex)
    parts, unseen = _kept(scenes, taught), _kept(scenes, held)
    _tell(0.2, "preparing the pictures")
    shutil.rmtree(work / "shots", ignore_errors=True)  # of another split, fit or person
    plates = film(work / "shots", sitter.package, camera, parts, unseen)
    shots = Shots(work / "shots")
    painter, about = fit(
        shots, net_of(options, shots.scale), lessons(options),
        work / "training", device=options.device, resume=options.resume,
        preview_minutes=options.every, eye=PATH if PATH.is_file() else None,
        tell=lambda share: _tell(0.3 + 0.65 * share, "learning"),
    )  # fmt: skip
    _sign(work / "avatar", likeness, plates[parts[0][0].name])
    package = bind(work / "avatar", options.out, camera, painter, about, _spoken(parts))
    if unseen:
        _tell(0.95, "measuring")
        gallery = Gallery(package, camera, parts)
        found = gallery.measure(unseen, plates, models, work)
        print(table({**found, "VAST": VAST}))
        print(
            "ours but `sound`, and the rivals, follow the motion tracked in the true video; VAST's"
        )
        print("published row (GRID, s1 and s25, other split and landmarks) follows speech alone")
        (work / "unseen.json").write_text(json.dumps(found, indent=1))
    _tell(1.0, "done")
    return 0


def lessons(options: argparse.Namespace) -> Recipe:
    """The recipe: whole pictures for longer than of a drawn avatar, as a real face differs from its
    texture everywhere; changes from frame to frame count more, as tracked motion is never exact."""
    recipe = recipe_of(options)
    if options.tiny or options.recurrent:
        return recipe
    return replace(recipe, whole=WHOLE, weights=replace(recipe.weights, temporal=TEMPORAL))


def _tell(share: float, words: str) -> None:
    """How far it is, for a program that runs this one; people see the bars."""
    if not sys.stderr.isatty():
        print(f"vivify-progress {share:.3f} {words}", file=sys.stderr, flush=True)


def split(
    footages: Sequence[Footage], share: float
) -> tuple[list[slice | None], list[slice | None]]:
    """Frames of each video to train on and to measure on; None: none of it.

    Of many videos whole ones are held out, spread evenly; of few, the end of each.
    """
    seconds = sum(len(f.start) for f in footages) / FPS
    if seconds < LEAST_S:
        raise TrackingError(
            f"the face is seen for {seconds:.1f} s, expected {LEAST_S:.0f} s or more, better 30 s "
            "to 10 minutes"
        )
    whole, taught, held = slice(0, None), list[slice | None](), list[slice | None]()
    for number, footage in enumerate(footages):
        if share <= 0:
            pair: tuple[slice | None, slice | None] = whole, None
        elif len(footages) >= _WHOLE:
            out = int((number + 1) * share) > int(number * share)
            pair = (None, whole) if out else (whole, None)
        else:
            cut = round(len(footage.start) * (1 - share))
            pair = slice(0, cut), slice(cut, None)
        seen = 0 if pair[1] is None else len(footage.start[pair[1]])
        if pair[1] is not None and seen < LEAST_HELD_S * FPS:
            raise TrackingError(
                f"{seen / FPS:.1f} s of {footage.path.name} would be held out, expected "
                f"{LEAST_HELD_S:.0f} s or more: hold out a larger share, or nothing"
            )
        taught.append(pair[0])
        held.append(pair[1])
    return taught, held


def seat(
    footages: Sequence[Footage], taught: Sequence[slice | None], folder: Path, name: str
) -> Sitter:
    """Fit the rig to the frames that are trained on."""
    own = [(f, part) for f, part in zip(footages, taught, strict=True) if part is not None]
    first = own[0][0]
    picture = next(iter(pictures(first, SIZE)))
    return sit(
        np.concatenate([f.placed(SIZE)[part] for f, part in own]),
        np.concatenate([f.weights[part] for f, part in own]),
        (picture, first.placed(SIZE)[0]), folder, SIZE, name,
    )  # fmt: skip


def film(
    folder: Path, package: Package, camera: Camera, taught: Sequence[Part], held: Sequence[Part]
) -> dict[str, U8]:
    """Write the training set; returns the plate of each scene.

    Every other video shows the network its own surroundings, the others a still plate; of few
    videos each is written both ways.
    """
    plates: dict[str, U8] = {}
    about = {"avatar": package.name, "mesh": binding.fingerprint(package)}
    for keep, parts in ((False, taught), (True, held)):
        for number, (scene, frames) in enumerate(tqdm(parts, desc="shots", unit="video")):
            if scene.name not in plates:
                first = frames.start or 0
                # Of an unseen video a call would know its first picture.
                known = slice(first, first + 1) if keep else frames
                plates[scene.name] = camera.plate(scene, known)
            both = len(parts) < _WHOLE
            for plain in (True, False):
                if both or plain == (number % 2 == 0):
                    plate = None if plain else plates[scene.name]
                    mode = "clip" if plain else "plate"
                    length = len(range(*frames.indices(len(scene.ppg))))
                    name = f"{scene.name}_{frames.start}_{mode}"
                    shots = camera.shots(scene, plate, frames)
                    write(folder, name, length, shots, held=keep, about={**about, "mode": mode})
    return plates


def bind(
    source: Path, out: Path, camera: Camera, painter: Painter, about: dict[str, object],
    spoken: bool,
) -> Package:  # fmt: skip
    """The package with its neural look."""
    config = Config(
        size=painter.net.config.size, kind="person", x2=False, ppg=spoken, default=True,
        background=PLATE, erode=camera.erode,
    )  # fmt: skip
    notes = "Pictures: a video of the person, who agreed (avatar.json). Not to be passed on."
    return binding.bind(source, out, painter, config, about, notes)


def _likeness(by: str) -> Likeness:
    """That the person agreed, today; PackageError for what no package could hold."""
    today = datetime.now(UTC).date().isoformat()
    made = Likeness("real person", Consent(by, today, STATEMENT))
    return parse(Fields(dump(made), "--consent"))


def _sign(folder: Path, likeness: Likeness, plate: U8) -> None:
    """Consent and plate into the package."""
    path = folder / "avatar.json"
    manifest = json.loads(path.read_text())
    manifest["likeness"] = dump(likeness)
    path.write_text(json.dumps(manifest, indent=1))
    Image.fromarray(plate).save(folder / f"{PLATE}.png")


def _kept(scenes: Sequence[Scene], parts: Sequence[slice | None]) -> list[Part]:
    return [(s, part) for s, part in zip(scenes, parts, strict=True) if part is not None]


def _spoken(parts: Sequence[Part]) -> bool:
    """Whether any of it has sound."""
    return any(bool(scene.ppg.any()) for scene, _ in parts)
