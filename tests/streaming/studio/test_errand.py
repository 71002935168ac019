"""Long work in another process: told, waited for, called off, and never left behind."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from streaming.studio.errand import Errand, Failed


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def say(share: object, words: str = "") -> str:
    return f"print('vivify-progress {share} {words}', file=sys.stderr, flush=True)"


def test_progress_is_told_and_only_progress() -> None:
    told: list[tuple[float, str]] = []
    script = (
        f"import sys\n{say(0.25, 'faces')}\nprint('a bar', end='\\r', file=sys.stderr)\n"
        f"{say('x')}\n{say(7, 'done')}\nprint('x' * 200000, file=sys.stderr)\n"
    )
    done = asyncio.run(Errand(python(script), lambda *what: told.append(what)).run())
    assert done and told[0] == (0.25, "faces") and told[-1] == (1.0, "done") and len(told) == 2


def test_what_fails_says_why() -> None:
    script = "import sys; sys.exit('no face is seen in 2 s')"
    with pytest.raises(Failed, match="no face is seen"):
        asyncio.run(Errand(python(script), print).run())
    with pytest.raises(Failed, match="code 3"):
        asyncio.run(Errand(python("import sys; sys.exit(3)"), print).run())


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"


@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
def test_called_off_with_what_it_has_started(tmp_path: Path) -> None:
    note = tmp_path / "child"
    child = "import time; time.sleep(60)"
    script = (
        f"import subprocess, sys, time\np = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        f"open({str(note)!r}, 'w').write(str(p.pid))\n{say(0.5)}\ntime.sleep(60)"
    )

    async def main() -> bool:
        errand = Errand(python(script), lambda share, words: errand.call_off())
        return await errand.run()

    began = time.monotonic()
    assert asyncio.run(main()) is False
    assert time.monotonic() - began < 30
    pid = int(note.read_text())
    for _ in range(100):
        if gone(pid):
            break
        time.sleep(0.05)
    assert gone(pid)
