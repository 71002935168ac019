"""The camera runs only while somebody wants it, whenever the person or the server says yes."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import rig, speech
from tests.browser.test_camera import follow, leave, live

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with rig.browser(speech.speech(tmp_path_factory.mktemp("media") / "speech.wav")) as made:
        yield made


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with rig.server("tests.browser.server", "--seconds", "3") as made:
        yield made


def asks(page: Any) -> None:
    """Permission is a prompt from now on: `vivify.allow()` says yes to all that are open."""
    page.evaluate(
        "() => { const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "vivify.prompts = []; vivify.given = [];"
        "navigator.mediaDevices.getUserMedia = (wish) =>"
        " new Promise((yes) => vivify.prompts.push(async () => {"
        " const stream = await real(wish); vivify.given.push(stream); yes(stream); }));"
        "vivify.allow = () => Promise.all(vivify.prompts.map((yes) => yes())); }"
    )


def live_cameras(page: Any) -> int:
    """Cameras that were granted and still run."""
    return int(page.evaluate("vivify.given.filter((stream) => stream.active).length"))


def test_a_camera_switched_off_while_the_tracker_loads_stays_off(
    chromium: Any, address: str
) -> None:
    page = live(chromium, address)
    page.evaluate(
        "() => { const camera = vivify.camera, real = camera.receive.bind(camera), held = [];"
        "camera.receive = (report) => held.push(report);"
        "camera.held = held;"
        "camera.release = () => { delete camera.receive; held.forEach(real); }; }"
    )
    asks(page)
    page.evaluate("document.getElementById('follow').click()")
    page.wait_for_function("vivify.camera.held.some((report) => report.status === 'ready')")
    page.evaluate("document.getElementById('follow').click()")
    page.wait_for_function("vivify.camera.held.at(-1).status === 'off'")
    page.evaluate("vivify.camera.release()")
    page.wait_for_timeout(300)
    assert page.evaluate("vivify.prompts.length") == 0  # and nobody is asked for it any more
    assert page.evaluate("vivify.camera.stream") is None
    assert page.evaluate("vivify.camera.sender.track") is None
    assert page.evaluate("vivify.camera.report.status") == "off"
    assert "Live" in page.text_content("#status") and page.is_checked("#follow") is False
    leave(page)


@pytest.mark.parametrize("ends", ["switched off", "hung up", "cancelled"])
def test_a_camera_granted_too_late_is_let_go(chromium: Any, address: str, ends: str) -> None:
    page = live(chromium, address)
    asks(page)
    use = "learn" if ends == "cancelled" else "follow"
    page.evaluate(f"document.getElementById('{use}').click()")
    page.wait_for_function("vivify.prompts.length === 1")
    if ends == "hung up":
        page.click("#stop")
    elif ends == "cancelled":
        page.evaluate("document.getElementById('studio-cancel').click()")
    else:
        page.evaluate("document.getElementById('follow').click()")
    page.evaluate("vivify.allow()")
    page.wait_for_function("vivify.given.length === 1")
    page.wait_for_timeout(300)
    assert live_cameras(page) == 0 and page.evaluate("vivify.camera.stream") is None
    assert page.evaluate("vivify.camera.sender?.track ?? null") is None
    assert page.is_hidden("#studio") and page.is_checked("#follow") is False
    leave(page)


def test_all_who_want_the_camera_at_once_share_one(chromium: Any, address: str) -> None:
    page = live(chromium, address)
    asks(page)
    page.click("#camera")
    page.evaluate("document.getElementById('follow').click()")
    page.click("#learn")
    page.click("#learn")
    page.wait_for_function("vivify.camera.report?.status === 'ready'")
    page.wait_for_timeout(300)
    assert page.evaluate("vivify.prompts.length") == 1
    page.evaluate("vivify.allow()")
    page.wait_for_selector("#studio:not([hidden])")
    page.wait_for_function("vivify.camera.report.follow === true")
    assert live_cameras(page) == 1
    page.evaluate("document.getElementById('studio-cancel').click()")
    follow(page, False)
    assert live_cameras(page) == 1  # the self-view
    page.click("#camera")
    assert live_cameras(page) == 0
    leave(page)


def test_cancelled_learning_puts_nothing_on_while_the_head_is_followed(
    chromium: Any, address: str
) -> None:
    page = live(chromium, address)
    follow(page, True)
    page.click("#learn")
    page.wait_for_function("vivify.camera.taking")  # before the first report of its progress
    page.evaluate("document.getElementById('studio-cancel').click()")
    page.wait_for_timeout(4500)
    assert page.evaluate("vivify.camera.report.progress") is None
    assert page.evaluate("vivify.camera.report.follow") is True
    assert page.query_selector("input[value='my style']") is None
    leave(page)
