"""All metrics of two clips: known defects show in the metric that is made for them."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from engine.errors import FrameError, TrackingError
from engine.eval import image, pictures
from engine.eval.pair import ROWS, SEEN, measure, table
from engine.face.blendshapes import INDEX
from engine.frames import Motion
from engine.render.renderer import Renderer
from engine.tracker.models import Models

PICTURES = 8


@pytest.fixture(scope="module")
def truth() -> list[np.ndarray]:
    """Theo talks and turns a little."""
    theo, out = Renderer("theo", 192), []
    for t in range(PICTURES):
        weights, pose = np.zeros(52, np.float32), np.zeros(6, np.float32)
        weights[INDEX["jawOpen"]], pose[0] = 0.35 + 0.3 * np.sin(t), 5 * np.sin(t / 3)
        out.append(theo.render_rgb(Motion(640 * t, weights, pose)))
    return out


@pytest.fixture(scope="module")
def models(networks: Path) -> Models:
    pytest.importorskip("ai_edge_litert", reason="needs the extra `tracker`")
    return Models.load(networks)


def write(folder: Path, clip: list[np.ndarray]) -> Path:
    folder.mkdir()
    for n, picture in enumerate(clip):
        Image.fromarray(picture).save(folder / f"{n:05d}.png")
    return folder


def film(path: Path, clip: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "12"})
        stream.height, stream.width = clip[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_equal_clips_are_equal(truth: list[np.ndarray], models: Models) -> None:
    found = measure(truth, truth, models)
    assert set(found) == set(ROWS) - {"cpu_p50", "cpu_p95"}
    assert found["psnr"] == found["psnr_mouth"] == 100 and found["ssim"] == pytest.approx(1)
    assert found["cpbd"] == found["cpbd_truth"] > 0.3 and found["pictures"] == PICTURES
    nothing = ("difference", "lmd", "m_lmd", "identity_shape", "identity_colour", "lost")
    assert all(found[name] < 1e-6 for name in nothing)


def test_each_defect_shows_in_its_metric(truth: list[np.ndarray], models: Models) -> None:
    blurred = [np.uint8(np.round(gaussian_filter(p.astype(float), (1.5, 1.5, 0)))) for p in truth]
    rng = np.random.default_rng(0)
    noisy = [np.clip(p + rng.normal(0, 4, p.shape), 0, 255).astype(np.uint8) for p in truth]
    frozen = [truth[0]] * PICTURES
    blue = [np.ascontiguousarray(p[..., ::-1]) for p in truth]
    rows = {
        name: measure(clip, truth, models)
        for name, clip in {
            "blurred": blurred,
            "noisy": noisy,
            "frozen": frozen,
            "blue": blue,
        }.items()
    }
    assert rows["blurred"]["cpbd"] < 0.2 * rows["blurred"]["cpbd_truth"]
    assert rows["noisy"]["flicker_ratio"] > 3 > rows["blurred"]["flicker_ratio"]
    assert rows["noisy"]["psnr"] == pytest.approx(20 * np.log10(255 / 4), abs=1)
    assert rows["frozen"]["m_lmd"] > max(1.2, 2 * rows["noisy"]["m_lmd"])
    assert rows["frozen"]["psnr_mouth"] < rows["frozen"]["psnr"]
    assert rows["blue"]["identity_colour"] > 20 > 2 > rows["noisy"]["identity_colour"]
    printed = table(rows)
    assert "noisy" in printed.splitlines()[0] and len(printed.splitlines()) == len(ROWS) - 1


def test_the_command_reads_videos_and_folders(
    truth: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, video = write(tmp_path / "ours", truth), film(tmp_path / "truth.mp4", truth)
    assert [p.shape for p in pictures.read(video)] == [(192, 192, 3)] * PICTURES
    assert pictures.length(folder) == pictures.length(video) == PICTURES
    assert image.main(["--pair", str(folder), str(video), "--no-landmarks"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["pair"]
    assert 30 < found["psnr"] < 100 and 0.95 < found["ssim"] < 1
    assert not set(found) & set(SEEN)


def test_clips_that_do_not_fit_are_refused(truth: list[np.ndarray], tmp_path: Path) -> None:
    folder = write(tmp_path / "ours", truth)
    short = write(tmp_path / "short", truth[:-2])
    small = write(tmp_path / "small", [p[:100, :128] for p in truth])
    mixed = write(tmp_path / "mixed", [*truth[:-1], truth[0][:100]])
    empty = write(tmp_path / "empty", [])
    sound = tmp_path / "no.mp4"
    sound.write_bytes(b"nothing that FFmpeg knows")
    broken = write(tmp_path / "broken", [])
    (broken / "0.png").write_bytes(b"no picture")
    for ours, expected in (
        (short, "has 6 pictures and .* 8"), (small, "128 x 100, those of .* 192 x 192"),
        (mixed, "picture 7 of .* is 192 x 100"), (empty, "has 0 pictures and"),
        (sound, "no video that can be read"), (tmp_path / "absent", "is not there"),
        (broken, "has 1 pictures"),
    ):  # fmt: skip
        with pytest.raises(FrameError, match=expected):
            image.main(["--pair", str(ours), str(folder), "--no-landmarks"])
    with pytest.raises(FrameError, match="0.png is no picture"):
        list(pictures.read(broken))
    with pytest.raises(FrameError, match="holds no picture"):
        list(pictures.read(empty))
    with pytest.raises(FrameError, match="OURS ends after 6 pictures and TRUTH goes on"):
        measure(truth[:-2], truth)
    with pytest.raises(FrameError, match="say nothing about flicker"):
        measure(truth[:2], truth[:2])


def test_clips_without_a_face_are_refused(truth: list[np.ndarray], models: Models) -> None:
    nobody = [np.full_like(p, 99) for p in truth]
    with pytest.raises(TrackingError, match=f"OURS shows no face in {PICTURES} of {PICTURES}"):
        measure(nobody, truth, models)
    found = measure([*truth[:-2], *nobody[-2:]], truth, models)
    assert found["lost"] == 2 and found["lmd"] == 0 and found["psnr_mouth"] < 100
    apart = [p if n % 2 else nobody[0] for n, p in enumerate(truth)]
    together = [nobody[0] if n % 2 else p for n, p in enumerate(truth)]
    with pytest.raises(TrackingError, match="no picture shows a face in both OURS and TRUTH"):
        measure(apart, together, models)
