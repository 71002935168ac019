"""What drawing costs, by avatar: CPU of a picture, of the first one, memory.

Pictures are drawn one by one with a pause and other data in between, as in a call, so that caches
are as cold as they are there. The first picture and the memory are those of a fresh process that
imports numpy, then the renderer, with compiled kernels in the user's cache.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from engine.frames import Motion
from engine.render.renderer import Renderer, Size

PAUSE_S = 0.008
_DRAW = (
    "import json, sys, time\nimport numpy as np\n"
    "def held():\n"
    "    with open('/proc/self/statm') as file:\n"
    "        return int(file.read().split()[1]) * 4096 / 2**20\n"
    "try: plain = held()\n"
    "except OSError: held = lambda: float('nan'); plain = held()\n"
    "from engine.frames import Motion\nfrom engine.render.renderer import Renderer\n"
    "still = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))\n"
    "kept = [Renderer(sys.argv[1], 512)]\nkept[0].render(still)\n"
    "wall, cpu, first = time.time() - float(sys.argv[2]), time.process_time(), held()\n"
    "for name in sys.argv[3:]:\n"
    "    kept.append(Renderer(name, 512)); kept[-1].render(still)\n"
    "print(json.dumps([wall * 1e3, cpu * 1e3, first - plain, held() - first]))\n"
)


def key(size: Size) -> str:
    """'512' or '1280x720'."""
    return str(size) if isinstance(size, int) else f"{size[0]}x{size[1]}"


def costs(avatar: str, motions: Sequence[Motion], size: Size) -> dict[str, float]:
    """CPU ms of a picture: p50 and p95."""
    renderer, other = Renderer(avatar, size), np.zeros(8 << 20, np.uint8)
    renderer.render(motions[0])
    taken = []
    for motion in motions:
        time.sleep(PAUSE_S)
        other += 1
        begin = time.thread_time()
        renderer.render(motion)
        taken.append((time.thread_time() - begin) * 1e3)
    return {f"p{q}": round(float(np.percentile(taken, q)), 2) for q in (50, 95)}


def fresh(avatar: str, others: Sequence[str]) -> dict[str, Any]:
    """First picture and memory of a new process; `others`: avatars of further sessions."""
    command = [sys.executable, "-c", _DRAW, avatar, str(time.time()), *others]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    wall, cpu, first, further = json.loads(done.stdout.splitlines()[-1])
    memory = {"first": round(first, 1)}
    if others:
        memory["further"] = round(further / len(others), 1)
    return {"first_frame_ms": {"wall": round(wall), "cpu": round(cpu)}, "memory_mb": memory}


def table(
    avatars: Sequence[str], others: Sequence[str], motions: Sequence[Motion], sizes: Sequence[Size]
) -> dict[str, dict[str, Any]]:
    """Rows by avatar, printed too; `others`: whom further sessions show."""
    rows: dict[str, dict[str, Any]] = {}
    for name in tqdm(avatars, unit="avatar", leave=False):
        cpu = {key(size): costs(name, motions, size) for size in sizes}
        rows[name] = {"render_cpu_ms": cpu, **fresh(name, [o for o in others if o != name][:4])}
    columns = "".join(f"{key(size):>16s}" for size in sizes)
    print(f"{'render CPU ms':14s}{columns}   first frame ms   MB  MB a further session")
    for name, row in rows.items():
        cells = "".join(f"{c['p50']:9.1f} {c['p95']:6.1f}" for c in row["render_cpu_ms"].values())
        first, memory = row["first_frame_ms"], row["memory_mb"]
        print(
            f"{name:14.14s}{cells}   {first['wall']:6d} (CPU {first['cpu']})  {memory['first']:.0f}"
            f"  {memory.get('further', float('nan')):.1f}"
        )
    return rows
