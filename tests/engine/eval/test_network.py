"""The suite of the renderer's network: rows for every runtime and head, differences in levels."""

import json
from pathlib import Path

import pytest

from engine.errors import PackageError
from engine.eval import network
from engine.face.learned import Config
from tests.looks import dressed


def test_measures_every_head(capsys: pytest.CaptureFixture[str]) -> None:
    assert network.main(["--pictures", "1", "--runtimes", "onnxruntime"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(row["size"], row["head"]) for row in report["rows"]] == [
        (size, head) for size in ("small", "large") for head in network.HEADS
    ]
    assert all(row["levels_max"] < 0.1 for row in report["rows"]), "equals torch"
    assert report["gflop"]["small"]["rgba"] < report["gflop"]["large"]["rgba"]


def test_a_network_with_memory_is_measured_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = dressed(tmp_path / "mira", Config("small", "teacher", recurrent=True), noise=0.02)
    assert network.main(["--avatar", str(path), "--pictures", "1", "--runtimes", "openvino"]) == 0
    rows = json.loads(capsys.readouterr().out.splitlines()[-1])["rows"]
    assert all(row["levels_max"] < 0.1 for row in rows if row["precision"] == "f32")


def test_a_face_without_a_network_is_named() -> None:
    with pytest.raises(PackageError, match="no neural look"):
        network.main(["--avatar", "leila"])
