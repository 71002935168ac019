"""HTTP: what is asked wrongly gets a 4xx with a reason in JSON, and the server goes on."""

import asyncio
import random
from typing import Any

import pytest

from tests.streaming.web.rig import Client, Server, eventually, running


def ask(question: Any) -> Any:
    async def main() -> Any:
        async with running() as server:
            answer = await question(server)
            status, text = await server.get("/healthz")
            assert status == 200 and '"ok"' in text
            return answer

    return asyncio.run(main())


def test_page_and_its_parts() -> None:
    async def question(server: Server) -> None:
        status, page = await server.get("/")
        assert status == 200 and "<title>Vivify" in page
        for part in ("client.js", "figures.js", "style.css", "icon.svg"):
            assert (await server.get(f"/page/{part}"))[0] == 200
        for wrong in ("/nowhere", "/page/app.py", "/page/..%2fapp.py", "/page/nothing.js"):
            status, text = await server.get(wrong)
            assert status == 404 and '"message"' in text

    ask(question)


def test_choices_health_metrics() -> None:
    async def question(server: Server) -> None:
        async with server.http.get(server.url + "/choices.json") as response:
            choices = await response.json()
        assert choices["avatars"] == ["mira", "theo"] and choices["style"] == "neutral"
        status, text = await server.get("/metrics")
        assert status == 200 and "# TYPE vivify_sessions gauge\nvivify_sessions 0\n" in text

        async with server.http.get(server.url + "/portrait?avatar=theo") as response:
            assert response.content_type == "image/png"
            assert (await response.read()).startswith(b"\x89PNG")
        status, text = await server.get("/portrait?avatar=../secret")
        assert status == 404 and "choose one of" in text

    ask(question)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "expected an object"),
        ({}, '"type" is None'),
        ({"type": "answer", "sdp": "v=0"}, '"type"'),
        ({"type": "offer"}, '"sdp"'),
        ({"type": "offer", "sdp": 7}, '"sdp"'),
        ({"type": "offer", "sdp": "hello"}, '"sdp"'),
        ({"type": "offer", "sdp": "v=0\r\n"}, "description|media"),
        ({"type": "offer", "sdp": "v=0\r\nm=video\r\n"}, "description|media"),
        ({"type": "offer", "sdp": "v=0\r\n" + "m=video 9 X 1\r\n" * 50}, "description|media"),
        ({"type": "offer", "sdp": "v=0\0\xff\r\no=\r\nm=\r\n"}, "description|media"),
        ({"type": "offer", "sdp": "v=0", "size": "big"}, '"size"'),
        ({"type": "offer", "sdp": "v=0", "size": True}, '"size"'),
        ({"type": "offer", "sdp": "v=0", "style": ["x"]}, '"style"'),
    ],
)
def test_bad_offers(body: Any, reason: str) -> None:
    import re

    status, answer = ask(lambda server: server.offer(body))
    assert status == 400 and re.search(reason, answer["message"]), answer


@pytest.mark.parametrize(
    "wish", [{"avatar": "nobody"}, {"style": "/etc/passwd"}, {"size": 100_000}, {"lookahead": 7}]
)
def test_what_is_not_offered(wish: dict[str, Any]) -> None:
    async def question(server: Server) -> Any:
        client = Client()
        answer = await server.offer(await client.body(**wish))
        await client.close()
        return answer

    status, answer = ask(question)
    assert status == 422 and "choose one of" in answer["message"]


def test_broken_descriptions_never_break_the_server() -> None:
    """A real offer with lines cut, doubled, swapped and bytes changed."""
    rng = random.Random(0)

    async def question(server: Server) -> None:
        client = Client()
        sdp = (await client.body())["sdp"]
        await client.close()
        for _ in range(60):
            lines = sdp.split("\r\n")
            for _ in range(rng.randint(1, 12)):
                at = rng.randrange(1, len(lines))
                kind = rng.randrange(4)
                if kind == 0:
                    del lines[at]
                elif kind == 1:
                    lines.insert(at, lines[rng.randrange(len(lines))])
                elif kind == 2:
                    lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
                else:
                    lines[at] = "".join(rng.choice(lines[at] + "=: \0é9") for _ in lines[at])
            status, _ = await server.offer({"type": "offer", "sdp": "\r\n".join(lines)})
            assert status in (200, 400, 503)
        await server.rooms.leave("test")
        good = Client()
        await good.connect(server)
        await eventually(lambda: len(good.pictures) > 3)
        await good.close()

    ask(question)


def test_bodies() -> None:
    async def question(server: Server) -> None:
        post = f"{server.url}/offer"
        json_type = {"Content-Type": "application/json"}
        for data, headers, status in [
            (b"{", json_type, 400),
            (b"\xff\xfe\x00", json_type, 400),
            (b"[" * 60_000, json_type, 400),
            (b" " * 200_000, json_type, 413),
            (b"{}", {"Content-Type": "text/plain"}, 415),
            (b"{}", {"Content-Type": "application/json; charset=garbage"}, 415),
            (b"{}", {"Content-Type": "application/json; charset=hex"}, 415),
            (b"{}", json_type | {"Content-Encoding": "gzip", "Connection": "close"}, 400),
            (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ]:
            async with server.http.post(post, data=data, headers=headers) as response:
                body = await response.json()
                assert response.status == status and body["message"], body
        async with server.http.get(post) as response:
            assert response.status == 405 and "POST" in (await response.json())["message"]

    ask(question)


def test_other_sites_are_refused() -> None:
    async def question(server: Server) -> None:
        own = server.url
        for headers, status, reason in [
            ({"Origin": own}, 400, "type"),
            ({"Origin": "http://evil.example"}, 403, "another web site"),
            ({"Origin": "null"}, 403, "another web site"),
            ({"Host": "evil.example"}, 403, "by its IP address"),
            ({"Host": "localhost:1"}, 400, "type"),
            ({"Host": "["}, 403, "not an address"),
            ({"Host": "\u2100"}, 403, "not an address"),
            ({"Origin": "http://["}, 403, "not an address"),
        ]:
            got, answer = await server.offer({}, headers=headers)
            assert got == status and reason in answer["message"], (headers, answer)

    ask(question)
