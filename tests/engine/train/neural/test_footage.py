"""Videos become 25 pictures a second of one face, or an error that says why not."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from engine.errors import TrackingError
from engine.face.blendshapes import INDEX
from engine.frames import BLENDSHAPES, F32, SAMPLES_PER_FRAME, U8, Motion
from engine.render.renderer import Renderer
from engine.tracker.models import Models
from engine.train.neural.footage import Footage, Square, _ticks, cut, pictures, watch


def video(path: Path, frames: list[U8], fps: int = 25) -> Path:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=fps)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())
    return path


def greys(count: int) -> list[U8]:
    return [np.full((64, 96, 3), 16 + 4 * i, np.uint8) for i in range(count)]


@pytest.fixture(scope="module")
def talking() -> list[U8]:
    """A second of a drawn face whose jaw moves as a sine."""
    renderer, out = Renderer("mira", 192), []
    for t in range(25):
        weights = np.zeros(BLENDSHAPES, np.float32)
        weights[INDEX["jawOpen"]] = 0.3 + 0.3 * np.sin(t)
        out.append(renderer.render_rgb(Motion(0, weights, np.zeros(6, np.float32))))
    return out


@pytest.mark.parametrize("fps", [25, 30, 50])
def test_any_rate_becomes_25_a_second(tmp_path: Path, fps: int) -> None:
    path = video(tmp_path / "clip.mp4", greys(fps), fps)
    ticks = [(tick, number) for tick, number, _ in _ticks(path)]
    assert [tick for tick, _ in ticks] == list(range(len(ticks)))
    assert len(ticks) == 25
    for tick, number in ticks:
        assert abs(tick / 25 - number / fps) <= 0.5 / 25 + 1e-6


def test_a_square_is_cut_out_and_its_edge_repeated() -> None:
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[10:30, 20:40] = 200
    assert (cut(rgb, Square(20, 10, 20), 20) == 200).all()
    beyond = cut(rgb[10:30, 20:40], Square(-10, -10, 40), 40)
    assert beyond.shape == (40, 40, 3) and (beyond == 200).all()


def footage(path: Path, frame: list[int]) -> Footage:
    points = np.zeros((len(frame), 478, 3), np.float32)
    points[:, 10, :2], points[:, 152, :2] = (48, 10), (48, 41)
    points[:, :, 0] = 48
    start = np.arange(len(frame), dtype=np.int64) * SAMPLES_PER_FRAME
    weights: F32 = np.zeros((len(frame), BLENDSHAPES), np.float32)
    return Footage(path, np.array(frame, np.int64), start, points, weights, np.zeros(0, np.float32))


def test_pictures_are_those_that_were_followed(tmp_path: Path) -> None:
    path = video(tmp_path / "clip.mp4", greys(12))
    seen = footage(path, [0, 2, 2, 7])
    level = [round((float(p.mean()) - 16) / 4) for p in pictures(seen, 32)]
    assert level == [0, 2, 2, 7]
    assert seen.square.side == pytest.approx(31 / 0.62)
    assert seen.placed(100)[0, 10, 0] == pytest.approx(50)


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="there is no video"):
        list(_ticks(tmp_path / "nowhere.mp4"))
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(TrackingError, match="text.mp4 cannot be read"):
        list(_ticks(tmp_path / "text.mp4"))


def test_films_on_their_side_are_turned_upright(tmp_path: Path) -> None:
    wide = np.zeros((64, 96, 3), np.uint8)
    wide[:, :48] = 200
    path = video(tmp_path / "clip.mp4", [wide] * 4)
    turned = tmp_path / "turned.mp4"
    # The display matrix in the track's header, as telephones write it: a quarter turn.
    content, matrix = (
        path.read_bytes(),
        struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30),
    )
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    header = content.index(b"tkhd")
    at = content.index(matrix, header)
    turned.write_bytes(content[:at] + quarter + content[at + len(matrix) :])
    _, _, rgb = next(iter(_ticks(turned)))
    assert rgb.shape == (96, 64, 3)
    assert abs(int(rgb[:40].mean()) - int(rgb[56:].mean())) > 150


def test_a_far_timestamp_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "far.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        for n, rgb in enumerate(greys(3)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts = n * 1_000_000
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    with pytest.raises(TrackingError, match="longer than 15 minutes"):
        list(_ticks(path))


def test_a_drawn_face_is_followed(tmp_path: Path, models: Models, talking: list[U8]) -> None:
    seen = watch(video(tmp_path / "clip.mp4", talking), models)
    assert len(seen.start) == 25 and not len(seen.pcm)
    jaw = seen.weights[:, INDEX["jawOpen"]]
    assert float(np.corrcoef(jaw, 0.3 + 0.3 * np.sin(np.arange(25)))[0, 1]) > 0.7
    assert 100 < seen.square.side < 400


def test_no_face_several_faces_and_cuts_are_refused(
    tmp_path: Path, models: Models, talking: list[U8]
) -> None:
    with pytest.raises(TrackingError, match="shows a face in 0 %"):
        watch(video(tmp_path / "empty.mp4", greys(13)), models)
    one = talking[:13]  # half a second: the least there may be
    two = [np.concatenate([p, p], 1) for p in one]
    with pytest.raises(TrackingError, match="several faces"):
        watch(video(tmp_path / "two.mp4", two), models)
    moved = [np.roll(np.pad(p, ((0, 0), (0, 200), (0, 0))), 190, 1) for p in one[:7]]
    still = [np.pad(p, ((0, 0), (0, 200), (0, 0))) for p in one[:7]]
    with pytest.raises(TrackingError, match=r"jumps at 0\.\d s"):
        watch(video(tmp_path / "cut.mp4", still + moved), models)
    with pytest.raises(TrackingError, match="expected 0.5"):
        watch(video(tmp_path / "short.mp4", one[:5]), models)
