"""What a guest changes of the picture: checked, for this guest only, kept when the face changes."""

import asyncio
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.errors import FrameError, PackageError
from engine.face.background import Picture, Plain, Transparent
from engine.frames import Motion, Video
from engine.render.setting import Setting
from streaming.web.look import read
from tests.fakes import FakeAvatar
from tests.streaming.web.rig import Client, eventually, running


class Lit(FakeAvatar):
    """As bright as what lies behind it; a picture counts as white."""

    @classmethod
    def load(cls, name_or_path: str = "mira", size: int = 64, lookahead_ms: int = 20) -> "Lit":
        return cls(name_or_path, size, lookahead_ms)

    def render(self, motion: Motion) -> Video:
        video = super().render(motion)
        bright = isinstance(self.setting.background, Plain | Picture)
        video.i420[: self.size] = 225 if bright else 90
        return video


def brightness(client: Client) -> float:
    return float(client.pictures[-1].to_ndarray(format="gray").mean()) if client.pictures else 0.0


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 200, np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_a_look_is_laid_over_the_servers() -> None:
    server = Setting(background=Transparent(), palette={"hair": "#111111"}, outline=2.0)
    look = read({"light": [0, 0, 1], "outline": 0.5, "palette": {"skin": "#ABCDEF"},
                 "background": {"kind": "own"}, "avatar": "mira"})  # fmt: skip
    made = look.over(server, None)
    assert made.light == (0, 0, 1) and made.outline == 1.0 and made.background == Transparent()
    assert made.palette == {"hair": "#111111", "skin": "#abcdef"}
    picture = np.zeros((4, 4, 3), np.uint8)
    blurred = read({"background": {"kind": "picture", "blur": 0.05}})
    assert blurred.over(server, None).background == Transparent()
    behind = blurred.over(server, picture).background
    assert isinstance(behind, Picture) and behind.blur == 0.05
    assert read({}).over(server, picture) == server
    assert read({"drawn": "neural"}).over(server, None).look == "neural"
    default = Setting(look="neural", mark=False)
    assert read({}).over(default, None) == default


@pytest.mark.parametrize(
    "value",
    [
        7, {"light": [0, 0, 0]}, {"light": [1, 2]}, {"light": "up"}, {"outline": 9},
        {"outline": float("nan")}, {"palette": {"skin": "red"}},
        {"palette": {"nothing": "#000000"}},
        {"palette": {f"c{i}": "#000000" for i in range(99)}}, {"background": {"kind": "file"}},
        {"background": {"kind": "picture", "blur": 4}}, {"background": {"kind": "own", "x": 1}},
        {"background": "green"}, {"file": "/etc/passwd"}, {"drawn": "oil"}, {"drawn": 1},
        {"mark": False},
    ],
)  # fmt: skip
def test_bad_looks(value: Any) -> None:
    with pytest.raises((PackageError, FrameError)):
        read(value)


def test_each_guest_has_a_look_of_their_own() -> None:
    async def main() -> None:
        async with running(loader=Lit) as server:
            one, two = Client(), Client()
            await one.connect(server)
            await two.connect(server)
            await eventually(lambda: brightness(one) and brightness(two))
            one.say("look", {"background": {"kind": "plain", "color": "#ffffff"}})
            await eventually(lambda: brightness(one) > 180)
            one.say("avatar", "theo")
            await eventually(lambda: one.stats().get("avatar") == "theo")
            drawn = len(one.pictures)
            await eventually(lambda: len(one.pictures) > drawn + 5)
            assert brightness(one) > 180 and brightness(two) < 130
            one.say("look", {"outline": 99})
            await eventually(lambda: any("outline" in str(m) for m in one.messages
                                         if m["type"] == "error"))  # fmt: skip
            one.say("look", {})
            await eventually(lambda: brightness(one) < 130)
            await one.close()
            await two.close()

    asyncio.run(main())


class Learned(FakeAvatar):
    """mira can be drawn by a network as well."""

    @classmethod
    def load(cls, name_or_path: str = "mira", size: int = 64, lookahead_ms: int = 20) -> "Learned":
        return cls(name_or_path, size, lookahead_ms, learned=name_or_path == "mira")


def test_what_draws_is_the_guests_choice_where_there_is_one() -> None:
    async def main() -> None:
        async with running(loader=Learned) as server:
            client = Client()
            await client.connect(server)
            await eventually(lambda: client.stats().get("renderer") == "toon")
            assert client.stats()["looks"] == ["toon", "neural"]
            client.say("look", {"avatar": "mira", "drawn": "neural"})
            await eventually(lambda: client.stats()["renderer"] == "neural")
            assert client.stats()["look"] == "neural" and client.stats()["render_ms"] >= 0
            status, text = await server.get("/healthz")
            assert status == 200 and '"renderer": {"neural": 1}' in text
            client.say("avatar", "theo")
            await eventually(lambda: client.stats()["renderer"] == "toon")
            assert client.stats()["looks"] == ["toon"]
            client.say("look", {"avatar": "theo", "drawn": "neural"})  # it has none: stays as it is
            client.say("avatar", "mira")
            await eventually(lambda: client.stats()["renderer"] == "neural")
            assert all(m["type"] != "error" for m in client.messages)
            await client.close()

    asyncio.run(main())


def test_a_picture_behind() -> None:
    async def main() -> None:
        async with running(loader=Lit) as server:
            client = Client()
            await client.connect(server)
            await eventually(lambda: client.key()["Authorization"] != "Bearer ")
            url = server.url + "/background"
            async with server.http.post(url, data=png(64, 40)) as response:
                assert response.status == 401
            for body, status in ((b"\x89PNG nonsense", 422), (b"0" * (13 << 20), 413)):
                async with server.http.post(
                    url, data=io.BytesIO(body), headers=client.key()
                ) as response:
                    assert response.status == status and (await response.json())["message"]
            async with server.http.post(url, data=png(64, 40), headers=client.key()) as response:
                assert response.status == 200
            client.say("look", {"background": {"kind": "picture", "blur": 0.02}})
            await eventually(lambda: brightness(client) > 180)
            await client.close()

    asyncio.run(main())
