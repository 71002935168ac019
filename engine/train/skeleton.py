"""Nodes of a glTF scene as a tree of world matrices, arms lowered; cycles are refused."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.errors import PackageError
from engine.train.gltf import Gltf, entries, vector

F64 = npt.NDArray[np.float64]
_ARM_DEG = 18.0  # from hanging: where arms that are spread are lowered to


def _local(node: Any, where: str) -> F64:
    if node.matrix is not None:
        return vector(node.matrix, 16, f"{where}.matrix").reshape(4, 4).T
    out = np.eye(4)
    if node.rotation is not None:
        x, y, z, w = vector(node.rotation, 4, f"{where}.rotation")
        length = np.sqrt(x * x + y * y + z * z + w * w)
        if length < 1e-6:
            raise PackageError(f"{where}.rotation has no length")
        x, y, z, w = x / length, y / length, z / length, w / length
        out[:3, :3] = [[1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                       [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                       [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]
                       ]  # fmt: skip
    if node.scale is not None:
        out[:3, :3] *= vector(node.scale, 3, f"{where}.scale")
    if node.translation is not None:
        out[:3, 3] = vector(node.translation, 3, f"{where}.translation")
    return out


@dataclass
class Tree:
    """Nodes of the scene: world matrices and children, by number."""

    world: dict[int, F64]
    children: dict[int, list[int]]

    def below(self, root: int) -> set[int]:
        """A node and everything that hangs on it."""
        found: set[int] = set()
        left = [root]
        while left:
            node = left.pop()
            found.add(node)
            left += self.children.get(node, [])
        return found


def walk(gltf: Gltf) -> Tree:
    """All nodes of the default scene. Raises PackageError for a node that is met twice."""
    nodes = gltf.tree.nodes
    if gltf.tree.scenes:
        scene = gltf.item("scenes", gltf.tree.scene or 0, "the file's scene")
        roots = entries(scene.nodes, "scene.nodes", 8192)
    else:
        children = {c for n in nodes for c in n.children or () if isinstance(c, int)}
        roots = [n for n in range(len(nodes)) if n not in children]
    tree = Tree({}, {})
    left: list[tuple[Any, int, F64]] = [(root, -1, np.eye(4)) for root in roots]
    while left:
        number, above, matrix = left.pop()
        node = gltf.item("nodes", number, "the scene" if above < 0 else f"nodes[{above}]")
        if number in tree.world:
            raise PackageError(f"nodes[{number}] hangs on two nodes or on itself: export again")
        world = matrix @ _local(node, f"nodes[{number}]")
        if not np.isfinite(world).all() or np.abs(world).max() > 1e9:
            raise PackageError(f"nodes[{number}] is scaled or moved beyond any measure")
        below = entries(node.children, f"nodes[{number}].children", 8192)
        tree.world[number], tree.children[number] = world, below
        left += [(child, number, world) for child in below]
    return tree


def lower_arms(tree: Tree, bones: dict[str, int]) -> None:
    """Turn arms that are spread down to the body's sides, in place: a bust shows no T."""
    for side in ("left", "right"):
        upper, lower = bones.get(f"{side}UpperArm", -1), bones.get(f"{side}LowerArm", -1)
        if upper not in tree.world or lower not in tree.world:
            continue
        at = tree.world[upper][:3, 3].copy()
        x, y = (tree.world[lower][:3, 3] - at)[:2]
        now, goal = np.arctan2(x, -y), np.radians(_ARM_DEG) * np.sign(x)
        if abs(now) <= abs(goal) + 0.2:
            continue
        c, s = np.cos(goal - now), np.sin(goal - now)
        turn = np.eye(4)
        turn[:2, :2] = [[c, -s], [s, c]]
        turn[:3, 3] = at - turn[:3, :3] @ at
        for node in tree.below(upper):
            tree.world[node] = turn @ tree.world[node]
