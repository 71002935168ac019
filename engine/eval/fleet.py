"""Several workers, on paper: where sessions go, and what the failure of one does to the others.

Every session ranks the workers by a hash of its own (rendezvous hashing, Thaler and Ravishankar
1998) and stays with the first that has a place for it: whoever asks finds the same one without a
table, and a worker that fails sends away its own sessions only. What a session remembers dies with
its worker; the browser calls again and the face begins anew.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple


class Fleet(NamedTuple):
    """What a number of workers can promise."""

    workers: int
    sessions: int  # the most of which all are still served when one worker fails
    usual: int  # on the fullest worker, all well
    unbounded: int  # the same if sessions went where they rank first, however full that is
    moved: int  # sessions that call again when the fullest fails
    after: int  # on the fullest worker then


def rank(session: str, worker: str) -> int:
    """How much a session likes a worker; the same everywhere."""
    return int.from_bytes(blake2b(f"{session}@{worker}".encode(), digest_size=8).digest(), "big")


def place(
    sessions: Sequence[str], workers: Sequence[str], limit: int, taken: Mapping[str, int]
) -> dict[str, str]:
    """Session -> worker, in the order in which they come; `limit`: places of a worker, `taken`:
    how many of them are. Raises ValueError when there is no place left."""
    used = {worker: taken.get(worker, 0) for worker in workers}
    placed = {}
    for session in sessions:
        liked = sorted(workers, key=lambda worker: rank(session, worker), reverse=True)  # noqa: B023
        free = next((worker for worker in liked if used[worker] < limit), None)
        if free is None:
            raise ValueError(f"{limit * len(workers)} places are taken, {session} finds none")
        used[free] += 1
        placed[session] = free
    return placed


def counts(placed: Mapping[str, str], workers: Sequence[str]) -> dict[str, int]:
    """Sessions by worker."""
    found = dict.fromkeys(workers, 0)
    for worker in placed.values():
        found[worker] += 1
    return found


def plan(workers: int, capacity: int) -> Fleet:
    """Of `workers` that keep the promise for `capacity` sessions each, filled so far that one may
    fail."""
    names = [f"worker {i}" for i in range(workers)]
    people = [f"session {i}" for i in range(capacity * (workers - 1))]
    placed = place(people, names, capacity, {})
    before = counts(placed, names)
    unbounded = counts(place(people, names, len(people), {}), names)
    failed = max(names, key=lambda name: before[name])
    left = [name for name in names if name != failed]
    again = [session for session in people if placed[session] == failed]
    moved = place(again, left, capacity, before)
    after = {name: before[name] + n for name, n in counts(moved, left).items()}
    return Fleet(
        workers, len(people), before[failed], max(unbounded.values()), len(again),
        max(after.values()),
    )  # fmt: skip
