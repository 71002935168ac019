"""Command lines with parts, `python -m engine.train ppg`: a part is a module with `main(argv)`."""

import argparse
import importlib
from collections.abc import Mapping


def run(program: str, task: str, parts: Mapping[str, tuple[str, str]], argv: list[str]) -> int:
    """Run the part that `argv` begins with; parts are imported only when asked for.

    `program`: "engine.train"; `task`: what it does; `parts`: name -> (module, what it is for).
    Returns the exit status of the part. Unknown parts end the process with status 2.
    """
    listing = "\n".join(f"  {name:10s}{what}" for name, (_, what) in parts.items())
    parser = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=f"{task}:\n{listing}",
        epilog=f"`python -m {program} PART --help` lists the options of a part.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=parts)
    part = parser.parse_args(argv[:1]).part
    return int(importlib.import_module(parts[part][0]).main(argv[1:]) or 0)
