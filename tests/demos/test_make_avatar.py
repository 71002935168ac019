"""The command's edges: what cannot be done is said in one line; consent comes before reading."""

import importlib
import io
import json
import socket
import sys
import urllib.request
from pathlib import Path

import pytest

from demos import make_avatar
from engine.face import package
from engine.train.workshop import Workshop
from tests.browser import rig


def fails_with(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert make_avatar.main([*arguments]) == 1
    *bars, message = capsys.readouterr().err.splitlines()
    assert message.startswith("make_avatar: ") and all("|" in bar for bar in bars if bar)
    return message


def test_edit_is_the_default() -> None:
    assert make_avatar.parse([]).command == "edit"
    args = make_avatar.parse(["theo", "--port", "0"])
    assert (args.command, args.source, args.port) == ("edit", "theo", 0)
    assert make_avatar.parse(["photo", "My Face.JPG"]).name == "my_face"


def test_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "--port" in fails_with(capsys, "edit", "--no-browser", "--port", port)


def test_nothing_to_start_from(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    edit = ("edit", "--no-browser", "--port", "0")
    assert "no bundled avatar" in fails_with(capsys, *edit, "nobody")
    broken = tmp_path / "recipe.json"
    broken.write_text("{")
    assert "neither a recipe" in fails_with(capsys, *edit, str(broken))


def test_a_photo_is_not_opened_without_consent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))  # a pipe is nobody's word
    photo = str(tmp_path / "face.jpg")
    assert "--i-consent" in fails_with(capsys, "photo", photo, "--out", str(tmp_path))


def test_a_photo_without_a_face(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    photo = tmp_path / "face.jpg"
    photo.write_bytes(b"no picture at all")
    message = fails_with(capsys, "photo", str(photo), "--i-consent", "--out", str(tmp_path))
    assert "photo" in message or "tracker" in message
    assert [p.name for p in tmp_path.iterdir()] == ["face.jpg"]


def test_import_prints_its_report(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("pygltflib", reason="needs the extra 'import'")
    from tests.engine.train import glb

    glb.export(package.load("mira"), tmp_path / "Fox Face.glb", glb.Options())
    out = tmp_path / "out"
    assert make_avatar.main(["import", str(tmp_path / "Fox Face.glb"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "shapes found: 52 of 52" in said and f"--avatar {out / 'fox_face'}" in said
    assert package.load(out / "fox_face").name == "fox_face"
    again = ("import", str(tmp_path / "Fox Face.glb"), "--out", str(out))
    assert "--force" in fails_with(capsys, *again)


@pytest.mark.parametrize("command", [("import",), ("photo", "--i-consent")])
def test_avatars_stay_below_their_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "x.glb").write_bytes(b"glTF")
    given = (*command, str(tmp_path / "x.glb"), "--out", str(tmp_path / "out"))
    assert "letters" in fails_with(capsys, *given, "--name", "../../x")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [None, b"", b"glTF", b"{}"])
def test_bad_models(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "x.glb").write_bytes(content)
    message = fails_with(capsys, "import", str(tmp_path / "x.glb"), "--out", str(tmp_path / "out"))
    assert "x.glb" in message or "pygltflib" in message
    assert not (tmp_path / "out" / "x").exists()


def test_the_page_is_served_and_ends_cleanly(tmp_path: Path) -> None:
    demo = ("demos.make_avatar", "mira", "--no-browser", "--port", "0", "--out", str(tmp_path))
    with rig.server(*demo) as address:
        with urllib.request.urlopen(f"{address}/studio.json") as response:
            about = json.load(response)
        assert about["start"]["name"] == "mira" and len(about["cast"]) >= 8
        assert {"hair", "colors", "light"} <= {group["id"] for group in about["groups"]}


@pytest.mark.parametrize("command", [("video",), ("photo", "--neural")])
def test_a_likeness_needs_the_persons_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    command: tuple[str, ...],
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin", io.StringIO("Ada\n"))  # a pipe is nobody's word
    given = (*command, str(tmp_path / "me.mp4"), "--out", str(tmp_path / "out"))
    assert "--consent NAME" in fails_with(capsys, *given)
    assert "consent" in fails_with(capsys, *given, "--consent", "two\nlines")
    assert not (tmp_path / "out").exists()


def test_a_likeness_is_made_by_another_process(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of a training only the command is looked at; a copy of mira stands for what it makes."""
    asked: list[tuple[str, str]] = []

    def command(self: Workshop, video: Path, folder: Path, name: str, by: str) -> list[str]:
        asked.append((name, by))
        script = (
            "import shutil, sys; print('vivify-progress .5 learning', file=sys.stderr);"
            f"shutil.copytree({str(package.ASSETS / 'mira')!r}, {str(folder)!r})"
        )
        return [sys.executable, "-c", script]

    monkeypatch.setattr(Workshop, "person", command)
    for lacking in ("missing", "untrained"):
        monkeypatch.setattr(make_avatar, lacking, lambda: "")
    video, out = tmp_path / "Me.mp4", tmp_path / "out"
    video.write_bytes(b"a film")
    given = ["video", str(video), "--consent", "Ada Lovelace", "--out", str(out)]
    assert make_avatar.main(given) == 0
    said = capsys.readouterr().out
    assert asked == [("me", "Ada Lovelace")] and "Ada Lovelace agreed" in said
    assert f"--avatar {out / 'me'}" in said and [p.name for p in out.iterdir()] == ["me"]
    assert "--force" in fails_with(capsys, *given)
    assert len(asked) == 1, "a name that is taken is refused before the work"


def test_trainings_are_asked_as_they_take_it(tmp_path: Path) -> None:
    """The flags of both trainings, as their own parsers read them."""
    pytest.importorskip("torch")
    for part in ("person", "portrait"):
        made = getattr(Workshop(), part)(tmp_path / "me.mp4", tmp_path / "a", "ada", "-Ada")
        assert made[1:5] == ["-m", "engine.train", "renderer", part]
        main = importlib.import_module(f"engine.train.neural.{part}").main
        assert main(made[5:]) == 2, "no such film, but every flag is known"
