"""Tables on the screen: a row per method or style, a column per figure."""

from collections.abc import Mapping

Table = Mapping[str, Mapping[str, float]]


def show(title: str, table: Table, columns: Mapping[str, int]) -> None:
    """Print a table; `columns`: figure -> digits. Figures that a row lacks stay empty."""
    heads = {name: f"{name.replace('_', ' '):>6s}" for name in columns}
    side = max(map(len, table), default=0) + 2
    print(f"\n{title}")
    print(" " * side + "".join(f"{head:>{len(head) + 2}s}" for head in heads.values()))
    for name, row in table.items():
        cells = (
            f"{row[c]:{len(heads[c]) + 2}.{d}f}" if c in row else " " * (len(heads[c]) + 2)
            for c, d in columns.items()
        )
        print(f"{name:{side}s}" + "".join(cells))
