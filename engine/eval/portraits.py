"""Pictures of the style suite: who is taken for whom, how amplitudes move with a style's weight.

Contract: PNG files in a folder that exists, drawn from the suite's own result.
"""

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from engine.eval.manners import LOUDER, MEASURES, STEPS

matplotlib.use("Agg")


def draw(folder: Path, result: dict[str, Any]) -> None:
    """`recognised_named.png`, `recognised_persons.png`, `intensity.png`."""
    from matplotlib import pyplot

    for kind in ("named", "persons"):
        if result.get(kind):
            figure = _confusion(result[kind], kind)
            figure.savefig(folder / f"recognised_{kind}.png", dpi=90)
            pyplot.close(figure)
    figure = _intensity(result["intensity"]["styles"])
    figure.savefig(folder / "intensity.png", dpi=90)
    pyplot.close(figure)


def _confusion(found: dict[str, Any], kind: str) -> Any:
    from matplotlib import pyplot

    table = np.array(found["confusion"], np.float64)
    table /= np.maximum(table.sum(1, keepdims=True), 1)
    names, size = found["names"], 2.0 + 0.55 * len(found["names"])
    figure, axis = pyplot.subplots(figsize=(size + 1, size), layout="constrained")
    axis.imshow(table, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(table):
        if share >= 0.005:
            colour = "white" if share > 0.5 else "black"
            axis.text(column, row, f"{share:.2f}"[-3:] if share < 1 else "1", ha="center",
                      va="center", fontsize=7, color=colour)  # fmt: skip
    axis.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set(xlabel="nearest reference", ylabel="style asked for")
    axis.set_title(f"{kind}: {found['rate']:.2f} right, permuted {found['chance']:.2f}", fontsize=9)
    return figure


def _intensity(styles: dict[str, dict[str, Any]]) -> Any:
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(MEASURES), figsize=(14, 4.2), layout="constrained")
    for axis, measure in zip(axes, MEASURES, strict=True):
        for name, row in styles.items():
            sizes = np.array(row[measure])
            weights = [*STEPS, LOUDER][: len(sizes)]
            axis.plot(weights, sizes, marker="o", ms=3, label=name)
        axis.set(xlabel="weight of the style, neutral at 0", ylabel=f"deviation of the {measure}")
    axes[0].legend(fontsize=7)
    return figure
