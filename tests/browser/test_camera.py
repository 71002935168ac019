"""The page's camera as a person meets it, with stand-in eyes; and once with the real tracker,
looking at our own avatar on film."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demos.webcam_mirror import load_tracker
from engine.style.code import Style
from tests.browser import film, rig, speech

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

HEAD_S = 10.0
FOLLOWED = 0.5  # share of the film's turning that must arrive in the avatar


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("media")
    shown = film.person(folder / "person.y4m")
    camera = f"--use-file-for-fake-video-capture={shown}"
    with rig.browser(speech.speech(folder / "speech.wav"), [camera]) as made:
        yield made
    shown.unlink()  # 30 MB


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with rig.server("tests.browser.server", "--seconds", "3") as made:
        yield made


def live(chromium: Any, address: str) -> Any:
    page = rig.open_page(chromium, address)
    rig.go_live(page)
    page.wait_for_selector("#learn:enabled")
    return page


def says(page: Any, text: str, where: str = "#camera-hint") -> None:
    page.wait_for_function(
        "([where, text]) => document.querySelector(where).textContent.includes(text)",
        arg=[where, text],
        timeout=20_000,
    )


def follow(page: Any, on: bool) -> None:
    page.evaluate("document.getElementById('follow').click()")
    page.wait_for_function(f"(vivify.camera.report?.follow ?? false) === {str(on).lower()}")


def leave(page: Any) -> None:
    page.close(run_before_unload=False)
    page.context.close()


def test_the_camera_is_asked_for_when_it_is_used_and_let_go(chromium: Any, address: str) -> None:
    page = live(chromium, address)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    assert page.evaluate("vivify.camera.stream") is None
    assert "not stored" in page.text_content("#camera-card")
    assert "this computer" in page.text_content("footer")
    page.click("#camera")  # self-view: this browser only
    page.wait_for_selector("#self:not([hidden])")
    page.wait_for_timeout(500)
    assert page.evaluate("vivify.camera.sender.track") is None
    follow(page, True)
    says(page, "Face seen")
    assert page.evaluate("vivify.camera.sender.track.readyState") == "live"
    page.click("#camera")
    assert page.evaluate("vivify.camera.stream.active") is True  # still followed
    follow(page, False)
    page.wait_for_function("vivify.camera.report.status === 'off' && !vivify.camera.stream")
    assert page.evaluate("vivify.camera.sender.track") is None
    leave(page)
    assert errors == []


def test_my_style_is_recorded_saved_deleted_and_loaded(
    chromium: Any, address: str, tmp_path: Path
) -> None:
    page = live(chromium, address)
    page.click("#learn")
    page.wait_for_selector("#studio:not([hidden])")
    says(page, "Recording", "#studio-left")
    page.wait_for_selector("input[value='my style']:checked", state="attached", timeout=30_000)
    page.wait_for_selector("#studio", state="hidden")
    says(page, "your style now")
    page.wait_for_function("!vivify.camera.stream")  # nothing looks any more
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "my-style.style"
    saved = tmp_path / "my-style.style"
    download.value.save_as(saved)
    assert Style.load(saved).name == "my style"
    page.click("#forget")
    page.wait_for_selector("input[value='my style']", state="detached")
    page.wait_for_function("vivify.server.style === 'neutral'")
    assert page.is_hidden("#save")
    page.set_input_files("#file", saved)
    page.wait_for_selector("input[value='my style']:checked", state="attached")
    broken = tmp_path / "broken.style"
    broken.write_bytes(b"no style at all")
    page.set_input_files("#file", broken)
    says(page, "not a Vivify style file", "#style-hint")
    leave(page)


def test_recording_can_be_cancelled(chromium: Any, address: str) -> None:
    page = live(chromium, address)
    page.click("#learn")
    says(page, "Recording", "#studio-left")
    page.click("#studio-cancel")
    page.wait_for_selector("#studio", state="hidden")
    page.wait_for_function("vivify.camera.report.progress === null")
    page.wait_for_timeout(1000)
    assert page.query_selector("input[value='my style']") is None
    leave(page)


def test_a_blocked_and_an_unplugged_camera_are_said_and_the_voice_goes_on(
    chromium: Any, address: str
) -> None:
    page = live(chromium, address)
    page.evaluate(
        "() => { vivify.real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "navigator.mediaDevices.getUserMedia = async () => { "
        "throw new DOMException('no', 'NotAllowedError'); }; }"
    )
    page.evaluate("document.getElementById('follow').click()")
    says(page, "The camera is blocked")
    assert page.is_checked("#follow") is False
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = vivify.real; }")
    page.click("#learn")
    says(page, "Recording", "#studio-left")
    page.evaluate("vivify.camera.stream.getVideoTracks()[0].onended()")
    says(page, "unplugged")
    assert page.is_hidden("#studio")
    before = page.evaluate("vivify.server.pictures")
    page.wait_for_function(f"vivify.server.pictures > {before} + 10")
    leave(page)


def test_a_style_and_the_following_survive_a_lost_connection(chromium: Any) -> None:
    with rig.server("tests.browser.server", "--seconds", "3") as made:
        port = made.rsplit(":", 1)[1]
        page = live(chromium, made)
        page.click("#learn")
        page.wait_for_selector("input[value='my style']:checked", state="attached", timeout=30_000)
        follow(page, True)
        page.wait_for_function("vivify.wardrobe.kept.size === 1")
    page.wait_for_selector("#notice:not([hidden])")
    with rig.server("tests.browser.server", "--seconds", "3", "--port", port):
        page.wait_for_selector('#status[data-state="live"]', timeout=20_000)
        page.wait_for_function("vivify.server?.style === 'my style'", timeout=20_000)
        page.wait_for_function("vivify.camera.report?.follow === true", timeout=20_000)
        leave(page)


def test_a_missing_tracker_is_named_in_the_card(chromium: Any) -> None:
    with rig.server("tests.browser.server", "--blind") as made:
        page = rig.open_page(chromium, made)
        says(page, "extra `tracker`")
        rig.go_live(page)
        page.wait_for_selector("#learn:enabled")
        page.click("#learn")
        says(page, "extra `tracker`")
        assert page.is_hidden("#studio") and page.evaluate("vivify.camera.stream") is None
        page.check("input[value=theo]", force=True)
        page.wait_for_function("vivify.server?.avatar === 'theo'")
        leave(page)


def turning(rec: rig.Recording, eyes: Any) -> tuple[float, float]:
    """How the head on the screen turns at the film's pace, or slower, as Chromium plays films on a
    busy machine: amplitude in degrees, and the share of its turning that this explains."""
    times, yaws, state = [], [], eyes.init_state()
    for at, luma in zip(rec.shown, rec.luma, strict=True):
        rgb = np.repeat(np.kron(luma, np.ones((2, 2), np.uint8))[..., None], 3, axis=2)
        face, state = eyes.step(rgb, int(at * 16), state)
        if face is not None:
            times.append(at / 1000)
            yaws.append(float(face.pose[0]))
    assert len(yaws) > 0.8 * len(rec.shown), "the avatar's face is not seen"
    best = (0.0, 0.0)
    for pace in np.arange(1.0, 2.0, 0.05):
        phase = 2 * np.pi * np.array(times) / (film.TURN_S * pace)
        basis = np.stack([np.sin(phase), np.cos(phase), np.ones_like(phase)], axis=1)
        found, *_ = np.linalg.lstsq(basis, np.array(yaws), rcond=None)
        share = 1 - np.var(yaws - basis @ found) / np.var(yaws)
        if share > best[1]:
            best = float(np.hypot(*found[:2])), float(share)
    return best


def test_the_avatar_turns_its_head_as_the_person_on_film(
    chromium: Any, networks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs the extra [tracker]")
    monkeypatch.setenv("XDG_CACHE_HOME", str(networks.parents[1]))  # where the demo looks
    eyes = load_tracker(None)
    demo = ("demos.webcam_mirror", "--no-browser", "--port", "0", "--size", "256")
    with rig.server(*demo) as made:
        page = live(chromium, made)
        page.wait_for_timeout(2000)
        own = turning(rig.record(page, HEAD_S), eyes)
        before = page.evaluate("({...vivify.server})")
        follow(page, True)
        says(page, "Face seen")
        page.wait_for_timeout(3000)
        followed = turning(rig.record(page, HEAD_S), eyes)
        if followed[0] < FOLLOWED * film.YAW:  # another program took the processor: one more take
            print(f"first take: {followed}")
            followed = turning(rig.record(page, HEAD_S), eyes)
        after = page.evaluate("({...vivify.server})")
        print(f"\nturning at the film's pace: own {own}, followed {followed} of {film.YAW} degrees")
        for name in ("engine_p50_ms", "engine_p95_ms", "fps", "skipped"):
            print(f"{name}: {before[name]} without, {after[name]} with the camera")
        page.click("#learn")
        page.wait_for_selector("input[value='my style']:checked", state="attached", timeout=40_000)
        leave(page)
    assert followed[0] > max(FOLLOWED * film.YAW, own[0] + 3) and followed[1] > 0.6
