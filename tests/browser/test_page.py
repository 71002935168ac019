"""The page as a person meets it: keyboard, pickers, plain messages, reconnecting, recording."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser import rig, speech

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speech.beeps(tmp_path_factory.mktemp("wav") / "beeps.wav")


@pytest.fixture(scope="module")
def chromium(wav: Path) -> Iterator[Any]:
    with rig.browser(wav) as made:
        yield made


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with rig.server("tests.browser.server", "--limit", "1") as made:
        yield made


def notice(page: Any) -> str:
    page.wait_for_selector("#notice:not([hidden])", timeout=10_000)
    return str(page.text_content("#notice-title"))


def leave(page: Any) -> None:
    page.close(run_before_unload=False)
    page.context.close()


def test_keyboard_pickers_mute_record_stop(chromium: Any, address: str) -> None:
    page = rig.open_page(chromium, address)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.focus("#start")
    page.keyboard.press("Enter")
    page.wait_for_selector('#status[data-state="live"]')
    page.keyboard.press("m")
    assert page.get_attribute("#mute", "aria-pressed") == "true"
    assert page.evaluate("vivify.mic.enabled") is False
    page.keyboard.press("m")
    assert page.evaluate("vivify.mic.enabled") is True
    page.focus("input[name=styles]:checked")
    page.keyboard.press("ArrowUp")
    page.wait_for_function("vivify.server?.style === 'cheerful'")
    page.check("input[value=theo]", force=True)
    page.wait_for_function("vivify.server?.avatar === 'theo'")
    for figure in ("total", "engine", "slow", "held", "rtt", "fps", "skew"):
        page.wait_for_function(f"document.getElementById('{figure}').textContent !== '–'")
    page.click("#record")
    page.wait_for_timeout(1500)
    with page.expect_download() as download:
        page.click("#record")
    saved = Path(download.value.path())
    assert saved.stat().st_size > 10_000
    assert download.value.suggested_filename.startswith("vivify-")
    page.click("#stop")
    assert page.text_content("#status") == "Not live"
    assert page.is_visible("#start")
    leave(page)
    assert errors == []


def test_look_is_told_and_remembered(chromium: Any, address: str, tmp_path: Path) -> None:
    page = rig.open_page(chromium, address)
    rig.go_live(page)
    page.evaluate(
        "() => { vivify.said = []; const send = vivify.channel.send.bind(vivify.channel);"
        "vivify.channel.send = (m) => { vivify.said.push(JSON.parse(m)); send(m); }; }"
    )

    def told(what: str) -> None:
        page.wait_for_function(f"vivify.said.some(({{type, value}}) => type === 'look' && {what})")

    page.click("#look summary")
    page.focus("#light")
    page.keyboard.press("ArrowUp")
    told("value.light[1] > 0.5")
    page.locator("#outline").fill("1.5")
    told("value.outline === 1.5")
    page.locator("#colors input").first.fill("#30a040")
    told("value.palette.skin === '#30a040' && value.avatar === 'mira'")
    page.check("input[value=plain]", force=True)
    page.locator("#plain").fill("#102030")
    told("value.background.color === '#102030'")
    page.check("input[value=theo]", force=True)
    told("value.avatar === 'theo' && !value.palette.skin")
    picture = tmp_path / "room.png"
    Image.new("RGB", (64, 48), "#446688").save(picture)
    page.set_input_files("#picture-file", picture)
    page.check("input[value=picture]", force=True)
    told("value.background.kind === 'picture'")
    page.set_input_files(
        "#picture-file", [{"name": "x.png", "mimeType": "image/png", "buffer": b"nothing"}]
    )
    page.wait_for_function("document.getElementById('look-hint').textContent.includes('PNG')")
    page.check("input[value=plain]", force=True)
    assert page.text_content("#status") == "Live"
    page.reload()
    page.wait_for_selector(".chip input")
    assert page.evaluate("vivify.look.wish.outline") == 1.5
    page.click("#look summary")
    page.click("#look-reset")
    assert page.evaluate("vivify.look.wish.background.kind") == "own"
    leave(page)


def test_faces_of_the_pickers_never_hold_an_offer_up(chromium: Any, address: str) -> None:
    """A browser keeps six connections to a server: one for all these pictures leaves it room."""
    page = rig.open_page(chromium, address)
    page.wait_for_function(
        "[...document.querySelectorAll('#avatars img')].every((image) => image.naturalWidth > 0)"
    )
    asked = page.evaluate(
        "performance.getEntriesByType('resource').filter((e) => e.name.includes('size=small'))"
        ".map((e) => [e.requestStart, e.responseEnd])"
    )
    assert len(asked) == 2
    assert all(end <= begin for (_, end), (begin, _) in pairwise(sorted(asked)))
    page.context.close()


def test_what_draws_is_chosen_where_there_is_a_choice(
    chromium: Any, address: str, tmp_path: Path
) -> None:
    page = rig.open_page(chromium, address)
    rig.go_live(page)
    page.click("#look summary")
    page.wait_for_function("document.getElementById('renderer').textContent === 'toon'")
    assert page.is_hidden("#drawn-by")  # mira is a toon only
    page.check("input[value=theo]", force=True)
    page.wait_for_selector("#drawn-by:not([hidden])")
    page.wait_for_selector("input[name=drawn][value=toon]:checked", state="attached")
    page.focus("input[name=drawn][value=toon]")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "document.getElementById('renderer').textContent === 'neural network (f32)'"
    )
    page.wait_for_function("document.getElementById('render').textContent.includes('ms')")
    page.wait_for_selector("#outline", state="hidden")  # a network takes no lines
    assert "choose Toon to change them" in page.inner_text("#learned-hint")
    page.screenshot(path=tmp_path / "drawn.png", full_page=True)
    page.check("input[value=mira]", force=True)
    page.wait_for_selector("#drawn-by", state="hidden")
    page.reload()
    page.wait_for_selector(".chip input")
    assert page.evaluate("vivify.look.wish.drawn.theo") == "neural"
    page.click("#look summary")
    page.check("input[value=theo]", force=True)
    page.click("#look-reset")
    assert page.evaluate("vivify.look.wish.drawn.theo") is None
    leave(page)


def test_full_server_says_so_and_lets_in_later(chromium: Any, address: str) -> None:
    first, second = rig.open_page(chromium, address), rig.open_page(chromium, address)
    rig.go_live(first)
    second.click("#start")
    assert notice(second) == "The server is full"
    leave(first)
    second.wait_for_selector('#status[data-state="live"]', timeout=20_000)
    leave(second)


def test_lost_server_is_found_again(chromium: Any) -> None:
    with rig.server("tests.browser.server") as made:
        port = made.rsplit(":", 1)[1]
        page = rig.open_page(chromium, made)
        rig.go_live(page)
    assert notice(page) == "Connection lost"
    with rig.server("tests.browser.server", "--port", port):
        page.wait_for_selector('#status[data-state="live"]', timeout=20_000)
        leave(page)


def test_refused_microphone(chromium: Any, address: str) -> None:
    page = rig.open_page(chromium, address, microphone=False)  # headless: asking is refusing
    page.click("#start")
    assert notice(page) == "The microphone is blocked"
    page.click("#watch")
    page.wait_for_selector('#status[data-state="live"]')
    leave(page)


def test_no_microphone(chromium: Any, address: str) -> None:
    page = rig.open_page(chromium, address)
    page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = async () => { "
        "throw new DOMException('none', 'NotFoundError'); }; }"
    )
    page.click("#start")
    assert notice(page) == "No microphone found"
    leave(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_has_a_name_and_fits_a_phone(
    chromium: Any, address: str, scheme: str, tmp_path: Path
) -> None:
    page = rig.open_page(
        chromium, address, color_scheme=scheme, viewport={"width": 360, "height": 740}
    )
    nameless = page.evaluate(
        "[...document.querySelectorAll('button, select, input, video, [role]')].filter(e => "
        "!(e.textContent.trim() || e.ariaLabel || e.labels?.length || e.role === 'status' || "
        "e.id === 'notice')).map(e => e.outerHTML)"
    )
    assert nameless == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
    leave(page)
