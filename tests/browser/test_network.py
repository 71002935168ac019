"""Sound and picture at a real receiver: skew by flash and beep, and delay over a lossy network."""

from pathlib import Path

import numpy as np
import pytest

from tests.browser import figures, relay, rig, speech

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
FAKE_UI = ["--use-fake-ui-for-media-stream"]


def test_flash_and_beep_arrive_together(tmp_path: Path) -> None:
    """Aim 40 ms; people notice sound 45 ms early or 125 ms late (ITU-R BT.1359)."""
    with (
        rig.server("tests.browser.server", "--flash", "--size", "256") as address,
        rig.browser(speech.beeps(tmp_path / "beeps.wav"), FAKE_UI) as browser,
    ):
        page = rig.open_page(browser, address)
        first = rig.go_live(page)
        page.wait_for_timeout(8000)  # a browser takes some seconds to align two streams
        rec = rig.record(page, 9)
    flashes, beeps = figures.flashes(rec), figures.beeps(rec, rec.speaker)
    spoken = [b for b in figures.beeps(rec, rec.microphone) if b < flashes[-1]]
    photon = float(np.median([flashes[flashes > b - 20][0] - b for b in spoken]))
    assert len(beeps) >= 6 and len(flashes) >= 6
    skew = np.array([flashes[np.abs(flashes - beep).argmin()] - beep for beep in beeps])
    skew = skew[np.abs(skew) < 500]  # at the edges of the recording one of a pair is missing
    assert len(skew) >= len(beeps) - 2
    rtp = np.diff(rec.rtp)
    median, wide = float(np.median(skew)), float(np.percentile(np.abs(skew), 95))
    print(
        f"\nskew (sound early is +): median {median:.0f} ms, 95 % within {wide:.0f} ms; "
        f"fps {figures.fps(rec):.1f}; first picture {first:.0f} ms; microphone to picture "
        f"{photon:.0f} ms, "
        f"to speaker {figures.sound_delay_ms(rec.microphone, rec.speaker):.0f} ms"
    )
    assert (rtp > 0).all() and (rtp % 3600 == 0).all()
    assert -125 <= median <= 60 and wide <= 200


def lossy_take(wav: Path) -> tuple[float, float]:
    """(delay in the first five seconds of loss, in the last five) in ms, printed with the rest."""
    with (
        relay.relay() as between,
        rig.server("tests.browser.server", "--size", "256") as address,
        rig.browser(wav, FAKE_UI) as browser,
    ):
        between.delay_s = 0.020
        page = rig.open_page(browser, address)
        relay.insert(page, between)
        rig.go_live(page)
        page.wait_for_timeout(2000)
        between.loss, between.jitter_s = 0.03, 0.010
        rec = rig.record(page, 20)
        assert between.lost > 20
        server = page.evaluate("({...vivify.server})")
    five = 5 * rig.Recording.RATE
    first = figures.sound_delay_ms(rec.microphone[:five], rec.speaker[:five])
    last = figures.sound_delay_ms(rec.microphone[-five:], rec.speaker[-five:])
    begin, end = rec.figures[0], rec.figures[-1]
    concealed = (end["audio"]["concealedSamples"] - begin["audio"]["concealedSamples"]) / (
        end["audio"]["totalSamplesReceived"] - begin["audio"]["totalSamplesReceived"]
    )
    freezes = end["video"]["freezeCount"] - begin["video"]["freezeCount"]
    lost = between.lost / (between.lost + between.passed)
    print(
        f"\nlossy relay ({lost:.1%} lost): microphone to speaker {first:.0f} ms in the first 5 s, "
        f"{last:.0f} ms in the last; concealed {concealed:.1%}, freezes {freezes}, "
        f"fps {figures.fps(rec):.1f}, keyframes {end['video'].get('keyFramesDecoded')}, "
        f"server {server}"
    )
    assert figures.fps(rec) >= 15
    return first, last


def test_delay_does_not_grow_on_a_lossy_network(tmp_path: Path) -> None:
    """3 % loss, 20 ms, 10 ms jitter, both ways: the last 5 s within 40 ms of the first 5 s."""
    wav = speech.speech(tmp_path / "speech.wav")
    first, last = lossy_take(wav)
    if abs(last - first) > 40:  # another program took the processor: one more take, printed too
        first, last = lossy_take(wav)
    assert abs(last - first) <= 40
