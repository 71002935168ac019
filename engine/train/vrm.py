"""What a VRM file (0.x or 1.0) says of itself: bones, expressions, spring bones, author's terms.

Contract: the same `Vrm` for both versions, and for a plain glTF file, whose bones are known by
common names. Expressions are lists of `Bind`s; nothing is applied here.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from engine.errors import PackageError
from engine.train.gltf import Gltf, entries, table, whole

BONES = ("head", "neck", "leftEye", "rightEye", "jaw", "leftUpperArm", "rightUpperArm",
         "leftLowerArm", "rightLowerArm")  # fmt: skip
# VRM 0.x names of presets -> those of 1.0
_PRESETS = {"a": "aa", "i": "ih", "u": "ou", "e": "ee", "o": "oh", "joy": "happy",
            "sorrow": "sad", "fun": "relaxed", "blink_l": "blinkLeft", "blink_r": "blinkRight",
            "lookup": "lookUp", "lookdown": "lookDown", "lookleft": "lookLeft",
            "lookright": "lookRight"}  # fmt: skip
_NAMED = {  # plain glTF: letters of a joint's name, prefixes such as "mixamorig" left out
    "head": r"(?:.*[_:. ])?(?:mixamorig|bip0*1|cc_?base)?[_:. ]*head",
    "neck": r"(?:.*[_:. ])?(?:mixamorig|bip0*1|cc_?base)?[_:. ]*neck(?:0?1|twist0?1)?",
    "leftEye": r"(?:.*[_:. ])?(?:left_?eye|eye_?left|eye[_. ]?l|l[_. ]eye)(?:ball)?",
    "rightEye": r"(?:.*[_:. ])?(?:right_?eye|eye_?right|eye[_. ]?r|r[_. ]eye)(?:ball)?",
    "jaw": r"(?:.*[_:. ])?(?:jaw|jawroot|lowerjaw)",
    "leftUpperArm": r"(?:.*[_:. ])?(?:mixamorig)?(?:leftarm|leftupperarm|upper_?arm[_. ]l)",
    "rightUpperArm": r"(?:.*[_:. ])?(?:mixamorig)?(?:rightarm|rightupperarm|upper_?arm[_. ]r)",
    "leftLowerArm": r"(?:.*[_:. ])?(?:mixamorig)?(?:leftforearm|leftlowerarm|lower_?arm[_. ]l)",
    "rightLowerArm": r"(?:.*[_:. ])?(?:mixamorig)?(?:rightforearm|rightlowerarm|lower_?arm[_. ]r)",
}
_ND = ("CC_BY_ND", "CC_BY_NC_ND")
LOOK_DEG = 25.0  # of an eye bone at weight 1, where the file does not say


@dataclass(frozen=True)
class Bind:
    """A share of one morph target; exactly one of mesh and node is set."""

    mesh: int | None
    node: int | None
    target: int
    weight: float


@dataclass
class Vrm:
    """Version ("" for plain glTF), bones by humanoid name, expressions, terms."""

    version: str
    bones: dict[str, int] = field(default_factory=dict)  # name -> node
    expressions: dict[str, list[Bind]] = field(default_factory=dict)  # presets in 1.0 spelling
    springs: set[int] = field(default_factory=set)  # nodes that sway
    look_deg: tuple[float, float] = (LOOK_DEG, LOOK_DEG)  # sideways, up and down
    title: str = ""
    author: str = ""
    terms: list[str] = field(default_factory=list)  # lines for a person
    forbids: list[str] = field(default_factory=list)  # why it may not be imported
    toon: dict[int, dict[str, Any]] = field(default_factory=dict)  # material -> VRM 0.x properties


def line(value: Any, most: int = 300) -> str:
    """Text of a file, fit for one line of a licence or a terminal."""
    text = value if isinstance(value, str) else ""
    text = "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else " " for c in text)
    return " ".join(text.split())[:most]


def _bind(value: Any, at: str, scale: float) -> Bind | None:
    row = table(value)
    weight = row.get("weight", scale)
    if not isinstance(weight, int | float) or not abs(weight) <= 1000:
        raise PackageError(f"{at}.weight is {weight!r:.40}, expected a number")
    key = "mesh" if "mesh" in row else "node"
    if not isinstance(row.get(key), int) or row[key] < 0:  # exporters leave -1 for a lost mesh
        return None
    number = whole(row[key], 0, 100_000, f"{at}.{key}")
    target = whole(row.get("index"), 0, 10_000, f"{at}.index")
    mesh, node = (number, None) if key == "mesh" else (None, number)
    return Bind(mesh, node, target, float(weight) / scale)


def _binds(rows: Any, at: str, scale: float) -> list[Bind]:
    found = [_bind(row, at, scale) for row in entries(rows, at)]
    return [bind for bind in found if bind is not None]


def _node(gltf: Gltf, number: Any, at: str) -> int:
    gltf.item("nodes", number, at)
    return int(number)


def _degrees(value: Any) -> float:
    """How far a look turns an eye bone, within what an eye does."""
    fine = isinstance(value, int | float) and 0 < value <= 90
    return min(max(float(value), 6.0), 35.0) if fine else LOOK_DEG


def _terms(meta: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    rows = []
    for name in names:
        value = meta.get(name)
        if isinstance(value, list):
            value = ", ".join(line(v) for v in value[:20])
        text = str(value).lower() if isinstance(value, bool) else line(value)
        if text:
            rows.append(f"{name}: {text}")
    return rows


def _old(gltf: Gltf, root: dict[str, Any]) -> Vrm:
    """VRM 0.x."""
    meta, made = table(root.get("meta")), Vrm("0.x")
    for row in entries(table(root.get("humanoid")).get("humanBones"), "VRM.humanoid.humanBones"):
        bone = table(row).get("bone")
        if bone in BONES:
            made.bones[bone] = _node(gltf, row.get("node"), f"VRM.humanoid {bone}")
    groups = table(root.get("blendShapeMaster")).get("blendShapeGroups")
    for row in entries(groups, "VRM.blendShapeGroups"):
        group = table(row)
        preset = line(group.get("presetName")).lower()
        name = preset if preset not in ("", "unknown") else line(group.get("name"))
        binds = _binds(group.get("binds"), f"VRM expression {name:.40}", 100.0)
        if binds:
            made.expressions.setdefault(_PRESETS.get(name, name), binds)
    first = table(root.get("firstPerson"))
    if first.get("lookAtTypeName") == "Bone":
        made.look_deg = tuple(
            _degrees(table(first.get(f"lookAt{way}")).get("yRange"))
            for way in ("HorizontalOuter", "VerticalUp")
        )  # type: ignore[assignment]
    for row in entries(table(root.get("secondaryAnimation")).get("boneGroups"), "VRM.boneGroups"):
        nodes = entries(table(row).get("bones"), "VRM.boneGroups.bones")
        made.springs.update(_node(gltf, n, "VRM.boneGroups") for n in nodes)
    for number, row in enumerate(entries(root.get("materialProperties"), "materialProperties")):
        made.toon[number] = table(row)
    made.title, made.author = line(meta.get("title"), 100), line(meta.get("author"), 200)
    made.terms = _terms(meta, ("title", "version", "author", "contactInformation", "reference",
                               "allowedUserName", "violentUssageName", "sexualUssageName",
                               "commercialUssageName", "otherPermissionUrl", "licenseName",
                               "otherLicenseUrl"))  # fmt: skip
    if meta.get("allowedUserName", "OnlyAuthor") != "Everyone":
        made.forbids.append(f"allowedUserName is {line(meta.get('allowedUserName')) or 'not set'}")
    if meta.get("licenseName") in _ND:
        made.forbids.append(f"licence {meta['licenseName']} forbids modified versions")
    return made


def _new(gltf: Gltf, root: dict[str, Any]) -> Vrm:
    """VRM 1.0."""
    meta, made = table(root.get("meta")), Vrm("1.0")
    bones = table(table(root.get("humanoid")).get("humanBones"))
    for bone in BONES:
        if bone in bones:
            made.bones[bone] = _node(
                gltf, table(bones[bone]).get("node"), f"VRMC_vrm.humanoid {bone}"
            )
    for kind in ("preset", "custom"):
        for name, value in list(table(table(root.get("expressions")).get(kind)).items())[:1000]:
            at = f"VRMC_vrm expression {line(name, 40)}"
            binds = _binds(table(value).get("morphTargetBinds"), at, 1.0)
            if binds:
                made.expressions.setdefault(line(name), binds)
    look = table(root.get("lookAt"))
    if look.get("type") == "bone":
        made.look_deg = tuple(
            _degrees(table(look.get(f"rangeMap{way}")).get("outputScale"))
            for way in ("HorizontalOuter", "VerticalUp")
        )  # type: ignore[assignment]
    spring = table(gltf.extensions.get("VRMC_springBone"))
    for row in entries(spring.get("springs"), "VRMC_springBone.springs"):
        for joint in entries(table(row).get("joints"), "VRMC_springBone.joints"):
            made.springs.add(_node(gltf, table(joint).get("node"), "VRMC_springBone"))
    made.title = line(meta.get("name"), 100)
    made.author = ", ".join(line(a) for a in entries(meta.get("authors"), "VRMC_vrm authors"))[:200]
    made.terms = _terms(meta, ("name", "version", "authors", "copyrightInformation",
                               "contactInformation", "references", "thirdPartyLicenses",
                               "licenseUrl", "avatarPermission", "allowExcessivelyViolentUsage",
                               "allowExcessivelySexualUsage", "commercialUsage",
                               "allowPoliticalOrReligiousUsage", "allowAntisocialOrHateUsage",
                               "creditNotation", "allowRedistribution", "modification",
                               "otherLicenseUrl"))  # fmt: skip
    if meta.get("avatarPermission", "onlyAuthor") != "everyone":
        made.forbids.append(f"avatarPermission is {line(meta.get('avatarPermission')) or 'unset'}")
    if meta.get("modification", "prohibited") == "prohibited":
        made.forbids.append("modification is prohibited")
    return made


def read(gltf: Gltf) -> Vrm:
    """The file's VRM extension, or what a plain glTF file's joint names tell."""
    if "VRMC_vrm" in gltf.extensions:
        return _new(gltf, table(gltf.extensions["VRMC_vrm"]))
    if "VRM" in gltf.extensions:
        return _old(gltf, table(gltf.extensions["VRM"]))
    made, nodes = Vrm(""), gltf.tree.nodes
    joints = {j for s in gltf.tree.skins for j in s.joints or () if isinstance(j, int)}
    order = sorted(range(len(nodes)), key=lambda n: n not in joints)
    for bone, pattern in _NAMED.items():
        for number in order:
            name = nodes[number].name
            if number not in joints and nodes[number].mesh is not None and "Eye" not in bone:
                continue  # a mesh called head carries neck and chest as well
            if isinstance(name, str) and len(name) < 60 and re.fullmatch(pattern, name.lower()):
                made.bones.setdefault(bone, number)
    return made
