"""The tracker of a process: what a recording teaches, and an end that waits for nobody."""

import asyncio
import threading
from typing import Any

import numpy as np
import pytest

from engine.errors import TrackingError
from engine.frames import SAMPLES_PER_FRAME
from engine.style import reference
from engine.style.library import StyleLibrary
from engine.tracker import clip
from engine.tracker.tracker import Tracked
from streaming import sight
from streaming.errors import TransportError
from streaming.sight import Sight
from tests.fakes import InlineWorker
from tests.virtual_time import run


def talk(seconds: float) -> list[Tracked]:
    """Faces whose every coefficient moves at its own pace."""
    rows = np.arange(round(seconds * 25))
    pace, phase = 0.1 + 0.02 * np.arange(52), np.arange(52)
    weights = (0.2 + 0.15 * np.sin(np.outer(rows, pace) + phase)).astype(np.float32)
    pose = (3 * np.sin(np.outer(rows, pace[:6]))).astype(np.float32)
    return [
        Tracked(int(i) * SAMPLES_PER_FRAME, weights[i], pose[i], 1.0, False)  # fmt: skip
        for i in rows
    ]


def test_a_recording_gives_the_style_that_its_film_gives() -> None:
    """What demos.pick_style makes of the same faces: sizes raised, untracked channels left out."""
    faces = talk(6)
    style = run(
        Sight(lambda: None, worker=InlineWorker()).study(faces, 6.0, "mine", "by camera")  # type: ignore[arg-type, return-value]
    )
    shown = reference.filmed(clip.settle(faces))
    np.testing.assert_array_equal(style.code, shown.style("mine", "of a film").code)
    assert style.made == "by camera"
    plain = reference.style_of("mine", clip.settle(faces), "").code
    between = np.linalg.norm(StyleLibrary().get("calm").code - StyleLibrary().get("neutral").code)
    assert np.linalg.norm(style.code - plain) > 0.1 * between  # the difference is no rounding


def test_a_recording_with_too_little_of_a_face_is_refused() -> None:
    with pytest.raises(TrackingError, match="the recording shows a face for 1.60 s of its 9.00"):
        run(Sight(lambda: None, worker=InlineWorker()).study(talk(1.6), 9.0, "mine", ""))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("heeds", [True, False], ids=["stops", "goes on"])
def test_the_end_waits_for_no_load(heeds: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    began, wanted, release = threading.Event(), threading.Event(), threading.Event()
    ended: list[bool] = []

    def load() -> Any:
        began.set()
        ended.append((wanted if heeds else release).wait(60))
        raise TransportError("cancelled")

    async def main() -> None:
        eyes = Sight(load, stop=wanted.set)
        opening = asyncio.ensure_future(eyes.open())
        await asyncio.to_thread(began.wait, 60)
        others = asyncio.ensure_future(asyncio.sleep(0))
        await eyes.close()
        assert wanted.is_set() and ended == [True] * heeds and others.done()
        (outcome,) = await asyncio.gather(opening, return_exceptions=True)
        assert isinstance(outcome, TransportError if heeds else asyncio.CancelledError)

    if not heeds:
        monkeypatch.setattr(sight, "END_S", 0.05)
    try:
        asyncio.run(main())
    finally:
        release.set()
