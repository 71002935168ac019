"""A picture with the rig laid over it -> an avatar package that is the picture, and moves.

Of the rig stay the face inside its oval, eyeballs, teeth, tongue and throat; what is around comes
from the picture (engine.train.neural.sheet). Every corner of a triangle has its place on one page
(engine.train.neural.inpaint), so both looks draw it: the toon renderer flat, the neural one sharp
and, after training, better than warped.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file

from engine.face.blendshapes import INDEX
from engine.face.learned import FILE, Config, dump
from engine.face.likeness import Likeness
from engine.face.likeness import dump as dump_likeness
from engine.face.mesh import Figure
from engine.face.package import Package, load
from engine.frames import Motion
from engine.train.bust import F64, I64, smooth
from engine.train.neural import inpaint
from engine.train.neural.backdrop import filled
from engine.train.neural.form import BLINK, Form, flattened
from engine.train.neural.inpaint import SIDE, Page
from engine.train.neural.sheet import Oval, lay
from engine.train.neural.texturer import Joint
from engine.train.neural.unwrap import SIZE, Unwrapped, projected
from engine.train.pack import sparse

PHOTO, PLATE, MESH = "photo", "plate", "mesh.safetensors"
_INNER = ("mouth", "eye", "teeth", "tongue")
_EDGE = 0.87  # of the oval: the skin that stays
_BEHIND = 0.08  # dm behind the oval's deepest point: there a head's back begins
_MOVED = 0.5  # px by which shutting the eyes moves what belongs to the lids
_SHADE = 0.75  # of the light is lost on the teeth at the sides
_EYE_REACH = 46.0  # px around an eye within which lids lie
_SMILE = 0.5  # share of the picture's smile that stays at rest
_BEHIND_LID, _BEFORE = 0.03, 0.09  # dm: where shut lids wait, and how far a blink brings them
_OVERLAP = 0.012  # dm: how far they close over the lower ones
_RELIEF_FROM, _RELIEF = 0.15, 0.5  # dm: where the sides begin, and what is left of their depth


@dataclass(frozen=True, slots=True)
class _Kept:
    """What stays of the rig."""

    triangle: I64  # [F, 3] of the rig's vertices
    material: I64  # [F] index into `names`
    names: tuple[str, ...]
    lid: I64  # [F] 1, 2: of the right, left upper lid's part that moves; else 0


@dataclass(frozen=True, slots=True)
class _Part:
    """Vertices beside the rig's."""

    position: F64  # [N, 3]
    moves: F64  # [52 + C, N, 3]
    neck: F64  # [N]
    breath: F64  # [N]
    triangle: I64  # [F, 3]
    places: F64  # [F, 3, 2] on the page
    material: str


def mount(
    made: Unwrapped, folder: Path, likeness: Likeness, config: Config, joint: Joint
) -> Package:  # fmt: skip
    """Write the package into `folder`, which holds the rig's; returns it."""
    package, seen = made.package, made.screen()
    oval = Oval.of(seen, made.vertex)
    shut = made.weights.copy()
    shut[[INDEX[name] for name in BLINK]] = 1.0
    blink = projected(package, Motion(0, shut, np.zeros(6, np.float32)))
    kept = _kept(made, oval, seen, blink)
    form = Form.of(made)
    page = inpaint.page(made.picture, made.points)
    parts = [*_lids(form, kept, blink, page), _surroundings(made, form, kept, oval, seen)]
    used = np.unique(kept.triangle)
    places = np.concatenate([_places(made, kept, seen, page), *(p.places for p in parts)])
    _tensors(folder, made, form, kept, used, parts, places)
    _manifest(folder, made, kept, used, parts, likeness)
    pixels = np.rint(page.pixels * 255).astype(np.uint8)
    Image.fromarray(pixels[..., :3]).save(folder / f"{PHOTO}.png")
    around = np.mgrid[:SIZE, :SIZE][::-1].reshape(2, -1).T + 0.5
    hole = (oval.share(around) < 1).reshape(SIZE, SIZE)
    Image.fromarray(filled(made.picture, hole)).save(folder / f"{PLATE}.png")
    # The sheet covers all of the picture: nothing behind it is to be left alone, so no erosion.
    config = replace(config, background=PLATE)
    corner = ((places + 0.5) / SIDE).astype(np.float32)
    with torch.no_grad():
        texture = joint.texture(pixels)[0].permute(1, 2, 0).numpy()
    weights = {key: value.numpy() for key, value in joint.net.state_dict().items()}
    look = dump(config, texture, corner, weights)
    (folder / FILE).write_bytes(look)
    return load(folder)


def _lids(form: Form, kept: _Kept, blink: F64, page: Page) -> list[_Part]:
    """Shut lids, which the picture does not show: behind the open ones, before them in a blink."""
    parts = []
    for eye in range(2):
        triangles = kept.triangle[kept.lid == eye + 1]
        if not len(triangles):
            continue
        own, index = np.unique(triangles, return_inverse=True)
        moves = form.moves[:, own].copy()
        moves[INDEX[BLINK[eye]]] += [0, -_OVERLAP, _BEFORE]
        places = inpaint.of_eye(blink[own, :2], eye, page.centres[eye], True)
        index = index.reshape(-1, 3)
        parts.append(_Part(form.rest[own] - [0, 0, _BEHIND_LID], moves, np.ones(len(own)),
                           np.zeros(len(own)), index, places[index], "skin"))  # fmt: skip
    return parts


def _surroundings(made: Unwrapped, form: Form, kept: _Kept, oval: Oval, seen: F64) -> _Part:
    """Hair, neck, shoulders and what lies behind, as a sheet."""
    skin = np.unique(kept.triangle[kept.material == 0])
    camera = made.package.manifest.camera
    shown = flattened(Figure(made.package).vertices(made.motion).astype(float), camera)
    flat = np.concatenate([seen[:, :2], shown[:, 2:]], axis=1)
    sheet = lay(oval, flat, form.rest, shown, skin, camera, SIZE)
    moves = (form.moves[:, sheet.source] * sheet.share[None, ..., None]).sum(2)
    places = inpaint.of_picture(sheet.place)[sheet.triangle]
    return _Part(sheet.position, moves, sheet.neck, sheet.breath, sheet.triangle, places, "sheet")


def _kept(made: Unwrapped, oval: Oval, seen: F64, blink: F64) -> _Kept:
    """The face's front inside the oval, and what lies in its openings."""
    mesh = made.package.mesh
    table = [m.name for m in made.package.manifest.materials]
    deepest = seen[made.vertex, 2].min() - _BEHIND
    inside = (oval.share(seen[:, :2]) < _EDGE) & (seen[:, 2] > deepest)
    own = mesh.material == table.index("skin")
    faces = [mesh.triangle[own & inside[mesh.triangle].all(1)]]
    faces += [mesh.triangle[mesh.material == table.index(name)] for name in _INNER]
    material = np.repeat(np.arange(len(faces)), [len(f) for f in faces])
    triangle = np.concatenate(faces).astype(np.int64)
    moved = blink[:, 1] - seen[:, 1] > _MOVED
    lid = np.zeros(len(triangle), np.int64)
    for eye in range(2):
        apart = np.abs(seen[:, :2] - inpaint.centre(made.points, eye))
        near = (apart[:, 0] < _EYE_REACH) & (apart[:, 1] < 0.8 * _EYE_REACH)
        lid[(material == 0) & near[triangle].all(1) & moved[triangle].any(1)] = eye + 1
    return _Kept(triangle, material, ("skin", *_INNER), lid)


def _places(made: Unwrapped, kept: _Kept, seen: F64, page: Page) -> F64:
    """Where on the page each corner of the rig's triangles lies [F, 3, 2]."""
    flat = seen[:, :2].copy()
    around = np.unique(kept.triangle[kept.material == 0])
    flat[around] = inpaint.outside_mouth(flat[around], made.points)
    out = inpaint.of_picture(flat)[kept.triangle]
    for index, name in enumerate(kept.names):
        own = kept.material == index
        if name in inpaint.MOUTHS:
            light = made.package.mesh.proxy[kept.triangle[own], 2].astype(float)
            if name == "teeth":  # in the shade of cheeks, which the rig's light does not know
                aside = np.abs(seen[kept.triangle[own], 0] - made.points[13, 0])
                light *= 1 - _SHADE * smooth(0.25, 0.85, aside / aside.max())
            out[own] = inpaint.of_ramp(name, light.ravel()).reshape(-1, 3, 2)
    middle = page.centres.mean(0)[0]
    balls = kept.material == kept.names.index("eye")
    for eye, centre in enumerate(page.centres):
        side = seen[:, 0] < middle if eye == 0 else seen[:, 0] >= middle
        own = balls & side[kept.triangle].all(1)
        out[own] = inpaint.of_eye(seen[:, :2], eye, centre)[kept.triangle[own]]
    return out


def _tensors(
    folder: Path, made: Unwrapped, form: Form, kept: _Kept, used: I64, parts: list[_Part],
    places: F64,
) -> None:  # fmt: skip
    """Write mesh.safetensors of the rig's used vertices and all other parts."""
    mesh = made.package.mesh
    number = np.full(len(mesh.position), -1)
    number[used] = np.arange(len(used))
    triangles, materials, count = [number[kept.triangle]], [kept.material], len(used)
    for part in parts:
        triangles.append(part.triangle + count)
        materials.append(np.full(len(part.triangle), _names(kept).index(part.material)))
        count += len(part.position)
    triangle = np.concatenate(triangles)
    uv = np.zeros((count, 2))
    uv[triangle] = places / SIDE
    uv[:, 1] = 1 - uv[:, 1]
    _, weld = np.unique(mesh.weld[used], return_inverse=True)
    extra = count - len(used)
    tensors = {
        "position": np.concatenate([form.rest[used], *(p.position for p in parts)]),
        "uv": uv, "triangle": triangle, "material": np.concatenate(materials),
        "weld": np.concatenate([weld, weld.max() + 1 + np.arange(extra)]),
        "neck": np.concatenate([np.ones(len(used)), *(p.neck for p in parts)]),
        "outline": np.zeros(count),
        "proxy": np.concatenate([mesh.proxy[used], np.zeros((extra, 4))]),
        "ambient": np.full(count, 255), "loose": np.zeros(count),
        "breath": np.rint(255 * np.concatenate([np.zeros(len(used)), *(p.breath for p in parts)])),
    }  # fmt: skip
    shapes = sparse(np.concatenate([form.moves[:, used], *(p.moves for p in parts)], axis=1))
    kinds = {name: str(array.dtype) for name, array in load_file(folder / MESH).items()}
    typed = {name: np.ascontiguousarray(a, kinds[name]) for name, a in (tensors | shapes).items()}
    save_file(typed, folder / MESH)


def _names(kept: _Kept) -> list[str]:
    """All materials, in order."""
    return [*kept.names, "sheet"]


def _manifest(
    folder: Path, made: Unwrapped, kept: _Kept, used: I64, parts: list[_Part], likeness: Likeness
) -> None:
    """Rewrite avatar.json: materials of what stays, one texture, landmarks, the smile."""
    path = folder / "avatar.json"
    about: dict[str, Any] = json.loads(path.read_text())
    rows = {row["name"]: row for row in about["materials"]}
    # Lit everywhere alike: what is flat has no texture.
    plain = {
        "flat": False, "threshold": -2.0, "softness": 0.01, "rim": 0.0, "lift": 0.0,
        "shine": {"strength": 0.0, "edge": 0.9, "softness": 0.05}, "ambient": 0.0,
        "outline": None, "casts": False, "receives": 0.0, "texture": PHOTO,
    }  # fmt: skip
    flat = [{**rows[name], **plain} for name in kept.names]
    about["materials"] = [*flat, {**rows["skin"], **plain, "name": "sheet"}]
    for texture in about["textures"].values():
        for layer in texture.get("layers", ()):
            (folder / f"{layer['mask']}.png").unlink(missing_ok=True)
    about["textures"] = {PHOTO: {"picture": PHOTO}}
    number = {int(v): i for i, v in enumerate(used)}
    whole = np.concatenate([made.package.mesh.position[used], *(p.position for p in parts)])
    for name, vertex in about["landmarks"].items():
        if vertex not in number:
            apart = np.linalg.norm(whole - made.package.mesh.position[vertex], axis=1)
            number[vertex] = int(apart.argmin())
        about["landmarks"][name] = number[vertex]
    about["rest"] = {
        name: round(_SMILE * float(made.weights[INDEX[name]]), 3)
        for name in ("mouthSmileLeft", "mouthSmileRight")
    }
    about["likeness"] = dump_likeness(likeness)
    (folder / "recipe.json").unlink(missing_ok=True)
    path.write_text(json.dumps(about, indent=1) + "\n")
