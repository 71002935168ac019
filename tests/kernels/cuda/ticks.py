"""Sessions of decode.cu through a backend, and ticks of them held to what a network told.

Without torch: under the sanitizers every library costs seconds.
"""

from collections.abc import Mapping

import numpy as np

from kernels.cuda import decoding
from tests.kernels.cuda.shim import Shim

Arrays = Mapping[str, np.ndarray]
KEPT = ("lips", "eyes", "pose", "face_h", "face_c", "head_h", "held")
INTERRUPTED = 2  # the session that forgets what was said
INTERRUPT = 5  # before this tick


class Sessions:
    """The kernel's side of a batch of sessions."""

    def __init__(self, shim: Shim, net: Arrays, style: Arrays, state: Arrays) -> None:
        self._shim, self.batch = shim, len(style["share"])
        self._weights = shim.upload(decoding.weights(net))
        self._terms = shim.upload(decoding.terms(net))
        self._style = shim.upload(decoding.rows(decoding.STYLE, self.batch, style))
        self.state = shim.upload(decoding.rows(decoding.STATE, self.batch, state))
        self.ring = shim.empty((self.batch, *decoding.RING), np.float16)
        self.seen = shim.upload(np.zeros(self.batch, np.int32))

    def tick(self, **given: np.ndarray) -> dict[str, np.ndarray]:
        out = self._shim.empty((self.batch, decoding.OUTPUTS), np.float32)
        rows = decoding.rows(decoding.INPUT, self.batch, given)
        self._shim.launch(
            "decode_tick", (self.batch,), self._weights, self._terms, self._style,
            self._shim.upload(rows), self.state, self.ring, self.seen, out, self.batch,
        )  # fmt: skip
        return decoding.columns(decoding.OUTPUT, out.array)


def of(told: Arrays, kind: str) -> dict[str, np.ndarray]:
    """KIND/NAME -> NAME."""
    return {
        name.removeprefix(f"{kind}/"): a for name, a in told.items() if name.startswith(f"{kind}/")
    }


def replay(variant: str, told: Arrays) -> None:
    """Run the ticks that were told and compare everything that comes of them."""
    sessions = Sessions(Shim(variant), of(told, "net"), of(told, "style"), of(told, "state"))
    given, answers, kept = of(told, "given"), of(told, "answer"), of(told, "kept")
    ticks = len(given["ppg"])
    for tick in range(ticks):
        if tick == INTERRUPT:
            sessions.seen.array[INTERRUPTED] = 0
        found = sessions.tick(**{name: a[tick] for name, a in given.items()})
        found |= {f"state {n}": a for n, a in decoding.columns(
            decoding.STATE, sessions.state.array).items()}  # fmt: skip
        expected = {**answers, **{f"state {name}": kept[name] for name in KEPT}}
        for name, truth in expected.items():
            np.testing.assert_allclose(
                found[name], truth[tick], atol=2e-4, err_msg=f"{name} at {tick}"
            )
    seen = np.full(sessions.batch, ticks)
    if ticks > INTERRUPT:
        seen[INTERRUPTED] -= INTERRUPT
    np.testing.assert_array_equal(sessions.seen.array, seen)
    _same_ring(sessions, told)


def _same_ring(sessions: Sessions, told: Arrays) -> None:
    """The ring holds what the network shifts: the newest at place (seen - 1) % WINDOW."""
    for b, seen in enumerate(sessions.seen.array):
        count = min(int(seen), decoding.WINDOW)
        places = [(int(seen) - 1 - age) % decoding.WINDOW for age in range(count)]
        for which, name in enumerate(("last/keys", "last/values")):
            mine = sessions.ring.array[b, :, which][:, places].astype(np.float64)
            np.testing.assert_allclose(mine, told[name][b][:, ::-1][:, :count], atol=4e-3)


def replay_file(path: str) -> None:
    """`replay` of a saved record, under the sanitizers."""
    with np.load(path) as told:
        replay("sanitized", dict(told))
