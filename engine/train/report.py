"""What an import made of a file, for the person who asked for it."""

from dataclasses import dataclass, field

from engine.face.blendshapes import ARKIT


@dataclass(frozen=True)
class Report:
    """Result of `engine.train.importer.convert`; `str(report)` is for reading."""

    name: str
    title: str
    kind: str  # "VRM 1.0", "VRM 0.x" or "glTF"
    direct: tuple[str, ...]  # ARKit shapes found in the file
    approximated: dict[str, str]  # shape -> what it is made of
    vertices: int
    triangles: int
    materials: tuple[str, ...]
    pictures: dict[str, tuple[int, int]]  # name -> width, height
    terms: tuple[str, ...]  # what the author says
    warnings: tuple[str, ...] = field(default=())

    @property
    def missing(self) -> tuple[str, ...]:
        """ARKit shapes that nothing in the file can make: they stay still."""
        return tuple(n for n in ARKIT if n not in self.direct and n not in self.approximated)

    def __str__(self) -> str:
        lines = [f"{self.title} ({self.kind}) -> avatar package {self.name}"]
        lines += _listed(f"shapes found: {len(self.direct)} of {len(ARKIT)}", self.direct)
        if self.approximated:
            lines.append(f"shapes approximated: {len(self.approximated)}")
            lines += [f"  {name}: {what}" for name, what in self.approximated.items()]
        lines += _listed(f"shapes missing (stay still): {len(self.missing)}", self.missing)
        lines.append(f"mesh: {self.vertices} vertices, {self.triangles} triangles")
        lines += _listed(f"materials: {len(self.materials)}", self.materials)
        lines.append(f"pictures: {len(self.pictures)}")
        lines += [f"  {name}.png {w} x {h}" for name, (w, h) in self.pictures.items()]
        lines.append("terms of the author:" if self.terms else "the file states no terms")
        lines += [f"  {term}" for term in self.terms]
        lines += [f"note: {warning}" for warning in self.warnings]
        return "\n".join(lines)


def _listed(head: str, names: tuple[str, ...]) -> list[str]:
    """A heading and names under it, about 90 characters a line."""
    rows, row = [head], ""
    for name in names:
        if len(row) + len(name) > 88:
            rows.append(f"  {row.strip()}")
            row = ""
        row += f"{name} "
    return rows + ([f"  {row.strip()}"] if row else [])
