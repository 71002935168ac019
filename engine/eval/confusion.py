"""What is taken for what: pictures of the confusions and, in words, what they mean for the lips."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from engine.eval.accuracy import I64, MOUTHS, NAMES, Score, total
from engine.speech.phonemes import PHONES, VISEMES

_LIMIT = 0.5  # darkest shade: off the diagonal hardly anything is larger
_SHADES = 64  # colours of the picture: it stays small enough for a repository

Row = dict[str, float | int | str]


def classes(scores: Sequence[Score]) -> tuple[dict[str, Row], dict[str, Row]]:
    """By viseme and by mouth shape: recall, precision, rows and the commonest mistakes."""
    _, visemes, mouths = total(scores).confusions
    return by_class(visemes, list(VISEMES)), by_class(mouths, list(MOUTHS))


def by_class(confusion: I64, names: Sequence[str], most: int = 3) -> dict[str, Row]:
    """One confusion [N, N]; "taken_for" reads "DD 12 %, sil 8 %"."""
    found: dict[str, Row] = {}
    for i, name in enumerate(names):
        said, heard, right = confusion[i].sum(), confusion[:, i].sum(), confusion[i, i]
        part = confusion[i] / max(said, 1)
        order = [j for j in np.argsort(part)[::-1] if j != i and part[j] >= 0.02][:most]
        found[name] = {
            "recall": float(right / max(said, 1)),
            "precision": float(right / max(heard, 1)),
            "rows": int(said),
            "taken_for": ", ".join(f"{names[j]} {part[j] * 100:.0f} %" for j in order),
        }
    return found


def harmless(scores: Sequence[Score]) -> float:
    """Of the speech rows whose viseme is wrong, the share whose mouth shape is right."""
    counts = dict(zip(NAMES, total(scores).counts, strict=True))
    wrong = counts["speech"] - counts["vis14_sp"]
    return float((counts["mouth6_sp"] - counts["vis14_sp"]) / max(wrong, 1))


def draw(path: Path, sets: Mapping[str, Sequence[Score]]) -> None:
    """PNG: one line of two tables a set: visemes, each row summing to 100 %, and phones."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(sets), 2, figsize=(21, 10 * len(sets)), squeeze=False, layout="constrained"
    )
    for line, (name, scores) in zip(axes, sets.items(), strict=True):
        whole = total(scores)
        tables = ((whole.confusions[1], list(VISEMES), 9), (whole.confusions[0], list(PHONES), 0))
        for axis, (table, names, size) in zip(line, tables, strict=True):
            share = table / np.maximum(table.sum(1, keepdims=True), 1)
            axis.imshow(share, cmap="Blues", vmin=0, vmax=_LIMIT)
            axis.set_xticks(range(len(names)), names, rotation=90 if len(names) > 20 else 0)
            axis.set_yticks(range(len(names)), names)
            axis.set(xlabel="heard", ylabel="said", title=f"{name}: % of the rows said")
            for i, j in np.argwhere(share >= 0.005) if size else ():
                colour = "white" if share[i, j] > _LIMIT * 0.6 else "black"
                text = f"{share[i, j] * 100:.0f}"
                axis.text(j, i, text, ha="center", va="center", fontsize=size, color=colour)
    drawn = BytesIO()
    figure.savefig(drawn, dpi=80)
    pyplot.close(figure)
    Image.open(drawn).convert("RGB").quantize(_SHADES).save(path, "PNG", optimize=True)
