"""The studio over HTTP and its WebSocket, with makers that build nothing."""

import asyncio
import io
import json
import shutil
import time
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from PIL import Image

from engine.errors import PackageError
from engine.face import package
from engine.face.background import Plain
from engine.face.package import ASSETS
from engine.frames import BLENDSHAPES, Motion
from engine.render.setting import Setting
from streaming.studio import sitting
from streaming.studio.app import MAX_BODY, create_app

RECIPE = {"name": "ann", "title": "Ann", "shape": 1, "color": "#ff0000"}


class Makers:
    """An Atelier whose avatars are all mira."""

    def __init__(self) -> None:
        self.built: list[Any] = []
        self.photos: list[bytes] = []
        self.slow_s = 0.0

    def groups(self) -> list[Any]:
        return [{"id": "face", "title": "Face", "dials": []}]

    def cast(self) -> dict[str, str]:
        return {"mira": "Mira"}

    def start(self, name: str) -> Any:
        if name != "mira":
            raise PackageError("no such avatar, choose mira")
        return RECIPE

    def roll(self, seed: int) -> Any:
        return RECIPE | {"shape": seed}

    def read(self, content: bytes) -> Any:
        try:
            return self.check(json.loads(content))
        except ValueError as error:
            raise PackageError("this file is no recipe") from error

    def check(self, value: Any) -> Any:
        if not isinstance(value, dict) or set(value) != set(RECIPE):
            raise PackageError(f"recipe is {value!r:.40}, expected other fields")
        return value

    def shape(self, value: Any) -> str:
        return str(value["shape"])

    def setting(self, value: Any) -> Setting:
        return Setting(background=Plain(value["color"]))

    def colors(self, value: Any) -> dict[str, str]:
        return {"skin": value["color"]}

    def preview(self, value: Any) -> package.Package:
        self.built.append(value["shape"])
        time.sleep(self.slow_s)
        if value["shape"] == 13:
            raise PackageError("there is no hairdo 13")
        if value["shape"] == 14:
            raise ValueError("a bug in a maker")
        return package.load("mira")

    def build(self, value: Any, folder: Path) -> None:
        time.sleep(self.slow_s)
        if value["shape"] == 14:
            raise KeyError("a bug in a maker")
        shutil.copytree(ASSETS / "mira", folder)

    def move(self, start: int, talking: bool, yaw: float, pitch: float) -> Motion:
        if yaw == 33:
            raise ZeroDivisionError("a bug in a clip")
        pose = np.array([yaw, pitch, 0, 0, 0, 0], np.float32)
        return Motion(start, np.zeros(BLENDSHAPES, np.float32), pose)

    def likeness(self, content: bytes) -> tuple[Any, list[str]]:
        self.photos.append(content)
        return RECIPE, ["no glasses were seen"]

    def convert(self, content: bytes, file: str, folder: Path, permitted: bool) -> list[str]:
        if content != b"glTF":
            raise PackageError("this is no GLB")
        shutil.copytree(ASSETS / "mira", folder)
        return ["shapes found: 52", f"permitted: {permitted}"]


class Studio:
    """Where it is and what is behind it."""

    def __init__(self, url: str, makers: Makers, http: aiohttp.ClientSession, out: Path) -> None:
        self.url, self.makers, self.http, self.out = url, makers, http, out

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(self.url + path) as response:
            return response.status, await response.json()

    async def post(self, path: str, data: Any, **headers: str) -> tuple[int, Any]:
        data = json.dumps(data).encode() if isinstance(data, dict) else data
        async with self.http.post(self.url + path, data=data, headers=headers) as response:
            return response.status, await response.json()


@asynccontextmanager
async def open_studio(out: Path, missing: str = "") -> AsyncIterator[Studio]:
    makers = Makers()
    runner = web.AppRunner(
        create_app(makers, out, RECIPE, seed=7, missing=missing), shutdown_timeout=1
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as http:
        try:
            yield Studio(f"http://127.0.0.1:{runner.addresses[0][1]}", makers, http, out)
        finally:
            await runner.cleanup()


def ask(out: Path, question: Callable[[Studio], Awaitable[Any]], missing: str = "") -> Any:
    async def main() -> Any:
        async with open_studio(out, missing) as studio:
            answer = await question(studio)
            assert (await studio.get("/healthz"))[0] == 200
            return answer

    return asyncio.run(main())


def test_page_choices_and_recipes(tmp_path: Path) -> None:
    async def question(studio: Studio) -> None:
        parts = ("", "page/studio.js", "page/dials.js", "page/studio.css", "page/style.css")
        for part in (*parts, "page/ball.js", "page/icon.svg", "page/preview.js"):
            async with studio.http.get(f"{studio.url}/{part}") as response:
                assert response.status == 200 and "script-src 'self'" in str(response.headers)
        about = (await studio.get("/studio.json"))[1]
        assert about["start"] == RECIPE and about["seed"] == 7 and about["out"] == str(tmp_path)
        assert (await studio.get("/recipe?name=mira"))[1] == RECIPE
        assert (await studio.get("/random?seed=12"))[1]["shape"] == 12
        for wrong, status in (
            ("/recipe?name=../x", 422), ("/random?seed=x", 400), ("/random?seed=-1", 400),
            ("/portrait?avatar=../x", 404), ("/page/app.py", 404), ("/package?name=ann", 404),
        ):  # fmt: skip
            found, answer = await studio.get(wrong)
            assert found == status and answer["message"], wrong
        async with studio.http.get(studio.url + "/portrait?avatar=mira") as response:
            assert Image.open(io.BytesIO(await response.read())).size == (96, 96)

    ask(tmp_path, question)


def test_saving_asks_before_it_replaces(tmp_path: Path) -> None:
    async def question(studio: Studio) -> None:
        status, made = await studio.post("/save", {"recipe": RECIPE})
        assert status == 200 and made["folder"] == str(tmp_path / "ann")
        assert made["command"].endswith(f"--avatar {tmp_path / 'ann'}")
        assert package.load(tmp_path / "ann").name == "mira"
        status, answer = await studio.post("/save", {"recipe": RECIPE})
        assert status == 409 and "exists" in answer["message"]
        assert (await studio.post("/save", {"recipe": RECIPE, "replace": True}))[0] == 200
        async with studio.http.get(studio.url + "/package?name=ann") as response:
            with zipfile.ZipFile(io.BytesIO(await response.read())) as archive:
                assert "avatar.json" in archive.namelist()
        precious = tmp_path / "ann" / "avatar.json"
        precious.unlink()  # no avatar any more: never deleted
        status, answer = await studio.post("/save", {"recipe": RECIPE, "replace": True})
        assert status == 422 and precious.parent.is_dir()

    ask(tmp_path, question)
    assert [p.name for p in tmp_path.iterdir()] == ["ann"]


def test_of_two_saves_at_once_one_is_asked(tmp_path: Path) -> None:
    async def question(studio: Studio) -> None:
        studio.makers.slow_s = 0.1
        answers = await asyncio.gather(*(studio.post("/save", {"recipe": RECIPE}) for _ in "12"))
        assert sorted(status for status, _ in answers) == [200, 409]

    ask(tmp_path, question)


def test_a_bug_in_a_maker_is_no_bad_request(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def question(studio: Studio) -> None:
        assert (await studio.post("/save", {"recipe": RECIPE}))[0] == 200
        wish = {"recipe": RECIPE | {"shape": 14}, "replace": True}
        status, answer = await studio.post("/save", wish)
        assert status == 500 and "log" in answer["message"]
        assert package.load(tmp_path / "ann")  # the one before is still there

    ask(tmp_path, question)
    assert "a bug in a maker" in caplog.text and "Traceback" in caplog.text
    assert [p.name for p in tmp_path.iterdir()] == ["ann"]


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/save", b"{", 400, "expected JSON"),
        ("/save", b"[]", 400, "expected JSON"),
        ("/save", b'{"recipe": 7}', 422, "expected other fields"),
        ("/save", b" " * (MAX_BODY + 1), 413, "too large"),
        ("/open", b"\x00nonsense", 422, "no recipe"),
        ("/import?name=x.glb", b"nonsense", 422, "no GLB"),
        ("/photo", b"JPEG", 403, "confirmed"),
        ("/photo?consent=no", b"JPEG", 403, "confirmed"),
    ],
)
def test_bad_uploads(tmp_path: Path, path: str, body: bytes, status: int, said: str) -> None:
    async def question(studio: Studio) -> None:
        found, answer = await studio.post(path, body)
        assert found == status and said in answer["message"], answer
        assert studio.makers.photos == [] and list(tmp_path.iterdir()) == []

    ask(tmp_path, question)


def test_photo_and_model(tmp_path: Path) -> None:
    async def question(studio: Studio) -> None:
        status, answer = await studio.post("/photo?consent=yes", b"JPEG")
        assert status == 200 and answer["recipe"] == RECIPE and answer["notes"]
        status, answer = await studio.post("/import?name=My%20Fox%21.VRM&permitted=yes", b"glTF")
        assert status == 200 and answer["name"] == "my_fox" and "permitted: True" in answer["notes"]
        assert package.load(tmp_path / "my_fox")

    ask(tmp_path, question)


def test_an_import_is_shown_where_it_was_asked_for(tmp_path: Path) -> None:
    async def question(studio: Studio) -> None:
        async with (
            studio.http.ws_connect(studio.url + "/ws") as one,
            studio.http.ws_connect(studio.url + "/ws") as other,
        ):
            pages = Page(one), Page(other)
            for page in pages:
                await page.say("recipe", RECIPE)
                await page.until("built")
                await page.say("talk", False)
            assert (await studio.post("/import?name=fox.glb", b"glTF"))[0] == 200
            await pages[0].say("show", "fox")
            for page in pages:
                for _ in range(6):
                    await page.until("picture")
            imported, edited = (np.asarray(page.latest)[4, 4] for page in pages)
            assert edited[0] > 200 and edited[2] < 60 and (imported != edited).any()
            wrongs: tuple[Any, ...] = ("../fox", "ann", 7, None)
            for wrong in wrongs:
                await pages[0].say("show", wrong)
                assert "no avatar" in await pages[0].until("error")

    ask(tmp_path, question)


def test_photo_where_nothing_can_read_it(tmp_path: Path) -> None:
    answer = ask(tmp_path, lambda s: s.post("/photo?consent=yes", b"JPEG"), missing="install it")
    assert answer == (422, {"error": "not installed", "message": "install it"})


def test_other_sites_are_refused(tmp_path: Path) -> None:
    async def question(studio: Studio) -> None:
        status, answer = await studio.post(
            "/save", {"recipe": RECIPE}, Origin="http://evil.example"
        )
        assert status == 403 and "another web site" in answer["message"]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await studio.http.ws_connect(studio.url + "/ws", origin="http://evil.example")

    ask(tmp_path, question)


class Page:
    """What a browser does with the WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.pictures = 0
        self.said: list[tuple[str, Any]] = []

    async def say(self, kind: str, value: Any = None) -> None:
        await self.socket.send_json({"type": kind, "value": value})

    async def until(self, kind: str, draw: bool = True) -> Any:
        """The value of the next message of a kind; pictures are acknowledged meanwhile."""
        while True:
            message = await asyncio.wait_for(self.socket.receive(), 10)
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            if message.type == aiohttp.WSMsgType.BINARY:
                self.pictures += 1
                self.latest = Image.open(io.BytesIO(message.data)).convert("RGB")
                if draw:
                    await self.say("drawn")
                if kind == "picture":
                    return self.latest
                continue
            found = message.json()
            self.said.append((found["type"], found["value"]))
            if found["type"] == kind:
                return found["value"]


def test_preview_is_built_once_and_recoloured_at_once(tmp_path: Path) -> None:
    async def question(studio: Studio) -> None:
        async with studio.http.ws_connect(studio.url + "/ws") as socket:
            page = Page(socket)
            await page.say("recipe", RECIPE)
            assert await page.until("colors") == {"skin": "#ff0000"}
            await page.until("built")
            red = (await page.until("picture")).getpixel((4, 4))
            assert red[0] > 200 and red[2] < 60
            await page.say("recipe", RECIPE | {"color": "#0000ff"})
            for _ in range(6):
                blue = (await page.until("picture")).getpixel((4, 4))
            assert blue[2] > 200 and blue[0] < 60
            assert studio.makers.built == [1]
            before = (await page.until("picture")).copy()
            await page.say("turn", {"yaw": 30, "pitch": 0})
            for _ in range(4):
                after = await page.until("picture")
            assert before.tobytes() != after.tobytes()

    ask(tmp_path, question)


def test_the_newest_recipe_wins_and_errors_are_told(tmp_path: Path) -> None:
    async def question(studio: Studio) -> None:
        studio.makers.slow_s = 0.3
        async with studio.http.ws_connect(studio.url + "/ws") as socket:
            page = Page(socket)
            await page.say("recipe", RECIPE)
            await page.until("building")
            for shape in (2, 3, 4, 5):
                await page.say("recipe", RECIPE | {"shape": shape})
            await page.until("built")
            await page.until("built")
            assert studio.makers.built == [1, 5]
            studio.makers.slow_s = 0.0
            await page.say("recipe", RECIPE | {"shape": 13})
            assert await page.until("error") == "there is no hairdo 13"
            for wrong in ({"type": "recipe", "value": 3}, {"type": "?"}, {}, [], 7,
                          {"type": "turn", "value": {"yaw": "x"}}):  # fmt: skip
                await socket.send_str(json.dumps(wrong))
                assert await page.until("error")
            await page.until("picture")  # and it goes on

    ask(tmp_path, question)


def test_faults_are_logged_told_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def question(studio: Studio) -> None:
        async with studio.http.ws_connect(studio.url + "/ws") as socket:
            page = Page(socket)
            await page.say("recipe", RECIPE)
            await page.until("built")
            await page.say("recipe", RECIPE | {"shape": 14})
            assert "ValueError: a bug in a maker" in await page.until("error")
            await page.until("picture")  # the one before
            await page.say("turn", {"yaw": 33, "pitch": 0})
            assert "ZeroDivisionError" in await page.until("error")
            await page.say("turn", {"yaw": 0, "pitch": 0})
            await page.say("recipe", RECIPE | {"color": "#0000ff"})
            for _ in range(4):
                blue = (await page.until("picture")).getpixel((4, 4))
            assert blue[2] > 200 and blue[0] < 60

    ask(tmp_path, question)
    assert caplog.text.count("Traceback") == 2


def test_heavy_avatars_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def question(studio: Studio) -> Any:
        async with studio.http.ws_connect(studio.url + "/ws") as socket:
            page = Page(socket)
            await page.say("recipe", RECIPE)
            return await page.until("built")

    light = ask(tmp_path, question)
    assert light["triangles"] == len(package.load("mira").mesh.triangle) and not light["heavy"]
    monkeypatch.setattr(sitting, "HEAVY", 1000)
    assert ask(tmp_path, question)["heavy"]


def test_a_page_that_draws_nothing_is_sent_no_more(tmp_path: Path) -> None:
    async def question(studio: Studio) -> None:
        async with studio.http.ws_connect(studio.url + "/ws") as socket:
            page = Page(socket)
            await page.say("recipe", RECIPE)
            await page.until("built")
            for _ in range(sitting.IN_FLIGHT):
                await page.until("picture", draw=False)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.receive(), 0.5)
            await page.say("drawn")
            await page.until("picture")

    ask(tmp_path, question)
