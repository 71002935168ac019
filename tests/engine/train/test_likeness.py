"""A photo becomes a recipe: shape by synthetic landmarks, colours by our own pictures, and every
file that is no photo is refused."""

import io
import json
import struct
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import TrackingError, WeightsError
from engine.face.camera import rotation
from engine.face.palette import derived, oklab
from engine.frames import BLENDSHAPES, POSE, U8, Motion
from engine.render.renderer import Renderer
from engine.tracker.models import Models
from engine.train import likeness, recipe, tints
from engine.train.anchors import BASE, FLIP, SAMPLE, Anchors, aligned, similar
from engine.train.avatar import build
from engine.train.axes import axes, shape, targets, values
from engine.train.bust import F64, Bust
from engine.train.clay import Clay
from engine.train.fit import Space
from engine.train.portrait import Portrait
from engine.train.recipe import Eyes, Hair, Identity, Recipe

STILL = Motion(0, np.zeros(BLENDSHAPES, np.float32), np.zeros(len(POSE), np.float32))
SMILE = {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7, "jawOpen": 0.25}
PEOPLE = [
    Identity({"african": 0.8, "asian": 0.1, "caucasian": 0.1}, 0.1, 24.0, 0.3),
    Identity({"african": 0.1, "asian": 0.8, "caucasian": 0.1}, 0.9, 45.0, -0.3),
    Identity({"african": 0.1, "asian": 0.1, "caucasian": 0.8}, 0.9, 62.0, 0.5, 0.4),
    Identity({"african": 0.3, "asian": 0.4, "caucasian": 0.3}, 0.2, 33.0, -0.5,
             targets={"nose-scale-horiz-incr": 0.7, "chin-width-decr": 0.6}),
]  # fmt: skip


@pytest.fixture(scope="session")
def models(networks: Path) -> Models:
    pytest.importorskip("ai_edge_litert", reason="needs the extra `tracker`")
    return Models.load(networks)


@cache
def clay() -> Clay:
    return Clay.load()


def space() -> Space:
    return likeness.space()


def apart(who: Identity) -> F64:
    """How the landmarks of somebody differ from an even mix of all."""
    at = Anchors.load().vertex
    base = shape(clay(), BASE, at)
    return aligned(shape(clay(), who, at), base) - base


def seen(who: Identity, weights: dict[str, float], pose: tuple[float, float, float]) -> F64:
    """Landmarks of a photo as networks would give them, noise and all."""
    face = space().face(np.zeros(len(space().axes)), weights) + apart(who)
    turned = face @ rotation(*pose).T * 180 + [320, -260, 0]
    return np.asarray(turned * FLIP + np.random.default_rng(0).normal(0, 0.8, face.shape))


def given(identity: F64) -> F64:
    """How landmarks differ by the targets that a likeness names."""
    return apart(replace(BASE, targets=targets(space().axes, identity)))


def r(one: F64, other: F64) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("who", range(len(PEOPLE)))
def test_a_shape_comes_back_from_its_landmarks(who: int) -> None:
    found = space().fit(seen(PEOPLE[who], {}, (6.0, -4.0, 3.0)))
    shapes = [r(given(found.identity), apart(other)) for other in PEOPLE]
    assert int(np.argmax(shapes)) == who and shapes[who] > 0.5
    assert found.residual < 0.012 and found.drawn < 0.4
    assert np.abs([found.yaw - 6, found.pitch + 4, found.roll - 3]).max() < 4


def test_a_smile_is_not_taken_for_a_shape() -> None:
    calm = space().fit(seen(PEOPLE[1], {}, (0.0, 0.0, 0.0)))
    smiling = space().fit(seen(PEOPLE[1], SMILE, (-15.0, 5.0, 0.0)))
    assert r(given(calm.identity), given(smiling.identity)) > 0.85
    assert smiling.expression["mouthSmileLeft"] > 0.3 > calm.expression.get("mouthSmileLeft", 0)
    assert smiling.expression["jawOpen"] > calm.expression.get("jawOpen", 0) + 0.1


def test_a_camera_close_by_is_not_taken_for_a_shape() -> None:
    face = space().mean * 180
    depth = face[:, 2:] - face[:, 2:].mean()
    near = face * np.where([True, True, False], 1 + depth / 700, 1)
    found, usual = space().fit(near * FLIP), space().fit(face * FLIP)
    assert found.near > usual.near + 0.05
    assert np.abs(found.identity - usual.identity).max() < 0.2


def test_our_own_pictures_are_taken_for_drawings() -> None:
    anchors = Anchors.load()
    assert space().fit(anchors.drawn * 180 * FLIP).drawn > 0.7
    assert abs(space().fit(anchors.photo * 180 * FLIP).drawn) < 0.2


def test_whatever_the_landmarks_a_recipe_is_sound() -> None:
    wild = np.random.default_rng(1).normal(0, 60, (478, 3))
    found = space().fit(wild)
    assert np.isfinite(found.identity).all() and np.abs(found.identity).max() <= 1
    seen = tints.Tints((0.9, 0.7, 0.6), None, None, None, None, None, "bald", 0.0, 1.0, 1.0)
    made = likeness.express(found, seen)
    again = recipe.parse(json.loads(recipe.text(made)))
    assert again.identity.targets == made.identity.targets and made.hair.cut == "none"
    assert set(again.palette) == {"skin"}
    names = set(clay().names) | {name[2:] for name in clay().names}
    assert set(made.identity.targets) <= names
    assert made.identity.gender == BASE.gender and made.identity.people == BASE.people


def test_axes_have_two_directions_and_no_sides() -> None:
    found = axes(clay())
    by_name = {axis.plus: axis for axis in found}
    assert by_name["nose-scale-horiz-incr"].minus == "nose-scale-horiz-decr"
    assert by_name["head-oval"].least == 0 and len(found) > 50
    assert not [a for a in found if "ear" in a.plus.split("-")[0] or a.plus.startswith("neck")]
    value = np.linspace(-0.9, 0.9, len(found)).clip([a.least for a in found])
    back = values(found, targets(found, value, least=0.0))
    np.testing.assert_allclose(back, value, atol=1e-3)


def test_a_similarity_is_found() -> None:
    points = np.random.default_rng(2).normal(size=(30, 3))
    turn = rotation(20, -30, 10).astype(float)
    scale, found, shift = similar(points, 2.5 * points @ turn + [1, 2, 3])
    assert scale == pytest.approx(2.5)
    np.testing.assert_allclose(found, turn, atol=1e-6)
    np.testing.assert_allclose(shift, [1, 2, 3], atol=1e-6)


def test_a_broken_file_of_anchors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not found"):
        Anchors.load(tmp_path / "likeness.safetensors")
    good = Anchors.load()
    good.save(tmp_path / "again.safetensors")
    again = Anchors.load(tmp_path / "again.safetensors")
    np.testing.assert_allclose(again.moves, good.moves, atol=1e-3)
    with pytest.raises(WeightsError, match="another clay"):
        Space(clay(), replace(good, axes=good.axes[1:]))


LOOKS = {
    "bald": Recipe("bald", "B", identity=SAMPLE, eyes=Eyes(growth=0.3), hair=Hair("none"),
                   palette={"skin": "#8a5638", "iris": "#5b86c4", "hair": "#2a1c1a"}),
    "long": Recipe("long", "L", identity=SAMPLE, hair=Hair("long"),
                   palette={"skin": "#f2c8a6", "iris": "#5a3520", "hair": "#a2522c"}),
}  # fmt: skip


@cache
def pictured(name: str) -> tuple[U8, np.ndarray]:
    """A picture of one of LOOKS, and its landmarks by the mesh: no network is asked."""
    import tempfile

    who = LOOKS[name]
    with tempfile.TemporaryDirectory() as folder:
        build(who, clay(), Path(folder) / name, quick=True)
        renderer = Renderer(Path(folder) / name, 512)
    bust, camera = Bust(clay(), who), renderer.package.manifest.camera
    places = np.empty((478, 3))
    places[:468] = bust.positions[Anchors.load().vertex]
    for first, side in ((468, "r"), (473, "l")):
        middle = bust.eyes[side] + [0, 0, 0.12]
        around = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]]) * 0.06
        places[first : first + 5] = middle + np.pad(around, ((0, 0), (0, 1)))
    points = camera.project(places.astype(np.float32), 512, 512)
    return renderer.render_rgb(STILL), points


@pytest.mark.parametrize("name", list(LOOKS))
def test_colours_and_cut_come_back_from_a_picture(name: str) -> None:
    rgb, points = pictured(name)
    found, true = tints.read(Portrait.of(rgb, points)), derived(LOOKS[name].palette)

    def off(one: tuple[float, ...] | None, other: tuple[float, ...]) -> float:
        assert one is not None
        return float(np.linalg.norm(oklab(np.array(one)) - oklab(np.array(other))))

    assert off(found.skin, true["skin"]) < 0.05
    assert off(found.iris, true["iris"]) < 0.15
    assert found.cut == name and (found.hair is None) == (name == "bald")
    if found.hair is not None:
        assert off(found.hair, true["hair"]) < 0.15
    assert max(found.beard, found.moustache) < 0.3


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def bomb() -> bytes:
    """The head of a PNG of 10^10 pixels."""
    head = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = (b"IHDR" + head, b"IDAT" + zlib.compress(bytes(9999)), b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks
    )


def test_photos_come_upright_whatever_their_kind() -> None:
    tall = Image.new("RGB", (60, 100), "red")
    tall.paste("blue", (0, 0, 60, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    turned = likeness.read(encoded(tall, "JPEG", exif=exif, quality=95))
    assert turned.shape == (60, 100, 3) and turned[30, 95, 2] > 200
    assert likeness.read(encoded(tall.convert("RGBA"))).shape == (100, 60, 3)
    assert likeness.read(encoded(tall.convert("L"), "WEBP")).shape == (100, 60, 3)
    assert likeness.read(encoded(Image.new("I;16", (40, 40)))).shape == (40, 40, 3)
    assert max(likeness.read(encoded(Image.new("L", (4000, 100)))).shape) == likeness.LONGEST
    see_through = likeness.read(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 0))))
    assert (see_through == 255).all()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JPEG, PNG or WebP"),
        (b"GIF89a" + bytes(99), "no JPEG, PNG or WebP"),
        (b"%PDF-1.4 hello", "no JPEG, PNG or WebP"),
        (bomb(), "million pixels"),
        (encoded(Image.effect_noise((300, 300), 50), "JPEG")[:2000], "cannot be decoded"),
        (encoded(Image.effect_noise((99, 99), 50))[:1500], "cannot be decoded"),
        (b"x" * (likeness.MOST_BYTES + 1), "expected at most 40"),
    ],
    ids=["empty", "gif", "pdf", "bomb", "torn jpeg", "torn png", "large"],
)
def test_what_is_no_photo_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(TrackingError, match=said):
        likeness.read(content)


def test_a_picture_of_mira_becomes_a_recipe(models: Models) -> None:
    renderer = Renderer("mira", 512)
    rgb = renderer.render_rgb(STILL)
    found = likeness.from_photo(rgb, models, "twin", "Twin")
    true = derived(renderer.package.manifest.palette)
    skin = oklab(np.array([found.tints.skin, true["skin"]]))
    assert np.linalg.norm(skin[0] - skin[1]) < 0.06
    assert found.recipe.name == "twin" and found.recipe.hair.cut != "none" and found.faces == 1
    assert abs(found.found.yaw) < 6 and found.found.drawn > 0.5
    assert any("guesses" in note for note in found.notes)
    lying = likeness.from_photo(np.rot90(rgb).copy(), models)
    assert np.abs(lying.found.identity - found.found.identity).max() < 0.35
    large = likeness.from_photo(np.asarray(Image.fromarray(rgb).resize((2400, 2400))), models)
    assert large.recipe.hair == found.recipe.hair


def test_of_two_faces_the_larger_is_taken(models: Models) -> None:
    both = np.full((512, 800, 3), 200, np.uint8)
    both[:, :512] = Renderer("mira", 512).render_rgb(STILL)
    both[:256, 512:768] = Renderer("theo", 256).render_rgb(STILL)
    found = likeness.from_photo(both, models)
    assert found.faces == 2 and "2 faces" in found.notes[0]
    alone = likeness.from_photo(np.ascontiguousarray(both[:, :512]), models)
    assert np.abs(alone.found.identity - found.found.identity).max() < 0.3


def test_no_face_and_too_small_a_face_are_refused(models: Models) -> None:
    with pytest.raises(TrackingError, match="no face is found"):
        likeness.from_photo(np.full((300, 300, 3), 90, np.uint8), models)
    with pytest.raises(TrackingError, match="expected 32 pixels"):
        likeness.from_photo(np.zeros((20, 300, 3), np.uint8), models)
    with pytest.raises(TrackingError, match="expected uint8 RGB"):
        likeness.from_photo(np.zeros((200, 300, 4), np.uint8), models)
    tiny = np.full((400, 400, 3), 200, np.uint8)
    small = Image.fromarray(Renderer("theo", 64).render_rgb(STILL)).resize((40, 40))
    tiny[200:240, 200:240] = np.asarray(small)
    with pytest.raises(TrackingError, match="too small|no face"):
        likeness.from_photo(tiny, models)
