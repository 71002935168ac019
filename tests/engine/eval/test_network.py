"""The suite of the renderer's network: rows for every runtime and head, differences in levels."""

import json

import pytest

from engine.errors import PackageError
from engine.eval import network


def test_measures_every_head(capsys: pytest.CaptureFixture[str]) -> None:
    assert network.main(["--pictures", "1", "--runtimes", "onnxruntime"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(row["size"], row["head"]) for row in report["rows"]] == [
        (size, head) for size in ("small", "large") for head in network.HEADS
    ]
    assert all(row["levels_max"] < 0.1 for row in report["rows"]), "equals torch"
    assert report["gflop"]["small"]["rgba"] < report["gflop"]["large"]["rgba"]


def test_a_face_without_a_network_is_named() -> None:
    with pytest.raises(PackageError, match="no neural look"):
        network.main(["--avatar", "leila"])
