"""`python -m engine.train renderer portrait PICTURE`: one picture of a person -> their avatar.

Fits the rig to the face, lays the picture over it and writes the package to --out, in half a
minute of one core; nothing is trained for it. The picture is moved by the mesh and drawn as sharp
as it was; a generator that learned on other people (engine.train.neural.joint) makes its texture.
On people whom it never saw that raises the PSNR of the mouth by .36 dB, while lip landmarks lie
.04 px (of 256) further off. --no-network only warps the picture. The person must have agreed:
--consent says who did, and the package carries it.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch

from engine.errors import TrackingError, VivifyError
from engine.face.fields import Fields
from engine.face.learned import Config
from engine.face.likeness import Consent, Likeness, dump, parse
from engine.face.package import Package
from engine.frames import U8
from engine.tracker.models import Models
from engine.train import pack
from engine.train.likeness import read
from engine.train.neural.footage import networks
from engine.train.neural.mount import mount
from engine.train.neural.texturer import Joint, shipped
from engine.train.neural.unwrap import unwrap

STATEMENT = "The person shown agreed to this avatar of them."
Tell = Callable[[float, str], None]  # share done, what comes next


def build(
    picture: U8, models: Models, folder: Path, likeness: Likeness, name: str = "me",
    network: bool = True, tell: Tell | None = None,
) -> Package:  # fmt: skip
    """A picture [H, W, 3] -> the package of its largest face, written to `folder`.

    `network`: the trained texture generator; else the picture is only warped. Raises
    TrackingError for a picture without a usable face, PackageError where `folder` cannot be
    written; an older package in it stays then. WeightsError: of the trained network.
    """
    say = tell or _silent
    # First: where the weights are damaged, nobody waits half a minute to hear it.
    joint, trained = shipped() if network else (Joint("small"), {"steps": 0})
    with pack.replacing(folder) as spare:
        say(0.05, "fitting the face")
        made = unwrap(picture, models, spare, name)
        say(0.7, "laying the picture over it")
        config = Config(
            size=joint.size, kind="portrait", ppg=False, default=True, trained=trained
        )  # fmt: skip
        package = mount(made, spare, likeness, config, joint)
        say(1.0, "done")
    return package


def _silent(share: float, words: str) -> None:
    """Tell nobody."""


def _shown(share: float, words: str) -> None:
    """A line for whoever runs the command: machines get the share as well."""
    line = words if sys.stderr.isatty() else f"vivify-progress {share:.3f} {words}"
    print(line, file=sys.stderr, flush=True)


def main(argv: list[str]) -> int:
    """Returns 0, or 2 where the picture, the folder or the trained weights are unfit."""
    parser = argparse.ArgumentParser(
        prog="python -m engine.train renderer portrait", description=__doc__
    )
    parser.add_argument("picture", type=Path, help="JPEG, PNG or WebP of one face from the front")
    parser.add_argument("--out", type=Path, required=True, help="folder of the package")
    parser.add_argument("--consent", required=True, metavar="NAME", help="who agreed: the person")
    parser.add_argument("--name", default="me", help="of the avatar")
    parser.add_argument("--no-network", action="store_true", help="warp the picture, no more")
    parser.add_argument("--face-model", type=Path, help="MediaPipe's face_landmarker.task")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    today = datetime.now(UTC).date().isoformat()
    likeness = Likeness("real person", Consent(options.consent, today, STATEMENT))
    try:
        parse(Fields(dump(likeness), "--consent"))  # before anything is spent on it
        package = build(
            _picture(options.picture), networks(options.face_model), options.out, likeness,
            options.name, not options.no_network, _shown,
        )  # fmt: skip
    except VivifyError as error:
        print(f"engine.train renderer portrait: {error}", file=sys.stderr)
        return 2
    print(f"{package.name}: {len(package.mesh.triangle)} triangles, written to {options.out}")
    return 0


def _picture(path: Path) -> U8:
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise TrackingError(f"the photo {path} cannot be read: {error.strerror}") from error
