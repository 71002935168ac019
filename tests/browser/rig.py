"""Starts a server as its own process and a headless Chromium that speaks a WAV into it."""

import base64
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
]


def chromium() -> str:
    """Path of a Chromium, or a visible skip."""
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    pytest.skip("no Chromium here; install one (Debian: apt install chromium) or set CHROMIUM")


@contextmanager
def server(*command: str) -> Iterator[str]:
    """Run `python -m COMMAND`; yields the address it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    address = ""
    for line in process.stdout:
        lines.append(line)
        if found := re.search(r"Vivify is live at (http://\S+)", line):
            address = found.group(1)
            break
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or []), daemon=True)
    reader.start()
    try:
        assert address, "the server did not start:\n" + "".join(lines)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(5)
        process.stdout.close()
    assert process.returncode == 0, "the server did not end cleanly:\n" + "".join(lines)


@contextmanager
def browser(wav: Path | None, switches: Sequence[str] = ()) -> Iterator[Any]:
    """A Playwright browser whose microphone plays `wav` over and over."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra [test]")
    extra = [f"--use-file-for-fake-audio-capture={wav}"] if wav else []
    with playwright.sync_playwright() as p:
        made = p.chromium.launch(
            executable_path=chromium(), headless=True, args=[*SWITCHES, *extra, *switches]
        )
        try:
            yield made
        finally:
            made.close()


def open_page(made: Any, address: str, *, microphone: bool = True, **options: Any) -> Any:
    """The page with the measuring script in it, not live yet."""
    context = made.new_context(bypass_csp=True, **options)
    if microphone:
        context.grant_permissions(["microphone", "camera"], origin=address)
    page = context.new_page()
    page.add_init_script(path=str(HERE / "measure.js"))
    page.goto(address)
    page.wait_for_selector(".chip input")
    return page


def go_live(page: Any) -> float:
    """Press the button; milliseconds from the offer to the first picture."""
    page.click("#start")
    first = page.evaluate("vivifyFirstPicture()")
    page.wait_for_selector('#status[data-state="live"]')
    return float(first)


@dataclass(frozen=True)
class Recording:
    """What the page showed and played."""

    luma: np.ndarray  # [N, 160, 160] uint8
    shown: np.ndarray  # [N] ms (performance.now) at which each picture was on screen
    rtp: np.ndarray  # [N] RTP time, 90 kHz
    hashes: list[int]
    microphone: np.ndarray  # [S] 12 kHz
    speaker: np.ndarray  # [S] 12 kHz, same clock
    sound_at: float  # ms of the first sound sample
    figures: list[dict[str, Any]]  # getStats over time

    RATE = 12_000


def record(page: Any, seconds: float) -> Recording:
    """Watch and listen for a while."""
    raw = page.evaluate(f"vivifyRecord({seconds})")
    side = raw["side"]
    luma = np.frombuffer(base64.b64decode(raw["luma"]), np.uint8).reshape(-1, side, side)
    sound = np.frombuffer(base64.b64decode(raw["sound"]), np.float32).reshape(-1, 2)
    pictures = raw["pictures"]
    return Recording(
        luma=luma,
        shown=np.array([p["at"] for p in pictures]),
        rtp=np.unwrap(np.array([p["rtp"] for p in pictures], float), period=2.0**32),
        hashes=[p["hash"] for p in pictures],
        microphone=sound[:, 0],
        speaker=sound[:, 1],
        sound_at=raw["from"] / 48 + raw["offset"],
        figures=raw["figures"],
    )
