"""Command lines with parts, `python -m engine.train ppg`: a part is a module with `main(argv)`."""

import argparse
import importlib
import sys
from collections.abc import Mapping


def run(program: str, task: str, parts: Mapping[str, tuple[str, str]], argv: list[str]) -> int:
    """Run the part that `argv` begins with; parts are imported only when asked for.

    `program`: "engine.train"; `task`: what it does; `parts`: name -> (module, what it is for).
    Returns the exit status of the part: 1 when a package that it needs is absent. Unknown parts
    end the process with status 2.
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
    try:
        module = importlib.import_module(parts[part][0])
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("engine", "kernels"):
            raise
        sys.stderr.write(
            f"{program} {part}: package {error.name} not found; install it with "
            'pip install -e ".[train]" or with the extra of pyproject.toml that lists it\n'
        )
        return 1
    return int(module.main(argv[1:]) or 0)
