"""Every bundled face through many poses: what must not show does not, what must move does."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from engine.face import package
from engine.face.blendshapes import INDEX
from engine.face.camera import POSE_LIMITS
from engine.face.mesh import Figure
from engine.face.swing import LIMIT
from engine.frames import SAMPLE_RATE, Motion
from engine.render.renderer import Renderer
from tests.golden.pictures import STILL, motion

SIZE = 320
GAZES: tuple[dict[str, float], ...] = (
    {},
    {"eyeLookUp": 1.0},
    {"eyeLookDown": 1.0},
    {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0, "eyeSquint": 1.0},
    {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0, "eyeWide": 1.0},
)
SHUT: dict[str, dict[str, float]] = {
    "rest": {},
    "press": {"mouthPress": 1.0},
    "roll": {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},
    "m": {"mouthPress": 0.4, "mouthRollLower": 0.2, "mouthRollUpper": 0.2, "mouthClose": 0.1},
    "close": {"mouthClose": 0.5, "jawOpen": 0.5},
    "close alone": {"mouthClose": 0.8},
    "m in a smile": {"mouthPress": 0.5, "mouthRollLower": 0.2, "mouthSmile": 0.7},
    "puff": {"cheekPuff": 1.0},
    "pucker": {"mouthPucker": 1.0},
}


class Face:
    """One avatar, measured in pixels and at its landmarks."""

    def __init__(self, name: str) -> None:
        self.package = package.load(name)
        self.figure = Figure(self.package)
        self._renderer = Renderer(self.package, SIZE)
        self.rows = {m.name: k + 1 for k, m in enumerate(self.package.manifest.materials)}

    def mask(self, posed: Motion) -> np.ndarray:
        return self._renderer.gbuffer(posed).mask

    def pixels(self, posed: Motion, *materials: str) -> int:
        mask = self.mask(posed)
        return int(np.isin(mask, [self.rows[m] for m in materials]).sum())

    def mark(self, posed: Motion, name: str) -> np.ndarray:
        return np.asarray(self.figure.named(self.figure.vertices(posed))[name])

    def width(self, posed: Motion) -> float:
        left, right = (self.mark(posed, f"mouth_corner_{s}") for s in ("left", "right"))
        return float(left[0] - right[0])


@pytest.fixture(scope="module", params=package.names())
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    yield Face(request.param)


def test_any_motion_is_finite(face: Face) -> None:
    noise = np.random.default_rng(5)
    for start in range(0, 40 * 640, 4 * 640):
        posed = Motion(
            start, noise.uniform(-0.5, 2, 52).astype(np.float32),
            noise.normal(0, 60, 6).astype(np.float32), noise.normal(0, 20, 3).astype(np.float32),
        )  # fmt: skip
        points = face.figure.vertices(posed)
        assert np.isfinite(points).all() and np.abs(points).max() < 20


def test_no_eyeball_shows_through_a_shut_lid(face: Face) -> None:
    for gaze in GAZES:
        for pitch in (-15, 0, 15):
            posed = motion((0, pitch, 0, 0, 0, 0), eyeBlink=1.0, **gaze)
            assert face.pixels(posed, "eye", "glint") == 0, (gaze, pitch)


def test_a_highlight_lies_on_the_eye_whatever_gaze_and_lids(face: Face) -> None:
    # Where a highlight is drawn there is eye or lash behind it: never lid, cheek or brow.
    mesh = face.package.mesh
    keep = mesh.material != face.rows["glint"] - 1
    bare = replace(mesh, triangle=mesh.triangle[keep], material=mesh.material[keep])
    without = Renderer(replace(face.package, mesh=bare), SIZE)
    lids = ({}, {"eyeBlink": 0.4}, {"eyeBlink": 0.7}, {"eyeSquint": 1.0}, {"mouthSmile": 1.0},
            {"eyeBlink": 0.35, "eyeSquint": 0.6})  # fmt: skip
    for gaze in ({"eyeLookDown": 0.8}, *GAZES):
        for number, lid in enumerate(lids):
            turn = ((0, 0), (25, 10), (-25, -12))[number % 3]
            posed = motion((*turn, 0, 0, 0, 0), **(gaze | lid))
            drawn = face.mask(posed) == face.rows["glint"]
            behind = without.gbuffer(posed).mask[drawn]
            off = ~np.isin(behind, [face.rows["eye"], face.rows["lash"]])
            assert off.sum() <= 3, (gaze, lid, turn)  # pixels cut by a lid's edge


def test_eyes_are_open_and_lids_follow_the_gaze(face: Face) -> None:
    assert face.pixels(motion(), "eye") > 100 and face.pixels(motion(), "glint") > 4
    lids = [face.mark(m, "lid_upper_left")[1] for m in
            (motion(eyeLookDown=1.0), motion(), motion(eyeLookUp=1.0))]  # fmt: skip
    assert lids[0] < lids[1] - 0.02 and lids[1] < lids[2]
    # A shut lid lies where it lies, whatever the eye under it does.
    shut = [face.mark(motion(STILL, eyeBlink=1.0, **gaze), "lid_upper_left") for gaze in GAZES[:3]]
    assert np.abs(np.array(shut) - shut[0]).max() < 0.01


@pytest.mark.parametrize("kind", SHUT)
def test_no_tooth_shows_between_shut_lips(face: Face, kind: str) -> None:
    for pose in (STILL, (0, 12, 0, 0, 0, 0), (25, 0, 0, 0, 0, 0)):
        assert face.pixels(motion(pose, **SHUT[kind]), "teeth", "tongue") <= 4, pose
    assert face.pixels(motion(STILL, **SHUT[kind]), "mouth") <= 16


def test_teeth_and_tongue_stay_inside_the_mouth(face: Face) -> None:
    noise = np.random.default_rng(7)
    for _ in range(16):
        posed = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))
        posed.weights[noise.choice(52, 5, replace=False)] = noise.uniform(0.2, 1, 5)
        posed.weights[INDEX["jawOpen"]] = noise.uniform(0, 0.6)
        posed.weights[INDEX["tongueOut"]] = 0
        posed.pose[:2] = noise.uniform(-30, 30), noise.uniform(-15, 15)
        marks = face.figure.named(face.figure.vertices(posed))
        ends = np.array([marks[f"mouth_corner_{s}"] for s in ("left", "right")]
                        + [marks[f"lip_{w}_inner"] for w in ("upper", "lower")])  # fmt: skip
        screen = face.package.manifest.camera.project(ends, SIZE, SIZE)[:, :2]
        low, high = screen.min(0) - 8, screen.max(0) + 8
        rows, columns = np.nonzero(np.isin(face.mask(posed), [face.rows["teeth"],
                                                              face.rows["tongue"]]))  # fmt: skip
        at = np.stack([columns, rows], axis=1)
        assert ((at > low) & (at < high)).all()


def test_the_jaw_opens_steadily(face: Face) -> None:
    gaps, dark = [], []
    for weight in np.linspace(0, 1, 6):
        posed = motion(jawOpen=float(weight))
        marks = (face.mark(posed, f"lip_{which}_inner")[1] for which in ("upper", "lower"))
        gaps.append(next(marks) - next(marks))
        dark.append(face.pixels(posed, "mouth", "teeth", "tongue"))
    assert (np.diff(gaps) > 0.02).all() and (np.diff(dark) > 20).all()
    open_wide = motion(jawOpen=1.0)
    assert min(face.pixels(open_wide, part) for part in ("teeth", "tongue", "mouth")) > 40


def test_a_wider_smile_is_a_wider_mouth_that_shows_teeth(face: Face) -> None:
    widths = [face.width(motion(mouthSmile=w)) for w in (0.0, 0.3, 0.6, 1.0)]
    assert (np.diff(widths) > 0.01).all()
    assert face.pixels(motion(mouthSmile=0.9), "teeth") > 60
    assert face.pixels(motion(mouthSmile=0.25), "teeth") <= 4
    narrow = face.width(motion(mouthSmile=0.6, mouthPucker=0.8))
    assert narrow < face.width(motion(mouthSmile=0.6)) - 0.05


def test_the_tongue_comes_out_between_the_lips(face: Face) -> None:
    # Never through the chin: at each weight it lies in or above the open mouth and the lower lip.
    for weight in (0.3, 0.6, 1.0):
        posed = motion(tongueOut=weight, jawOpen=0.3)
        mask = face.mask(posed)
        rows = np.flatnonzero((mask == face.rows["tongue"]).any(1))
        seam = np.flatnonzero((mask == face.rows["mouth"]).any(1))
        if len(rows):
            assert rows.min() <= seam.max() + 2
    assert face.pixels(motion(tongueOut=1.0, jawOpen=0.4), "tongue") > 120


def test_the_neck_keeps_its_girth(face: Face) -> None:
    mesh = face.package.mesh
    skin = face.package.mesh.material == face.rows["skin"] - 1
    used = np.unique(mesh.triangle[skin])
    rest = mesh.position[used]
    ring = used[(mesh.neck[used] > 0.25) & (mesh.neck[used] < 0.75) & (np.abs(rest[:, 0]) > 0.25)]
    left, right = ring[mesh.position[ring, 0] > 0], ring[mesh.position[ring, 0] < 0]
    mirrored = mesh.position[left] * [-1, 1, 1]
    pair = right[np.linalg.norm(mirrored[:, None] - mesh.position[right], axis=2).argmin(1)]
    still = face.figure.vertices(motion())
    girth = np.linalg.norm(still[left] - still[pair], axis=1)
    yaw, pitch, roll = (float(limit) for limit in POSE_LIMITS[:3])
    for turn in ((yaw, 0, 0), (0, pitch, 0), (0, -pitch, 0), (0, 0, roll), (-yaw, -pitch, roll)):
        # Twice a limit is drawn as the limit.
        points = face.figure.vertices(motion((*(2 * a for a in turn), 0.0, 0.0, 0.0)))
        ratio = np.linalg.norm(points[left] - points[pair], axis=1) / girth
        assert 0.88 < np.median(ratio) < 1.12 and ratio.min() > 0.8, turn


def test_breath_lifts_the_shoulders_and_not_the_face(face: Face) -> None:
    weights, pose = np.zeros(52, np.float32), np.zeros(6, np.float32)
    tops = []
    rest = face.figure.vertices(Motion(0, weights, pose))
    for second in np.arange(0, 16, 0.5):
        points = face.figure.vertices(Motion(int(second * SAMPLE_RATE), weights, pose))
        marks = face.figure.named(points)
        for name in ("nose_tip", "chin", "crown", "lid_upper_left"):
            np.testing.assert_array_equal(marks[name], face.figure.named(rest)[name])
        tops.append(marks["shoulder_left"][1])
    assert 0.02 < np.ptp(tops) < 0.08
    # Calm, and no metronome: one breath is not the next.
    assert np.abs(np.diff(tops)).max() < 0.025
    assert np.abs(np.array(tops[:8]) - tops[8:16]).max() > 0.002


def test_swing_moves_loose_hair_alone_and_not_far(face: Face) -> None:
    mesh, still = face.package.mesh, motion()
    swung = Motion(0, still.weights, still.pose, np.array([1e3, -1e3, 1e3], np.float32))
    moved = np.linalg.norm(face.figure.vertices(swung) - face.figure.vertices(still), axis=1)
    assert (moved[mesh.loose == 0] < 1e-5).all()
    reach = np.linalg.norm(mesh.position, axis=1).max() + 1
    assert moved.max() < reach * np.radians(3 * LIMIT)


@pytest.mark.parametrize("name", ["eyeBlink", "mouthSmile", "noseSneer", "cheekSquint"])
def test_one_sided_weights_move_one_side(face: Face, name: str) -> None:
    one = np.zeros(52, np.float32)
    one[INDEX[f"{name}Left"]] = 1
    points = face.figure.vertices(Motion(0, one, np.zeros(6, np.float32)))
    moved = np.linalg.norm(points - face.figure.vertices(motion()), axis=1)
    mesh = face.package.mesh
    outer = np.unique(mesh.triangle[mesh.material == face.rows["skin"] - 1])
    outer = outer[mesh.position[outer, 2] > 0]
    x, moved = mesh.position[outer, 0], moved[outer]
    assert moved[x > 0.1].max() > max(0.03, 4 * moved[x < -0.1].max())


def test_puffed_cheeks_are_round_and_alike(face: Face) -> None:
    puffed, still = (face.figure.vertices(m) for m in (motion(cheekPuff=1.0), motion()))
    moved = (puffed - still)[:, 0]
    assert moved.max() > 0.08 and abs(moved.max() + moved.min()) < 0.02
    # No fold: neighbours move alike.
    mesh = face.package.mesh
    faces = mesh.triangle[mesh.material == face.rows["skin"] - 1]
    along = np.linalg.norm(still[faces[:, 0]] - still[faces[:, 1]], axis=1)
    apart = np.linalg.norm((puffed - still)[faces[:, 0]] - (puffed - still)[faces[:, 1]], axis=1)
    assert (apart[along > 0.02] / along[along > 0.02]).max() < 1.8
