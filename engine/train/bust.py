"""The bust of an avatar: MakeHuman identity -> stylised rest mesh, 52 shapes, skin weights, parts.

Every stylisation is a warp of space, applied to the posed mesh as well, so that a lid of an
enlarged eye still travels the whole way to the other lid.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.face.blendshapes import ARKIT
from engine.train.clay import AGES, Clay
from engine.train.lids import edge
from engine.train.recipe import Identity, Recipe

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# The origin is the midpoint between the eyeballs, so these heights fit every identity (dm).
CUT = -2.6  # the bust ends below the picture
TOP = 1.4
SNOUT = (294, 3135, 495)  # vertices of nose tip and lips
CHEEK = 4779  # the middle of the left one
PUFF = (0.18, 0.20, 0.10)  # dm: height and reach of a puffed cheek, and how far up its middle is
OVERLAP = 0.02  # dm by which the upper lid covers the edge of the lower one when shut
AXIS_Z = -0.7  # the vertical axis of the cylinder that unrolls the skin
# Movements that a toon shows more, or that pull what should stay (x, y, z).
EMPHASIS = {
    "cheekPuff": (1.5, 1.0, 1.0),
    "noseSneer": (1.8, 1.9, 1.6),
    "mouthFrown": (1.1, 1.7, 1.2),
    "mouthPress": (0.35, 1.0, 1.0),
    "mouthUpperUp": (1.0, 1.15, 1.0),
}


@dataclass
class Part:
    """Triangles of one material with their own vertices."""

    name: str
    positions: F64  # [V, 3]
    triangles: I64  # [F, 3]
    uvs: F64  # [V, 2]
    source: I64  # [V] MakeHuman vertex, or -1
    neck: F64  # [V] 0 = shoulders, 1 = head
    weld: I64  # [V] vertices of one number share a normal
    outline: F64  # [V] relative width of the outline
    proxy: F64 = field(default_factory=lambda: np.zeros((0, 4)))  # [V, 4] smooth normal, share
    loose: F64 = field(default_factory=lambda: np.zeros(0))  # [V] share of the hair's swing
    # Shape, or shapes joined by '+' for a corrective -> [V, 3] added to its movement.
    extra: dict[str, F64] = field(default_factory=dict)


def smooth(low: float, high: float, x: F64) -> F64:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def foremost(points: F64, faces: I64, at: F64) -> F64:
    """Depth [N] of the foremost of triangles [F, 3] at each (x, y) [N, 2]; -inf beside them."""
    a, b, c = (points[faces[:, k], None, :2] for k in range(3))
    p = at[None]

    def area(u: F64, v: F64) -> F64:
        return np.asarray(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0])

    whole = area(b - a, c - a)
    whole = np.where(np.abs(whole) < 1e-12, np.nan, whole)
    wb, wc = area(p - a, c - a) / whole, area(b - a, p - a) / whole
    inside = (wb >= -1e-6) & (wc >= -1e-6) & (wb + wc <= 1 + 1e-6)
    z = points[faces, 2]
    depth = z[:, :1] + wb * (z[:, 1:2] - z[:, :1]) + wc * (z[:, 2:] - z[:, :1])
    return np.asarray(np.where(inside, depth, -np.inf).max(0))


def neck_weight(points: F64) -> F64:
    """How much a point follows the head: 0 at the collar bones, 1 from the jaw up."""
    # The nape bends higher than the throat, as a spine does.
    height = points[:, 1] + 0.25 * np.clip(points[:, 2] - AXIS_Z, -0.6, 0.6)
    aside = np.hypot(points[:, 0], points[:, 2] - AXIS_Z)
    return np.asarray(
        smooth(-1.45, -0.72, height) * (1 - smooth(1.0, 1.5, aside) * (points[:, 1] < -1.1))
    )


def skin_uv(points: F64) -> F64:
    """Unroll the head: u around the vertical axis (wider in front), v up."""
    angle = np.arctan2(points[:, 0], points[:, 2] - AXIS_Z)
    u = 0.5 + angle / (2 * np.pi) + 0.6 * np.sin(angle) / (2 * np.pi)
    return np.stack([u, (points[:, 1] - CUT) / (TOP - CUT)], 1)


def line_width(points: F64) -> F64:
    """Relative width of the outline: thin where nose, lips and lids fold in front of the face.

    What is painted draws those; a line around every fold would tick and crawl as it opens.
    """
    x, y, z = points.T
    folds = np.exp(-((x / 0.40) ** 4)) * smooth(-0.35, -0.1, z)
    lips = np.exp(-(((y + 0.68) / 0.24) ** 4))
    # Only the flanks of the tip keep a line, that of the profile: from the front they show none.
    tip = smooth(0.03, 0.08, np.abs(x)) * np.exp(-(((y + 0.42) / 0.12) ** 4))
    nose = np.exp(-(((y + 0.24) / 0.34) ** 6)) * (1 - 0.35 * tip)
    eyes = np.exp(-(((np.abs(x) - 0.38) / 0.28) ** 4) - (y / 0.22) ** 4) * smooth(-0.2, 0.0, z)
    width = (1 - folds * np.maximum(lips, nose)) * (1 - eyes)
    # Thinner than this a line would break into dots.
    return np.asarray(np.clip((width - 0.15) / 0.85, 0, 1))


def face_proxy(points: F64) -> F64:
    """Normals [V, 4] of an egg around the head, and how much of them the shading takes.

    They calm the shadows of small relief on the cheeks and around the eyes; the nose, the lips
    and everything outside the face keep more of their own.
    """
    normal = (points - [0, -0.15, -0.62]) / np.array([0.78, 1.1, 0.95]) ** 2
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    x, y, z = points.T
    share = 0.75 * smooth(-0.75, -0.35, z) * smooth(-1.0, -0.85, y)
    relief = 0.85 * np.exp(-((x / 0.15) ** 2) - ((y + 0.30) / 0.22) ** 2)
    bones = 0.30 * np.exp(-(((np.abs(x) - 0.46) / 0.16) ** 2) - ((y + 0.24) / 0.14) ** 2)
    share *= 1 - np.maximum(relief, bones)
    lids = np.exp(-(((np.abs(x) - 0.40) / 0.28) ** 4) - ((y + 0.02) / 0.18) ** 4)
    share += (1 - share) * lids * smooth(-0.45, -0.25, z)
    return np.concatenate([normal, share[:, None]], axis=1)


def _emphasis(name: str, points: F64) -> F64:
    """How much of a face unit's movement [V or 1, 3] suits a stylised face."""
    scale = EMPHASIS.get(name.removesuffix("Left").removesuffix("Right"), (1.0, 1.0, 1.0))
    amount = np.array([scale])
    if name == "cheekPuff":  # the lips alone: `_puffed` does the cheeks
        amount = amount * smooth(0.40, 0.18, np.abs(points[:, :1]))
    return np.asarray(amount)


def _puffed(points: F64) -> F64:
    """Movement [V, 3] of cheeks blown up: a round swelling of each, without an edge.

    It swells above the corners of the mouth and never down: the face stays narrow at the jaw.
    """
    x, _, z = points.T
    middle = points[CHEEK] + [0, PUFF[2], 0]
    away = np.c_[np.abs(x), points[:, 1:]] - middle
    share = np.exp(-(away**2 / [1.2, 1.0, 1.8]).sum(1) / (2 * PUFF[1] ** 2))
    # Neither the lips nor what lies before the ears.
    share *= smooth(0.20, 0.42, np.abs(x)) * smooth(-0.60, -0.1, z)
    out = points * [1, 0, 1] + [0, 0, 0.25]
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(PUFF[0] * share[:, None] * out)


def breath_weight(points: F64) -> F64:
    """How much a point rises with a breath: 1 on chest and shoulders, 0 from the throat up."""
    return np.asarray(1 - smooth(-2.1, -1.25, points[:, 1]))


def macros(identity: Identity) -> dict[str, float]:
    """MakeHuman targets and weights of an identity, macro and local ones."""
    knots = list(AGES.values())
    ages = {
        name: float(np.interp(identity.age, knots, np.eye(len(knots))[i]))
        for i, name in enumerate(AGES)
    }
    genders = {"female": 1 - identity.gender, "male": identity.gender}
    total = sum(identity.people.values()) or 1.0
    peoples = {name: share / total for name, share in identity.people.items()}
    average = 1 - abs(identity.weight)
    builds = {
        "averagemuscle-maxweight": max(identity.weight, 0.0),
        "averagemuscle-minweight": max(-identity.weight, 0.0),
        "maxmuscle-averageweight": average * identity.muscle,
        "averagemuscle-averageweight": average * (1 - identity.muscle),
    }
    out = dict(identity.targets)
    for gender, of_gender in genders.items():
        for age, of_age in ages.items():
            for name, share in peoples.items():
                out[f"{name}-{gender}-{age}"] = share * of_gender * of_age
            for name, share in builds.items():
                out[f"universal-{gender}-{age}-{name}"] = share * of_gender * of_age
    return {name: weight for name, weight in out.items() if weight}


class Bust:
    """The MakeHuman mesh in the rest pose of an identity, and the movement of its shapes."""

    def __init__(self, source: Clay, recipe: Recipe) -> None:
        self.source = source
        plain = source.positions.copy()
        for name, weight in macros(recipe.identity).items():
            for target in self._sides(name):
                plain += weight * source.target(target)
        eyes = np.concatenate([source.groups[f"helper-{s}-eye"].vertices.ravel() for s in "lr"])
        plain -= [0, *plain[np.unique(eyes), 1:].mean(0)]
        baked = {"eyeWide": recipe.eyes.wide, "mouthSmile": recipe.smile}
        self._baked = {f"{k}{s}": v for k, v in baked.items() for s in ("Left", "Right")}
        for name, weight in self._baked.items():
            plain += weight * source.unit(name)
        self._plain = plain
        self._made: dict[str, F64] = {}  # shapes, each asked for by many parts
        self._growth, self._head = recipe.eyes.growth, recipe.identity.head
        self._muzzle = recipe.identity.muzzle
        # Its middle, which one vertex beside it must not draw to a side.
        self._snout = plain[list(SNOUT)].mean(0) * [0, 1, 1]
        self.eyes = {
            side: plain[np.unique(source.groups[f"helper-{side}-eye"].vertices)].mean(0)
            for side in "lr"
        }
        self.positions = self.warp(plain)

    def _sides(self, name: str) -> tuple[str, ...]:
        """A target's name, or those of its two sides."""
        both = (f"l-{name}", f"r-{name}")
        return both if both[0] in self.source.names else (name,)

    def warp(self, points: F64) -> F64:
        """Draw out a muzzle, enlarge the eyes with all around them, and the head above the neck."""
        points = self._drawn_out(points)
        out = points.copy()
        for centre in self.eyes.values():
            c = centre - [0, 0, 0.10]
            offset = points - c
            reach = offset / [1.15, 1.0, 1.3]
            w = self._growth * np.exp(-(reach**2).sum(1) / (2 * 0.33**2))
            w *= smooth(-0.95, -0.75, points[:, 2])
            out += offset * w[:, None] * [0.9, 1.0, 0.35]
        pivot = np.array([0.0, -0.75, AXIS_Z])
        grow = (self._head - 1) * smooth(-1.1, -0.5, points[:, 1])
        return np.asarray(out + (out - pivot) * grow[:, None])

    def _drawn_out(self, points: F64) -> F64:
        """Nose and mouth pulled forward and together, as an animal's."""
        if not self._muzzle:
            return points
        away = points - self._snout
        near = np.exp(-((away[:, 0] / 0.27) ** 2) - ((away[:, 1] - 0.05) / 0.25) ** 2)
        share = self._muzzle * near * smooth(-0.75, -0.20, away[:, 2])
        pull = np.stack([-0.20 * away[:, 0], 0.04 + 0 * share, 0.36 + 0 * share], 1)
        return np.asarray(points + pull * share[:, None])

    def shape(self, name: str) -> F64:
        """Movement [V, 3] of a blendshape at weight 1, in the stylised space; not to be changed."""
        if name not in self._made:
            self._made[name] = self._shape(name)
            self._made[name].flags.writeable = False
        return self._made[name]

    def _shape(self, name: str) -> F64:
        offsets = self.source.unit(name)
        if name.startswith("eyeBlink"):
            wide = name.replace("Blink", "Wide")
            offsets = offsets - self._baked.get(wide, 0.0) * self.source.unit(wide)
            # The unit reaches into the other eye's socket.
            across = self._plain[:, :1] * (1 if name.endswith("Left") else -1)
            offsets = offsets * smooth(-0.04, 0.06, across)
        offsets = offsets * _emphasis(name, self._plain)
        if name == "cheekPuff":
            offsets = offsets + _puffed(self._plain)
        if name.startswith("mouthSmile"):  # part of the smile is there already
            offsets = offsets * (1 - 0.6 * self._baked.get(name, 0.0))
        move = self.warp(self._plain + offsets) - self.positions
        return self._shut(name, move) * move if name.startswith("eyeBlink") else move

    def _shut(self, name: str, blink: F64) -> float:
        """Share of a blink [V, 3] at which the lids of this face have met."""
        side = "l" if name.endswith("Left") else "r"
        upper, lower = edge(self.source, side), edge(self.source, side, lower=True)
        x = np.quantile(self.positions[upper, 0], np.linspace(0.3, 0.7, 9))

        def height(points: F64, rim: I64) -> F64:
            at = points[rim][points[rim, 0].argsort()]
            return np.asarray(np.interp(x, at[:, 0], at[:, 1]))

        rest, shut = self.positions, self.positions + blink
        tall, past = (height(p, upper) - height(p, lower) for p in (rest, shut))
        return float(np.clip(((tall + OVERLAP) / (tall - past)).max(), 0.7, 1.0))

    def shapes(self) -> F64:
        """All movements [52, V, 3] in the order of ARKIT."""
        return np.stack([self.shape(name) for name in ARKIT])

    def part(self, name: str, vertices: I64, outline: float = 1.0, seam: bool = False) -> Part:
        """A part made of the given quads [F, 4] of the body or a helper."""
        if seam:
            vertices, copies = self._split_seam(vertices)
        else:
            copies = np.zeros(0, np.int64)
        corners = np.concatenate([vertices[:, [0, 1, 2]], vertices[:, [0, 2, 3]]])
        used, triangles = np.unique(corners, return_inverse=True)
        count = len(self.positions)
        source = np.where(used < count, used, copies[np.maximum(used - count, 0)] if seam else used)
        points = self.positions[source]
        uvs = skin_uv(points)
        uvs[used >= count, 0] += 1.0
        return Part(
            name, points, triangles.reshape(-1, 3), uvs, source, neck_weight(points), source,
            outline * line_width(points),
        )  # fmt: skip

    def _split_seam(self, vertices: I64) -> tuple[I64, I64]:
        """Copy the vertices left of the seam at the back in quads that cross it."""
        angle = np.arctan2(self.positions[:, 0], self.positions[:, 2] - AXIS_Z)
        corner = angle[vertices]
        crossing = np.ptp(corner, axis=1) > np.pi
        move = crossing[:, None] & (corner < 0)
        copies, inverse = np.unique(vertices[move], return_inverse=True)
        out = vertices.copy()
        out[move] = len(self.positions) + inverse
        return out, copies

    def body(self) -> tuple[I64, I64]:
        """Quads above the cut: (skin, inside of the mouth)."""
        group = self.source.groups["body"]
        keep = self.positions[group.vertices][:, :, 1].max(1) > CUT
        vertices, uvs = group.vertices[keep], self.source.uvs[group.uvs[keep]].mean(1)
        inside = self.region("inside-mouth", uvs) > 0.5
        return vertices[~inside], vertices[inside]

    def region(self, mask: str, uvs: F64) -> F64:
        """Value of a MakeHuman region mask at MakeHuman uvs [N, 2]."""
        image = self.source.mask(mask)
        rows, columns = image.shape
        y = np.clip(((1 - uvs[:, 1]) * rows).astype(int), 0, rows - 1)
        x = np.clip((uvs[:, 0] * columns).astype(int), 0, columns - 1)
        return np.asarray(image[y, x])

    def group(self, name: str) -> I64:
        """Quads [F, 4] of a helper group."""
        return self.source.groups[f"helper-{name}"].vertices
