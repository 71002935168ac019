"""Every part of the check of a GPU, at small sizes, over the stand-in for the driver: nothing of it
runs for the first time on a card."""

from pathlib import Path

import pytest

from engine.eval.gpu import machine, networks, pictures, stages
from engine.eval.gpu.rig import TINY, Noted, Rig
from engine.eval.gpu.rows import ABSENT, FAILED, OK, Row
from kernels.cuda import build
from tests.kernels.cuda.driver import Driver


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A card that is none; times are counts of calls of the driver."""
    monkeypatch.setattr(build, "cubin", lambda source, arch: source.encode())
    monkeypatch.setattr(build, "architecture", lambda major, minor: f"sm_{major}{minor}")
    return Rig(Noted(driver=Driver()), TINY, 600.0, "cpu")


def good(rows: list[Row], least: int) -> dict[str, Row]:
    """Rows by name, none of which says that something is wrong."""
    assert len(rows) >= least and not [row for row in rows if row.status == FAILED], rows
    return {row.name: row for row in rows}


def test_the_card_says_who_it_is(rig: Rig) -> None:
    name = next(iter(machine.card(rig)))
    assert name.note == "a card" and name.more["cuda"] == "13.0"
    rows = good(list(machine.packages(None)), 5)
    assert rows["numpy"].status != ABSENT


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ('{"part": "replay", "name": "x", "status": "ok"}', OK),
        ('{"part": "replay", "name": "x", "status": "failed"}', FAILED),
        ("", FAILED),
        ("Device not supported", ABSENT),
    ],
)
def test_the_sanitizer_must_have_seen_pictures(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, status: str
) -> None:
    tool = tmp_path / "compute-sanitizer"
    tool.write_text(f"#!/bin/sh\necho '{said}'\n")
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert [row.status for row in machine.sanitizer(rig)] == [status] * 2


def test_copies_have_rates(rig: Rig) -> None:
    rows = good(list(machine.copies(rig)), 3)
    assert {"device", "to host", "from host"} == set(rows) and rows["device"].value


def test_pictures_are_the_cpus_and_a_wrong_one_is_found(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = list(pictures.equal(rig))
    assert [row.status for row in rows] == [OK] * 4, rows
    monkeypatch.setattr(pictures, "ERROR", -1.0)
    assert [row.status for row in pictures.equal(rig)] == [FAILED] * 4


def test_replays_are_checked(rig: Rig) -> None:
    rows = good(list(pictures.replay(rig)), 3)
    assert rows["same inputs, same bytes"].more["launches"] == TINY.replays
    assert {row.status for row in rows.values()} == {OK}


def test_a_graph_that_draws_what_it_drew_before_is_found(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Driver, "cuGraphLaunch", lambda self, graph, stream: None)
    rows = {row.name: row.status for row in pictures.replay(rig)}
    assert rows["as launched one by one"] == rows["other inputs, other bytes"] == FAILED


def test_stages_have_times_and_floors(rig: Rig) -> None:
    rows = list(stages.stages(rig))
    assert not [row for row in rows if row.status in (FAILED, ABSENT)], rows
    first = [row for row in rows if row.more["batch"] == 1]
    names = [row.name for row in first]
    assert names[0] == "copy" and names.count("raster_draw") == 2
    assert "shade_i420" in names and "wall of a call" in names
    for row in first[: names.index("device, a picture")]:
        assert row.value and float(row.more["floor_us"]) > 0, row


def test_the_decoder_and_its_kernel_agree_with_the_cpu(rig: Rig) -> None:
    rows = good(list(networks.decoder(rig)), 8)
    assert rows["decode_tick weights"].status == OK
    assert rows["graphed weights"].status == OK


def test_the_ears_agree_with_the_cpu(rig: Rig) -> None:
    rows = good(list(networks.ears(rig)), 4)
    assert rows["graphed y1"].status == OK


def test_the_painter_agrees_with_the_cpu(rig: Rig) -> None:
    rows = good(list(networks.painter(rig)), 6)
    assert rows["graphed rgba_x2"].status == OK
