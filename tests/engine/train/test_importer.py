"""Import of GLB and VRM: our own avatars written out as others write theirs, and read back."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.errors import PackageError, RuntimeUnavailable
from engine.face import package
from engine.face.blendshapes import ARKIT, INDEX
from engine.face.mesh import Figure, lip_aperture
from engine.face.package import Package
from engine.frames import Motion
from engine.render.renderer import Renderer
from engine.train import placing
from engine.train.importer import convert
from engine.train.report import Report
from tests.engine.train.glb import Options, dense, export, tiny

pytest.importorskip("pygltflib", reason="needs the extra 'import'")

LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
PRESETS = {
    "aa": {"jawOpen": 0.8},
    "ou": {"mouthPucker": 1.0},
    "ee": {"mouthStretchLeft": 0.5, "mouthStretchRight": 0.5, "jawOpen": 0.2},
    "oh": {"mouthFunnel": 0.8, "jawOpen": 0.3},
    "blink": dict.fromkeys(LIDS, 1.0),
    "happy": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, **dict.fromkeys(LIDS, 0.7)},
    "angry": {"browDownLeft": 1.0, "browDownRight": 1.0},
    "sad": {"browInnerUp": 1.0, "mouthFrownLeft": 1.0, "mouthFrownRight": 1.0},
}
VISEMES = {"viseme_aa": {"jawOpen": 1.0}, "viseme_U": {"mouthPucker": 1.0, "jawOpen": 0.1},
           "viseme_PP": {"mouthPressLeft": 1.0, "mouthPressRight": 1.0},
           "viseme_FF": {"mouthRollLower": 1.0}, "eyesClosed": dict.fromkeys(LIDS, 1.0),
           }  # fmt: skip


def dressed(name: str) -> str:
    """An ARKit name as some exporters have it."""
    for side, letter in (("Left", "L"), ("Right", "R")):
        if name.endswith(side):
            return f"blendShape1.{name.removesuffix(side)}_{letter}"
    return f"HEAD_{name[0].upper()}{name[1:]}"


def swapped(name: str) -> str:
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    return name.removesuffix("Right") + "Left" if name.endswith("Right") else name


CASES = {
    "glb": Options(names={n: dressed(n) for n in ARKIT}),
    "vrm0": Options("vrm0", morph_names=False, quad=True),
    "vrm1": Options("vrm1", morph_names=False, sparse=True, interleaved=True),
    "quantised": Options(quantised=True, skeleton=False, sparse=True, scale=1.0, shift=(3, 2, 1)),
    "presets": Options("vrm1", presets=PRESETS, drop=ARKIT, sparse=True),
    "visemes": Options(presets=VISEMES, drop=ARKIT, sparse=True),
    "swapped": Options(names={n: swapped(n) for n in ARKIT}, sparse=True),
}
FULL = ("glb", "vrm0", "vrm1", "quantised", "swapped")  # those that have all 52


@pytest.fixture(scope="module")
def source() -> Package:
    return package.load("mira")


@pytest.fixture(scope="module")
def imported(source: Package, tmp_path_factory: pytest.TempPathFactory) -> Callable[
    [str], tuple[Report, Package]
]:  # fmt: skip
    folder, made = tmp_path_factory.mktemp("import"), {}

    def get(case: str) -> tuple[Report, Package]:
        if case not in made:
            export(source, folder / f"{case}.glb", CASES[case])
            report = convert(folder / f"{case}.glb", folder / case, case)
            made[case] = report, package.load(folder / case)
        return made[case]

    return get


def weights(**values: float) -> np.ndarray:
    out = np.zeros(52, np.float32)
    for name, value in values.items():
        out[INDEX[name]] = value
    return out


def marks(of: Package, **values: float) -> dict[str, np.ndarray]:
    figure = Figure(of)
    return figure.named(figure.vertices(Motion(0, weights(**values), np.zeros(6, np.float32))))


def eyes(of: Package) -> np.ndarray:
    """Corners of the box around both eyeballs [2, 3]."""
    row = [m.name for m in of.manifest.materials].index("eye")
    points = of.mesh.position[np.unique(of.mesh.triangle[of.mesh.material == row])]
    return np.stack([points.min(0), points.max(0)])


def paired(ours: Package, theirs: Package) -> tuple[np.ndarray, np.ndarray, float, float]:
    """(some vertices of the import, the nearest of the original, scale, distance in dm)."""
    a, b = ours.mesh.position, theirs.mesh.position
    p, q = eyes(ours), eyes(theirs)
    scale = float(np.ptp(p[:, 0]) / np.ptp(q[:, 0]))
    moved = (b - q.mean(0)) * scale + p.mean(0)
    some = np.arange(0, len(a), max(1, len(a) // 250))
    squares = (moved**2).sum(1) - 2 * a[some] @ moved.T + (a[some] ** 2).sum(1)[:, None]
    distance = np.sqrt(np.maximum(squares, 0))
    return some, distance.argmin(1), scale, float(np.quantile(distance.min(1), 0.97))


@pytest.mark.parametrize("case", FULL)
def test_every_shape_comes_back(
    case: str, source: Package, imported: Callable[[str], tuple[Report, Package]]
) -> None:
    report, made = imported(case)
    assert len(report.direct) == 52 and not report.missing and not report.approximated
    mine, nearest, scale, distance = paired(made, source)
    assert distance < 0.01 and 0.8 < scale < 1.25
    ours, theirs = dense(made), dense(source)
    for k, name in enumerate(ARKIT):
        if case == "vrm0":  # the disc before the forehead has no counterpart
            continue
        difference = np.abs(ours[k, mine] - scale * theirs[k, nearest]).max(1)
        # Vertices of the two lips lie in one place: a few pairs are wrong.
        assert np.quantile(difference, 0.97) < 0.012, name


@pytest.mark.parametrize("case", list(CASES))
def test_the_loop_closes(case: str, imported: Callable[[str], tuple[Report, Package]]) -> None:
    _, made = imported(case)
    gaps = [lip_aperture(made, weights(jawOpen=w)) for w in (0, 0.5, 1)]
    assert gaps[1] > gaps[0] + 0.05 and gaps[2] > gaps[1] + 0.05
    rest = marks(made)
    for side, other in (("left", "right"), ("right", "left")):
        shut = marks(made, **{f"eyeBlink{side.title()}": 1.0})
        assert shut[f"lid_upper_{side}"][1] < rest[f"lid_upper_{side}"][1] - 0.05
        assert abs(shut[f"lid_upper_{other}"][1] - rest[f"lid_upper_{other}"][1]) < 0.01
    assert rest["eye_outer_left"][0] > 0.2 > -0.2 > rest["eye_outer_right"][0]
    assert rest["nose_tip"][2] > rest["eye_outer_left"][2]
    assert rest["chin"][1] < rest["lip_lower_inner"][1] < rest["nose_tip"][1] < 0
    assert rest["mouth_corner_left"][0] > 0.1 > -0.1 > rest["mouth_corner_right"][0]


def outline(of: Package) -> np.ndarray:
    renderer = Renderer(of, 96)
    return np.asarray(renderer.gbuffer(Motion(0, weights(), np.zeros(6, np.float32))).mask > 0)


@pytest.mark.parametrize("case", ["glb", "quantised"])
def test_it_fills_the_picture_alike(
    case: str, source: Package, imported: Callable[[str], tuple[Report, Package]]
) -> None:
    _, made = imported(case)
    one, two = outline(source), outline(made)
    assert (one & two).sum() / (one | two).sum() > 0.88


def test_presets_stand_in(
    source: Package, imported: Callable[[str], tuple[Report, Package]]
) -> None:
    report, made = imported("presets")
    assert not report.direct and "tongueOut" in report.missing
    assert report.approximated["jawOpen"] == "aa"
    assert {"mouthPucker", "mouthFunnel", "mouthSmileLeft", "browDownRight", "mouthClose",
            "eyeLookOutLeft"} <= set(report.approximated)  # fmt: skip
    # "happy" shuts the eyes as well: only its mouth makes a smile.
    rest, smile = marks(made), marks(made, mouthSmileLeft=1.0)
    moved = {name: float(np.linalg.norm(smile[name] - rest[name])) for name in rest}
    assert moved["mouth_corner_left"] > 0.08
    assert moved["lid_upper_left"] < 0.05  # a blink moves it .15; smiles lift the lids a little
    assert moved["mouth_corner_right"] < 0.3 * moved["mouth_corner_left"]
    # Eyes turn with their bones, both to the subject's left.
    for name in ("eyeLookOutLeft", "eyeLookInRight"):
        turn = dense(made)[INDEX[name]]
        front = turn[made.mesh.position[:, 2] > 0.04]
        assert front[:, 0].max() > 0.03 and front[:, 0].min() > -0.01
    text = str(report)
    assert "aa" in text and "shapes missing" in text and "tongueOut" in text


def test_visemes_stand_in(imported: Callable[[str], tuple[Report, Package]]) -> None:
    report, _ = imported("visemes")
    assert report.approximated["jawOpen"] == "viseme_aa"
    assert report.approximated["mouthPressLeft"] == "viseme_PP (left)"
    assert "mouthPucker" in report.approximated and "eyeBlinkRight" in report.approximated


def test_alpha_is_cut_out(imported: Callable[[str], tuple[Report, Package]]) -> None:
    _, made = imported("vrm0")
    names = [m.name for m in made.manifest.materials]
    faces = made.mesh.triangle[made.mesh.material == names.index("disc")]
    corners = made.mesh.position[faces]
    centre = (corners.max((0, 1)) + corners.min((0, 1))) / 2
    radius = np.linalg.norm(corners - centre, axis=2).max()
    area = (
        np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        ).sum()
        / 2
    )
    assert area == pytest.approx(np.pi * radius**2, rel=0.05)
    assert 0.17 < radius < 0.21 and len(faces) < 800


def test_sides_are_put_right(imported: Callable[[str], tuple[Report, Package]]) -> None:
    report, _ = imported("swapped")
    assert any("swapped" in w for w in report.warnings)


def test_terms_are_kept_and_obeyed(source: Package, tmp_path: Path) -> None:
    writer = tiny()
    meta = {"name": "Nobody", "authors": ["A. Uthor"], "avatarPermission": "everyone",
            "modification": "prohibited"}  # fmt: skip
    writer.tree["extensions"] = {"VRMC_vrm": {"meta": meta}}
    path = tmp_path / "a.vrm"
    path.write_bytes(writer.data())
    with pytest.raises(PackageError, match="modification is prohibited.*permission"):
        convert(path, tmp_path / "out", "a")
    assert not (tmp_path / "out").exists()
    report = convert(path, tmp_path / "out", "a", permitted=True)
    assert any("permitted" in w for w in report.warnings) and "modification: prohibited" in (
        report.terms
    )
    made = package.load(tmp_path / "out")
    assert "A. Uthor" in made.licence and "copyright: CC0, tests of Vivify" in made.licence
    assert made.manifest.title == "Nobody" and "A. Uthor" in made.manifest.attribution


def test_what_a_face_needs(tmp_path: Path) -> None:
    def refused(names: list[str]) -> str:
        writer = tiny()
        writer.tree["meshes"][0]["extras"]["targetNames"] = names
        (tmp_path / "x.glb").write_bytes(writer.data())
        with pytest.raises(PackageError) as caught:
            convert(tmp_path / "x.glb", tmp_path / "out", "x")
        return str(caught.value)

    assert "no shape opens the mouth" in refused(["nothing", "eyeBlinkLeft", "eyeBlinkRight"])
    assert "eyes were not found" in refused(["jawOpen", "nothing", "nil"])


def test_too_large_a_bust_is_told_in_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "VERTICES", 100)
    (tmp_path / "x.glb").write_bytes(tiny().data())
    with pytest.raises(PackageError, match=r"357 vertices and 640 triangles.*reduce the mesh"):
        convert(tmp_path / "x.glb", tmp_path / "out", "x")


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygltflib", None)
    (tmp_path / "x.glb").write_bytes(tiny().data())
    with pytest.raises(RuntimeUnavailable, match=r"vivify\[import\]"):
        convert(tmp_path / "x.glb", tmp_path / "out", "x")


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x.glb").write_bytes(tiny().data())
    (tmp_path / "photo.png").write_bytes(b"dear")
    with pytest.raises(PackageError, match="other files"):
        convert(tmp_path / "x.glb", tmp_path, "x")
    with pytest.raises(PackageError, match="name"):
        convert(tmp_path / "x.glb", tmp_path / "out", "../x")
    assert (tmp_path / "photo.png").read_bytes() == b"dear"
