"""The avatar editor in a real browser, with the real makers behind it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.face import package
from tests.browser import rig

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("avatars"))


@pytest.fixture(scope="module")
def address(out: Path) -> Iterator[str]:
    demo = ("demos.make_avatar", "edit", "theo", "--no-browser", "--port", "0", "--quick")
    with rig.server(*demo, "--out", str(out)) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with rig.browser(None) as made:
        yield made


def open_studio(chromium: Any, address: str, **options: Any) -> Any:
    context = chromium.new_context(bypass_csp=True, **options)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(address)
    page.wait_for_function("studio.builds > 0 && studio.preview.drawn > 2", timeout=60_000)
    return page


def built(page: Any, act: Any) -> None:
    """Do something and wait until its avatar is shown."""
    before = page.evaluate("studio.builds")
    act()
    page.wait_for_function(f"studio.builds > {before}", timeout=60_000)


def look(page: Any) -> list[int]:
    """The picture in small, once pictures of now have come."""
    drawn = page.evaluate("studio.preview.drawn")
    page.wait_for_function(f"studio.preview.drawn > {drawn + 4}")
    pixels: list[int] = page.evaluate(
        "() => { const small = new OffscreenCanvas(48, 48).getContext('2d');"
        "small.drawImage(document.getElementById('picture'), 0, 0, 48, 48);"
        "return [...small.getImageData(0, 0, 48, 48).data]; }"
    )
    return pixels


def apart(a: list[int], b: list[int]) -> float:
    return sum(abs(x - y) for x, y in zip(a, b, strict=True)) / len(a)


def test_an_avatar_is_made_saved_and_opened(chromium: Any, address: str, out: Path) -> None:
    page = open_studio(chromium, address, accept_downloads=True)
    page.click("#talk")  # keeps still, but for breath and blinks
    still = look(page)
    noise = apart(still, look(page))

    page.click("#tab-nose")
    width = page.get_by_label("Width", exact=True)
    built(page, lambda: width.fill("1"))
    assert page.evaluate("studio.recipe.identity.targets['nose-scale-horiz-incr']") == 1
    page.click("#tab-hair")
    built(page, lambda: page.check("input[value=none]", force=True))
    assert apart(still, look(page)) > 1.5 * noise + 2  # short dark hair has become skin

    builds = page.evaluate("studio.builds")
    page.click("#tab-colors")
    page.locator("#panel input[type=color]").first.fill("#30a040")  # a colour builds nothing
    page.wait_for_function("studio.colors.skin === '#30a040'")
    green = look(page)
    assert apart(still, green) > 5 and page.evaluate("studio.recipe.palette.skin") == "#30a040"
    assert page.is_hidden("#busy") and page.evaluate("studio.builds") >= builds

    made = page.evaluate("JSON.stringify(studio.recipe)")
    built(page, lambda: page.keyboard.press("r"))
    assert page.evaluate("studio.recipe.palette.skin") != "#30a040"
    built(page, lambda: page.keyboard.press("Control+z"))
    assert page.evaluate("JSON.stringify(studio.recipe)") == made

    page.click("#save")
    page.fill("#title", "Sea Green")
    with page.expect_download() as download:
        page.click("#recipe")
    recipe = json.loads(Path(download.value.path()).read_text())
    assert recipe["name"] == "sea_green" and recipe["palette"]["skin"] == "#30a040"
    page.click("#build")
    page.wait_for_selector("#saved:not([hidden])", timeout=120_000)
    assert "--avatar" in page.text_content("#saved-command")
    assert package.load(out / "sea_green").manifest.title == "Sea Green"
    page.keyboard.press("Escape")

    page.click("#random")
    page.wait_for_function("studio.recipe.name !== 'sea_green'")
    file = {"name": "mine.json", "mimeType": "application/json"}
    content = json.dumps(recipe).encode()
    built(page, lambda: page.set_input_files("#open-file", [{**file, "buffer": content}]))
    assert page.evaluate("studio.recipe.title") == "Sea Green"
    assert page.errors == []
    page.context.close()


def test_bad_files_are_explained(chromium: Any, address: str) -> None:
    page = open_studio(chromium, address)
    recipe = page.evaluate("JSON.stringify(studio.recipe)")
    file = {"name": "bad.json", "mimeType": "application/json"}
    for content, said in (
        (b"\x89PNG", "neither a recipe"),
        (b'{"format": "vivify-recipe", "version": 1}', "lacks"),
        (b"PK\x03\x04 no zip", "not a readable avatar package"),
    ):
        page.set_input_files("#open-file", [{**file, "buffer": content}])
        page.wait_for_function(f"document.getElementById('told').textContent.includes('{said}')")
    assert page.evaluate("JSON.stringify(studio.recipe)") == recipe
    page.click("#import")
    page.set_input_files(
        "#import-file", [{"name": "x.glb", "mimeType": "model/gltf-binary", "buffer": b"glTF"}]
    )
    page.wait_for_function("document.getElementById('import-told').textContent.length > 10")
    assert page.errors == []
    page.context.close()


def test_a_model_is_brought_in_and_shown(
    chromium: Any, address: str, out: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pygltflib", reason="needs the extra 'import'")
    from tests.engine.train import glb

    glb.export(package.load("ruth"), tmp_path / "Aunt Ruth.glb", glb.Options())
    page = open_studio(chromium, address)
    page.click("#talk")
    theo = look(page)
    page.click("#import")
    page.set_input_files("#import-file", str(tmp_path / "Aunt Ruth.glb"))
    page.wait_for_selector("#import-saved:not([hidden])", timeout=60_000)
    assert "shapes found: 52" in page.text_content("#import-report")
    assert package.load(out / "aunt_ruth").name == "aunt_ruth"
    page.wait_for_timeout(500)
    assert apart(theo, look(page)) > 5
    assert page.errors == []
    page.context.close()


def test_a_photo_needs_consent_first(chromium: Any, address: str) -> None:
    page = open_studio(chromium, address)
    page.click("#photo")
    assert page.is_disabled("#photo-file")
    if page.is_enabled("#consent"):
        page.check("#consent")
        assert page.is_enabled("#photo-file")
        page.set_input_files(
            "#photo-file", [{"name": "x.png", "mimeType": "image/png", "buffer": b"no picture"}]
        )
        page.wait_for_function("document.getElementById('photo-told').textContent.length > 10")
    else:  # the tracker is not installed: the page says what to do
        assert page.text_content("#photo-told")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_keyboard_names_and_a_phone(chromium: Any, address: str, scheme: str) -> None:
    page = open_studio(
        chromium, address, color_scheme=scheme, viewport={"width": 360, "height": 740}
    )
    for group in page.evaluate("studio.groups.map(g => g.id)"):
        page.click(f"#tab-{group}")
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, select, input, canvas, dialog, [role]')]"
            ".filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length ||"
            "e.getAttribute('aria-labelledby') || e.role === 'status' || e.role === 'alert'))"
            ".map(e => e.outerHTML)"
        )
        assert nameless == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, group
    page.focus("#tab-light")
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#tab-colors", "aria-selected") == "true"
    page.click("#tab-light")
    page.focus(".ball")
    before = page.evaluate("studio.recipe.light[0]")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("studio.recipe.light[0]") > before
    page.keyboard.press("Control+z")
    page.click("#tab-wear")
    page.check("input[value=beanie]", force=True)
    page.check("input[value=cap]", force=True)  # of two hats the last
    assert page.evaluate("studio.recipe.wears") == ["cap"]
    assert not page.is_checked("input[value=beanie]")
    assert page.errors == []
    page.context.close()


def test_a_video_needs_consent_by_name_first(chromium: Any, address: str, tmp_path: Path) -> None:
    page = open_studio(chromium, address, viewport={"width": 360, "height": 740})
    page.click("#person")
    page.wait_for_selector("#person-dialog[open]")
    assert page.is_disabled("#person-file") and page.is_hidden("#person-cancel")
    page.check("#person-consent")
    assert page.is_disabled("#person-file")  # whose consent?
    page.fill("#person-by", "Ada Lovelace")
    page.screenshot(path=tmp_path / "person.png")
    wrong = {"name": "me.txt", "mimeType": "text/plain", "buffer": b"no film"}
    if page.text_content("#person-error"):  # something is not installed: the page says what
        assert page.is_disabled("#person-file")
    else:
        page.set_input_files("#person-file", [wrong])
        page.wait_for_function(
            "document.getElementById('person-error').textContent.includes('.mp4')"
        )
        page.fill("#person-name", "")
        assert page.is_disabled("#person-file")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.keyboard.press("Escape")
    page.wait_for_selector("#person-dialog", state="hidden")
    page.click("#person")
    assert not page.is_checked("#person-consent"), "consent is asked each time"
    assert page.errors == []
    page.context.close()
