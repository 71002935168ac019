"""How long a session holds sound and picture back before they leave together."""

from engine.frames import HOP, SAMPLE_RATE

MIN_DELAY = 1280  # 80 ms
MAX_DELAY = 4800  # 300 ms
MARGIN = 480  # 30 ms for packets and threads that come late


def choose_delay(latency: int, engine_ms: float, seen: int = 0) -> int:
    """Samples between hearing and releasing, for a session that keeps its pictures in time.

    A picture waits for whole packets of sound up to its look-ahead, then for the engine
    (`engine_ms`: animate + render). `seen`: how long pictures of other sessions took on
    this machine, from the arrival of their sound; one packet earlier it was spoken.
    """
    hops = -(-latency // HOP)
    wanted = hops * HOP + int(engine_ms * SAMPLE_RATE / 1000) + MARGIN
    wanted = max(wanted, seen + HOP if seen else 0)
    return max(MIN_DELAY, min(MAX_DELAY, -(-wanted // 160) * 160))
