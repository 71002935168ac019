"""`python -m engine.train style`: measure the bundled styles on tracks, draw and describe them.

Contract: each style is the code of the mean statistics of one half of its material; the statistics
of the other half, which shares no motion with the first, are kept beside it as `reference.NAME` for
`engine.eval style`. The encoder is the one that `engine.train motion` fitted; material that is
kept back is in no track. Writes styles.safetensors, styles.md, styles.png and styles_map.png.
"""

import argparse
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import save as pack
from tqdm import tqdm

from engine.avatar import DEFAULT_AVATAR
from engine.errors import WeightsError
from engine.eval.recordings import bundled
from engine.frames import F32, FPS, SAMPLE_RATE, U8
from engine.render.renderer import Renderer
from engine.runtime import ASSETS
from engine.style import sheet
from engine.style.code import KEY, Style
from engine.style.encoder import VERSION, Encoder, pieced
from engine.style.library import DEFAULT, StyleLibrary
from engine.style.reference import completed
from engine.train import troupe
from engine.train.manner import BUNDLED
from engine.train.tracks import Track
from engine.train.tracks import load as load_tracks

FEWEST = 10  # styles that ship
SECONDS = 5  # of the sentence that every style says in the pictures
_GAP = FPS  # ticks between the halves of one recording
_WINDOW = 20 * FPS  # ticks that are recognised by themselves
_SIZE = 112  # px a face is drawn at in the pictures
_COLOURS = 112
_MOMENTS = 5

MANNER = "synthetic: the teacher's manner (engine.train.manner), no person"
# Styles of recorded people: what they are, the tracks they are measured on, and whose they are.
RECORDED: dict[str, tuple[str, tuple[str, ...], str]] = {
    "studio": (
        "a voice actor's animated mouth (Mandarin); brows, eyes and head as the average speaker",
        ("real studio",),
        "FACEGOOD-Audio2Face, MIT",
    ),
}
WHAT: dict[str, str] = {
    "neutral": "everyday speech",
    "calm": "small, slow, half-closed lids",
    "cheerful": "smiles, lively brows, nods",
    "emphatic": "wide mouth, lowered brows, strong nods on stress",
    "excited": "raised brows, wide eyes, quick restless head",
    "news": "crisp lips, steady gaze, short nods",
    "serious": "lowered brows, pressed lips, still head",
    "shy": "looks down and aside, small mouth, raised inner brows",
    "singing ballad": "held vowels, raised inner brows, slow wide sway",
    "singing opera": "very wide round mouth, raised brows, head up",
    "singing rap": "fast lopsided lips, lowered brows, beats with the head",
    "theatrical": "everything large: lips, brows, eyes, head",
    "tired": "heavy lids, sagging head, mumbling",
    "warm": "soft smile, tilted head, raised inner brows",
    "whispering": "small jaw, busy lips, leaning in",
}

_CARD = """# styles.safetensors — the bundled talking styles

What: {count} named styles, each a code of {size} numbers, and the encoder that makes such codes of
any motion (`{version}`: mean, deviation and deviation of the change of ARKit-52 and of the head
pose, z-scored and projected on principal axes, face and head apart; StyleAvatar Eq. 2 with the
means added, StyleTalk++ 3.1 for the two parts). `reference.NAME`: statistics of other motion in the
style.

How: each code is measured on one half of the style's motion, the reference on the other; nothing
that `engine.eval.performances.kept_back` names is in either. `python -m engine.train style` after
`tracks` and `motion`. No likeness: a style holds no face, voice or sentence, only how far and how
fast channels move.

| style | what it looks like | made of / compared with | recognised | source and licence |
|-------|--------------------|-------------------------|------------|--------------------|
{rows}

Recognised: share of the 20 s stretches of the second half whose code is nearest to the style's own
among all (chance {chance:.2f}).

![Each style saying the same sentence](styles.png)

![Which styles are alike: the two principal axes of the codes](styles_map.png)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One bundled style."""

    name: str
    code: F32  # [CODE]
    reference: F32  # [STATISTICS] of the other half
    windows: F32  # [N, STATISTICS] of the other half's stretches
    seconds: tuple[float, float]  # of each half
    what: str
    source: str

    @property
    def made(self) -> str:
        return f"statistics of {self.seconds[0]:.0f} s; {self.source}"


def measure(tracks: Sequence[Track], encoder: Encoder) -> list[Measured]:
    """Every style that has tracks."""
    styles = []
    for name in [*BUNDLED, *RECORDED]:
        what, names, source = RECORDED.get(name, (WHAT.get(name, ""), (name,), MANNER))
        own = [track for track in tracks if track.name in names]
        if own:
            styles.append(_measured(name, own, encoder, what, source))
    return styles


def _measured(
    name: str, own: Sequence[Track], encoder: Encoder, what: str, source: str
) -> Measured:
    one, two = halves(own)
    row, other = (_mean(half, encoder) for half in (one, two))
    spans = [stretch for part in two for stretch in _stretches(part)]
    windows = np.stack([_statistics(span, encoder) for span in spans])
    seconds = tuple(sum(len(part.pose) for part in half) / FPS for half in (one, two))
    return Measured(
        name, encoder.project(row), other, windows, (seconds[0], seconds[1]), what, source
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a track's motion."""

    weights: F32
    pose: F32
    mask: F32
    has_head: bool
    edges: tuple[int, ...] = ()  # where another recording begins


def halves(tracks: Sequence[Track]) -> tuple[list[Part], list[Part]]:
    """Two sets of motion that share none: whole performances where there are several, the two ends
    of each recording otherwise. Recorded people come in several versions of the same motion: the
    first one of each is taken."""
    if tracks[0].name in BUNDLED and len(tracks) > 1:
        return [_part(t) for t in tracks[::2]], [_part(t) for t in tracks[1::2]]
    firsts = {track.name: track for track in reversed(tracks)}.values()
    gap = _GAP // 2
    ends = [(_part(t, 0, len(t) // 2 - gap), _part(t, len(t) // 2 + gap)) for t in firsts]
    return [one for one, _ in ends], [two for _, two in ends]


def _part(track: Track, begin: int = 0, end: int | None = None) -> Part:
    stop = len(track) if end is None else end
    whole = Part(
        track.weights.astype(np.float32), track.pose, track.mask, track.pose_mask > 0, track.edges
    )
    return _cut(whole, begin, stop)


def _cut(part: Part, begin: int, end: int) -> Part:
    edges = tuple(edge - begin for edge in part.edges if begin < edge < end)
    return replace(part, weights=part.weights[begin:end], pose=part.pose[begin:end], edges=edges)


def _statistics(part: Part, encoder: Encoder) -> F32:
    row = pieced(part.weights, part.pose, part.edges)
    return completed(row, encoder, part.mask, part.has_head)


def _mean(parts: Sequence[Part], encoder: Encoder) -> F32:
    rows = [_statistics(part, encoder) for part in parts]
    return np.average(rows, axis=0, weights=[len(p.pose) for p in parts]).astype(np.float32)


def _stretches(part: Part) -> list[Part]:
    starts = range(0, max(1, len(part.pose) - _WINDOW + 1), _WINDOW)
    return [_cut(part, i, min(i + _WINDOW, len(part.pose))) for i in starts]


def recognised(styles: Sequence[Measured], encoder: Encoder) -> dict[str, float]:
    """Style -> share of the stretches of its second half whose code is nearest to its own code."""
    codes = np.stack([style.code for style in styles])
    shares = {}
    for i, style in enumerate(styles):
        far = np.linalg.norm(encoder.project(style.windows)[:, None] - codes, axis=-1)
        shares[style.name] = float((far.argmin(1) == i).mean())
    return shares


def write(styles: Sequence[Measured], encoder: Encoder, path: Path) -> None:
    """styles.safetensors: encoder, codes and references."""
    tensors = {f"encoder.{key}": value for key, value in asdict(encoder).items()}
    for style in styles:
        tensors[f"style.{style.name}"] = style.code
        tensors[f"reference.{style.name}"] = style.reference
    header = {"encoder": VERSION, "styles": {style.name: style.made for style in styles}}
    rows = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    path.write_bytes(pack(rows, {KEY: json.dumps(header)}))


def draw(measured: Sequence[Measured], folder: Path) -> None:
    """styles.png (each style saying the same sentence) and styles_map.png."""
    ordered = sorted(measured, key=lambda style: (style.name != DEFAULT, style.name))
    styles = [Style(style.name, style.code) for style in ordered]
    pcm = bundled()[0].pcm()[: SECONDS * SAMPLE_RATE]
    renderer = Renderer(DEFAULT_AVATAR, _SIZE)
    faces = list(
        tqdm(sheet.strips(styles, pcm, renderer, _MOMENTS), total=len(styles), desc="pictures")
    )
    names, codes = [s.name for s in styles], np.stack([s.code for s in styles])
    _save(sheet.sheet(names, faces), folder / "styles.png")
    _save(sheet.chart(names, codes, [f[len(f) // 2] for f in faces]), folder / "styles_map.png")


def _save(picture: U8, path: Path) -> None:
    """A small PNG: toon shading needs few colours."""
    image = Image.fromarray(picture).quantize(_COLOURS, dither=Image.Dither.NONE)
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    path.write_bytes(content.getvalue())


def card(styles: Sequence[Measured], shares: dict[str, float]) -> str:
    """Markdown: what each style is, how it was made, whose it is."""
    rows = [
        f"| {s.name} | {s.what} | {s.seconds[0]:.0f} s / {s.seconds[1]:.0f} s | "
        f"{shares[s.name]:.2f} | {s.source} |"
        for s in styles
    ]
    return _CARD.format(
        count=len(styles), size=len(styles[0].code), version=VERSION, rows="\n".join(rows),
        chance=1 / len(styles),
    )  # fmt: skip


def main(argv: list[str]) -> int:
    """Command line of `python -m engine.train style`."""
    parser = argparse.ArgumentParser(prog="python -m engine.train style", description=__doc__)
    parser.add_argument("--tracks", type=Path, default=troupe.OUT, help="of engine.train tracks")
    parser.add_argument("--out", type=Path, default=ASSETS, help="folder (default: the assets)")
    parser.add_argument("--no-pictures", action="store_true", help="numbers only")
    options = parser.parse_args(argv)
    source = options.out / "styles.safetensors"
    encoder = StyleLibrary(source if source.is_file() else ASSETS / source.name).encoder
    styles = measure(load_tracks(options.tracks), encoder)
    names = {style.name for style in styles}
    if DEFAULT not in names or len(names) < FEWEST:
        raise WeightsError(
            f"{options.tracks} has tracks of {sorted(names)}, expected {FEWEST} bundled manners "
            f"and {DEFAULT!r} among them; make it with python -m engine.train tracks"
        )
    options.out.mkdir(parents=True, exist_ok=True)
    write(styles, encoder, source)
    shares = recognised(styles, encoder)
    (options.out / "styles.md").write_text(card(styles, shares))
    for style in styles:
        print(f"{style.name:16s}{shares[style.name]:6.2f}  {style.made}")
    print(f"{len(styles)} styles, recognised {np.mean(list(shares.values())):.2f} on average")
    if not options.no_pictures:
        draw(styles, options.out)
    return 0
