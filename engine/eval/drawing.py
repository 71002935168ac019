"""What drawing costs, by avatar and look: CPU of a picture, of the first one, memory.

Pictures are drawn one by one with a pause and other data in between, as in a call, so that caches
are as cold as they are there. The first picture and the memory are those of a fresh process that
imports numpy, then the renderer, with compiled kernels in the user's cache.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from engine.face import package
from engine.face.package import Package
from engine.frames import Motion
from engine.render.choose import choose, looks
from engine.render.renderer import Size

PAUSE_S = 0.008
_DRAW = (
    "import json, sys, time\nimport numpy as np\n"
    "def held():\n"
    "    with open('/proc/self/statm') as file:\n"
    "        return int(file.read().split()[1]) * 4096 / 2**20\n"
    "try: plain = held()\n"
    "except OSError: held = lambda: float('nan'); plain = held()\n"
    "from engine.frames import Motion\nfrom engine.render.choose import choose\n"
    "still = Motion(0, np.zeros(52, np.float32), np.zeros(6, np.float32))\n"
    "began, look = float(sys.argv[2]), sys.argv[3]\n"
    "kept = [choose(sys.argv[1], 512, look=look)]\nkept[0].render(still)\n"
    "wall, cpu, first = time.time() - began, time.process_time(), held()\n"
    "for name in sys.argv[4:]:\n"
    "    kept.append(choose(name, 512, look='toon')); kept[-1].render(still)\n"
    "print(json.dumps([wall * 1e3, cpu * 1e3, first - plain, held() - first]))\n"
)


def key(size: Size) -> str:
    """'512' or '1280x720'."""
    return str(size) if isinstance(size, int) else f"{size[0]}x{size[1]}"


def costs(
    avatar: str | Package, motions: Sequence[Motion], size: Size, look: str = "toon"
) -> dict[str, float]:
    """CPU ms of a picture, all threads together: p50 and p95."""
    renderer, other = choose(avatar, size, look=look), np.zeros(8 << 20, np.uint8)
    renderer.render(motions[0])
    taken = []
    for motion in motions:
        time.sleep(PAUSE_S)
        other += 1
        begin = time.process_time()
        renderer.render(motion)
        taken.append((time.process_time() - begin) * 1e3)
    return {f"p{q}": round(float(np.percentile(taken, q)), 2) for q in (50, 95)}


def fresh(avatar: str, others: Sequence[str], look: str = "toon") -> dict[str, Any]:
    """First picture and memory of a new process; `others`: avatars of further sessions, toon."""
    command = [sys.executable, "-c", _DRAW, avatar, str(time.time()), look, *others]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    wall, cpu, first, further = json.loads(done.stdout.splitlines()[-1])
    memory = {"first": round(first, 1)}
    if others:
        memory["further"] = round(further / len(others), 1)
    return {"first_frame_ms": {"wall": round(wall), "cpu": round(cpu)}, "memory_mb": memory}


def table(
    avatars: Sequence[str], others: Sequence[str], motions: Sequence[Motion], sizes: Sequence[Size]
) -> dict[str, dict[str, Any]]:
    """Rows by avatar, printed too; a neural look is one more row, 'NAME neural', and the small
    network beside it another, 'NAME neural small'. `others`: whom further sessions show."""
    rows: dict[str, dict[str, Any]] = {}
    drawn = [(name, look) for name in avatars for look in looks(package.load(name))]
    for name, look in tqdm(drawn, unit="avatar", leave=False):
        cpu = {key(size): costs(name, motions, size, look) for size in sizes}
        begun = fresh(name, [o for o in others if o != name][:4], look)
        rows[name if look == "toon" else f"{name} {look}"] = {"render_cpu_ms": cpu, **begun}
        face = package.load(name)
        if look == "neural" and face.learned is not None and face.learned.small is not None:
            small = replace(face, learned=face.learned.lighter())
            cpu = {key(size): costs(small, motions, size, look) for size in sizes}
            rows[f"{name} neural small"] = {"render_cpu_ms": cpu, **begun}
    columns = "".join(f"{key(size):>16s}" for size in sizes)
    print(f"{'render CPU ms':18s}{columns}   first frame ms   MB  MB a further session")
    for name, row in rows.items():
        cells = "".join(f"{c['p50']:9.1f} {c['p95']:6.1f}" for c in row["render_cpu_ms"].values())
        first, memory = row["first_frame_ms"], row["memory_mb"]
        begin = f"{first['wall']:6d} (CPU {first['cpu']})  {memory['first']:.0f}"
        more = memory.get("further", float("nan"))
        print(f"{Path(name).name:18.18s}{cells}   {begin}  {more:.1f}")
    return rows
