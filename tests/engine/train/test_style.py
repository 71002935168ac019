"""The bundled library: two halves that share nothing, references that are recognised, a card."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.errors import WeightsError
from engine.motion import noise as noises
from engine.motion.channels import WEAK
from engine.style.encoder import HEAD, fit, statistics
from engine.style.library import StyleLibrary
from engine.train import style as styles
from engine.train import tracks as tracks_
from engine.train.manner import BUNDLED
from engine.train.tracks import F16, Track

TICKS = 1200


def track(name: str, seed: int, mask: float = 1.0, head: float = 1.0) -> Track:
    """A person whose channels swing as far and as fast as the name says."""
    own = np.random.default_rng(sum(map(ord, name)))
    reach, pace = own.uniform(0.02, 0.4, 52), own.uniform(0.2, 2.0, 52)
    t = np.arange(TICKS)[:, None] / 25 + 7.0 * seed
    weights = (reach * (0.5 - 0.5 * np.cos(2 * np.pi * pace * t))).astype(np.float32)
    pose = (head * own.uniform(0.5, 6, 6) * np.sin(own.uniform(0.2, 1, 6) * t)).astype(np.float32)
    masked = np.full(52, 1.0, np.float32)
    masked[list(WEAK)] = mask
    return Track(
        name, name, np.zeros((3, TICKS, 80), F16), np.zeros((3, TICKS, 6), F16),
        np.zeros((TICKS, 12), F16), np.zeros(TICKS, np.float32),
        np.zeros((TICKS, noises.WIDTH), F16), (weights * masked).astype(F16), pose,
        np.zeros((TICKS, noises.UNIFORM), np.uint8), masked, head, statistics(weights, pose),
    )  # fmt: skip


def troupe() -> list[Track]:
    cast = [track(name, seed) for name in BUNDLED for seed in range(3)]
    return [*cast, track("real studio", 0, mask=0, head=0), track("real address", 0),
            track("random", 0)]  # fmt: skip


def test_halves_share_no_motion() -> None:
    cast = [track("neutral", seed) for seed in range(3)]
    one, two = styles.halves(cast)
    assert (len(one), len(two)) == (2, 1)
    person = track("real address", 0)
    one, two = styles.halves([person, person])
    assert (len(one), len(two)) == (1, 1)
    assert len(one[0].pose) + len(two[0].pose) <= TICKS - 20
    np.testing.assert_array_equal(one[0].pose, person.pose[: len(one[0].pose)])


def test_what_a_recording_lacks_is_average() -> None:
    cast = troupe()
    encoder = fit(np.stack([t.statistics for t in cast]))
    studio = next(s for s in styles.measure(cast, encoder) if s.name == "studio")
    np.testing.assert_allclose(studio.code[-HEAD:], 0, atol=1e-5)
    np.testing.assert_array_equal(studio.reference[list(WEAK)], encoder.mean[list(WEAK)])
    assert "FACEGOOD" in studio.made


def test_the_library_is_written_and_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks_.save(troupe(), tmp_path / "tracks")
    (tmp_path / "assets").mkdir()
    encoder = fit(np.stack([t.statistics for t in troupe()]))
    styles.write([], encoder, tmp_path / "assets" / "styles.safetensors")
    arguments = ["--tracks", str(tmp_path / "tracks"), "--out", str(tmp_path / "assets")]
    assert styles.main([*arguments, "--no-pictures"]) == 0
    library = StyleLibrary(tmp_path / "assets" / "styles.safetensors")
    assert set(library.names()) == {*BUNDLED, "studio"}
    assert library.names()[0] == "neutral" and len(library.names()) >= styles.FEWEST
    assert set(library.references()) == set(library.names())
    for name, row in library.references().items():
        code = library.encoder.project(row)
        far = {n: np.linalg.norm(code - library.get(n).code) for n in library.names()}
        assert min(far, key=lambda n: far[n]) == name
    text = (tmp_path / "assets" / "styles.md").read_text()
    assert all(f"| {name} |" in text for name in library.names())
    for key, value in asdict(encoder).items():
        np.testing.assert_array_equal(getattr(library.encoder, key), value)
    assert "recognised 1.00" in capsys.readouterr().out


def test_too_few_styles_are_refused(tmp_path: Path) -> None:
    tracks_.save([track("neutral", 0), track("calm", 0)], tmp_path / "tracks")
    with pytest.raises(WeightsError, match="neutral"):
        styles.main(["--tracks", str(tmp_path / "tracks"), "--out", str(tmp_path / "assets")])


def test_pictures_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(styles, "SECONDS", 1)
    cast = [track(name, seed) for name in ("neutral", "calm", "shy") for seed in range(2)]
    measured = styles.measure(cast, StyleLibrary().encoder)
    styles.draw(measured, tmp_path)
    for name in ("styles.png", "styles_map.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.mode == "P" and picture.width > 300
        assert (tmp_path / name).stat().st_size < 100_000


def test_every_bundled_manner_is_described() -> None:
    assert set(styles.WHAT) >= set(BUNDLED)
