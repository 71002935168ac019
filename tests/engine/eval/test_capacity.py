"""Sessions in made-up time: exact for one, worse for more, and no invented step times."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from engine.admission import DRAW, HEAR
from engine.errors import WeightsError
from engine.eval import capacity, fleet
from engine.eval.simulation import JITTER_S, Costs, price, simulate
from engine.eval.simulation import capacity as most

HEAR_S, DECIDE_S, DRAW_S = 0.001, 0.002, 0.010
DRAWN = Costs("drawn", {1: HEAR_S, 8: 0.002}, {1: DECIDE_S, 8: 0.003}, {1: DRAW_S},
              {HEAR: 8, DRAW: 1})  # fmt: skip
HEARD = DRAWN._replace(name="heard", draw={})
ALONE = HEARD._replace(name="alone", limits={HEAR: 1})


def test_one_session_waits_for_its_packets_and_its_own_work_only() -> None:
    load = simulate(DRAWN, 1)
    least = 40 + 1e3 * (HEAR_S + DECIDE_S + DRAW_S)  # look-ahead of 20 ms: two packets
    assert least <= load.p50_ms <= load.p95_ms <= least + 1e3 * JITTER_S + 1e-6
    assert load.left_out == 0 and load.together == 1
    # 50 hops, 25 faces and 25 pictures a second.
    assert load.busy == pytest.approx(50 * HEAR_S + 25 * (DECIDE_S + DRAW_S), rel=0.03)


@pytest.mark.parametrize(("lookahead", "ms"), [(0, 20), (3, 80)])
def test_the_dial_is_in_the_latency(lookahead: int, ms: float) -> None:
    load = simulate(HEARD, 1, lookahead=lookahead)
    least = ms + 1e3 * (HEAR_S + DECIDE_S)
    assert least <= load.p50_ms <= least + 1e3 * JITTER_S + 1e-6


def test_it_is_the_same_every_time() -> None:
    assert simulate(DRAWN, 3) == simulate(DRAWN, 3)
    assert simulate(DRAWN, 3) != simulate(DRAWN, 3, seed=1)


def test_more_sessions_keep_the_engine_busier_until_the_promise_breaks() -> None:
    loads = [simulate(HEARD, count, 3.0) for count in (1, 8, 32, 64)]
    assert all(a.busy < b.busy <= 1 for a, b in pairwise(loads))
    count = most(HEARD, seconds=3.0)
    assert simulate(HEARD, count, 3.0).kept and not simulate(HEARD, round(1.2 * count), 3.0).kept
    # 8 in a call: 50 * 2 ms + 25 * 3 ms of a second for eight sessions.
    assert 0.6 * 8 / 0.175 <= count <= 1.05 * 8 / 0.175


def test_calls_that_are_shared_serve_more() -> None:
    assert most(HEARD, seconds=3.0) > 2 * most(ALONE, seconds=3.0) > 0


def test_an_overloaded_engine_leaves_pictures_out_and_never_one_that_cannot() -> None:
    crowd = simulate(DRAWN, 6)
    assert crowd.left_out > 0.2 and crowd.busy > 0.97 and not crowd.kept
    assert most(DRAWN._replace(draw={1: 0.5}), seconds=3.0) == 0


def test_pictures_on_a_device_go_together() -> None:
    device = DRAWN._replace(draw={1: 0.004, 64: 0.005}, limits={HEAR: 8, DRAW: 64})
    assert most(device, seconds=3.0) > 2 * most(DRAWN._replace(draw={1: 0.004}), seconds=3.0)


def test_prices_lie_on_straight_lines() -> None:
    curve = {2: 0.2, 4: 0.3, 8: 0.9}
    assert [round(price(curve, n), 6) for n in (0, 1, 2, 3, 4, 6, 12)] == [
        0.0, 0.2, 0.2, 0.25, 0.3, 0.6, 1.5,
    ]  # fmt: skip
    assert price({1: 0.1}, 5) == pytest.approx(0.5) and price({}, 5) == 0


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_a_fleet_survives_the_loss_of_its_fullest_worker(workers: int) -> None:
    plan = fleet.plan(workers, 20)
    assert plan.sessions == 20 * (workers - 1)
    assert plan.usual == plan.moved <= 20 and plan.after == 20
    assert plan.unbounded >= plan.usual


def test_who_stays_keeps_their_worker() -> None:
    workers, people = ["a", "b", "c"], [f"s{i}" for i in range(60)]
    before = fleet.place(people, workers, 60, {})
    after = fleet.place(people, ["a", "c"], 60, {})
    assert all(after[who] == where for who, where in before.items() if where != "b")
    assert min(fleet.counts(before, workers).values()) > 10
    with pytest.raises(ValueError, match="no"):
        fleet.place(people, workers, 10, {})


def test_steps_are_read_or_refused(tmp_path: Path) -> None:
    good = {"device": "a card", "date": "2026-01-01", "draw": "toon", "draw_ms": {"1": 1, "64": 3}}
    file = tmp_path / "card.json"
    file.write_text(json.dumps({"steps": good, "other": 1}))
    steps = capacity.read_steps(file)
    assert steps is not None and steps["draw"] == {1: 0.001, 64: 0.003} and "hear" not in steps
    costs = capacity.settings({1: 0.1, 4: 0.2}, {1: 0.1}, [0.01, 0.03], "mira", [steps])
    assert "a card" in costs[-1].name and "2026-01-01" in costs[-1].name
    assert "this core" in costs[-1].name and costs[-1].limits == {HEAR: 4, DRAW: 64}
    file.write_text(json.dumps({"kernels": []}))
    assert capacity.read_steps(file) is None
    bad = [good | {"draw_ms": {}}, good | {"draw_ms": {"1": -1}}, good | {"draw_ms": 3}, [], {}]
    for broken in bad:
        file.write_text(json.dumps({"steps": broken}))
        with pytest.raises(WeightsError, match=r"card\.json"):
            capacity.read_steps(file)


def test_the_suite_measures_simulates_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = capacity.measure("mira", 128, [], tmp_path, sizes=(1, 2), seconds=1.5)
    printed = capsys.readouterr().out
    assert "No step times of a GPU" in printed and (tmp_path / "capacity.png").stat().st_size > 5000
    assert set(result["cpu_ms_per_session_second"]) == {"1", "2"}
    assert result["sessions"]["no pictures, calls shared"] >= 2
    again = tmp_path / "steps.json"
    again.write_text(json.dumps(result))
    assert capacity.read_steps(again) is not None
