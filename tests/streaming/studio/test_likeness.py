"""A person from a video, behind the studio's page: consent first, nothing left behind."""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import PackageError
from engine.face.package import ASSETS
from streaming.studio import likeness
from tests.streaming.studio.test_app import Makers, Studio, ask

GOOD = "/person?consent=yes&by=Ada%20Lovelace&name=ada&file=me.mp4"


def making(folder: Path, seconds: float, fail: str = "") -> list[str]:
    """Another process that tells progress and leaves mira as the result."""
    script = (
        "import shutil, sys, time\n"
        "print('vivify-progress 0.5 learning', file=sys.stderr, flush=True)\n"
        f"time.sleep({seconds})\n{fail}\n"
        f"shutil.copytree({str(ASSETS / 'mira')!r}, {str(folder)!r})\n"
    )
    return [sys.executable, "-c", script]


class People(Makers):
    """Makers who can do persons too."""

    seconds, fail = 0.0, ""
    seen: list[tuple[str, bytes, str]]

    def consent(self, by: str) -> None:
        if len(by) > 40:
            raise PackageError("this is no name")

    def person(self, video: Path, folder: Path, name: str, by: str) -> list[str]:
        self.__dict__.setdefault("seen", []).append((video.suffix, video.read_bytes(), by))
        return making(folder, self.seconds, self.fail)

    portrait = person


@pytest.fixture(autouse=True)
def people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.streaming.studio.test_app.Makers", People)


async def until(studio: Studio, *states: str) -> Any:
    for _ in range(600):
        state = (await studio.get("/person"))[1]
        if state["state"] in states:
            return state
        await asyncio.sleep(0.05)
    raise AssertionError(state)


def left(out: Path) -> list[str]:
    return sorted(p.name for p in out.iterdir()) if out.exists() else []


def test_a_person_is_made_in_the_background(tmp_path: Path) -> None:
    async def main(studio: Studio) -> Any:
        assert (await studio.get("/person"))[1]["state"] == "none"
        status, body = await studio.post(GOOD, b"film")
        assert status == 202 and body["state"] == "running"
        return studio.makers, await until(studio, "done", "failed")

    makers, state = ask(tmp_path, main)
    assert state["state"] == "done" and state["name"] == "ada", state
    assert state["command"].endswith(str(tmp_path / "ada"))
    assert makers.seen == [(".mp4", b"film", "Ada Lovelace")]
    assert left(tmp_path) == ["ada"], "the video must not stay"


@pytest.mark.parametrize("query", ["", "?consent=no&by=A&name=a&file=a.mp4",
                                   "?consent=yes&by=%20&name=a&file=a.mp4"])  # fmt: skip
def test_without_consent_nothing_is_read_and_nothing_kept(tmp_path: Path, query: str) -> None:
    async def main(studio: Studio) -> Any:
        status, body = await studio.post(f"/person{query}", b"film")
        assert not hasattr(studio.makers, "seen")
        return status, body["error"], left(tmp_path)

    assert ask(tmp_path, main) == (403, "no consent", [])


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (GOOD.replace("me.mp4", "me.exe"), 422, "not a film"),
        (GOOD.replace("name=ada", "name=../ada"), 422, "not begun"),
        (GOOD.replace("Ada", "A" * 50), 422, "not begun"),
    ],
)
def test_bad_questions(tmp_path: Path, path: str, status: int, said: str) -> None:
    async def main(studio: Studio) -> Any:
        answer = await studio.post(path, b"film")
        again, _ = await studio.post(GOOD, b"film")  # none of it blocks the next
        await until(studio, "done")
        return answer[0], answer[1]["error"], again

    assert ask(tmp_path, main) == (status, said, 202)


def test_too_large_and_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "MAX_FILE", 100)
    shutil.copytree(ASSETS / "mira", tmp_path / "bob")

    async def main(studio: Studio) -> None:
        status, _ = await studio.post(GOOD, bytes(200))
        assert status == 413 and left(tmp_path) == ["bob"]
        bob = GOOD.replace("name=ada", "name=bob")
        assert (await studio.post(bob, b"film"))[0] == 409
        assert (await studio.post(f"{bob}&replace=yes", b"film"))[0] == 202
        assert (await until(studio, "done", "failed"))["state"] == "done"

    ask(tmp_path, main)


def test_one_at_a_time_and_called_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(People, "seconds", 60.0)

    async def main(studio: Studio) -> None:
        assert (await studio.post(GOOD, b"film"))[0] == 202
        while (await studio.get("/person"))[1].get("share") != 0.5:
            await asyncio.sleep(0.05)
        assert (await studio.post(GOOD, b"film"))[0] == 409
        await studio.post("/person/cancel", b"")
        await until(studio, "cancelled")
        assert left(tmp_path) == []

    ask(tmp_path, main)


def test_what_fails_says_why_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(People, "fail", "sys.exit('the face is seen for 2.0 s')")

    async def main(studio: Studio) -> Any:
        await studio.post(GOOD, b"film")
        return await until(studio, "failed", "done")

    assert "2.0 s" in ask(tmp_path, main)["message"] and left(tmp_path) == []


def test_the_server_takes_its_work_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(People, "seconds", 60.0)

    async def main(studio: Studio) -> Any:
        return (await studio.post(GOOD, json.dumps("film").encode()))[0]

    assert ask(tmp_path, main) == 202
    assert left(tmp_path) == []


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    async def main(studio: Studio) -> Any:
        return (await studio.post(GOOD, b"film")), (await studio.get("/person"))[1]["missing"]

    (status, body), missing = ask(tmp_path, main, missing="install the tracker")
    assert status == 422 and "tracker" in body["message"] and "tracker" in missing
