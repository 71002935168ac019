"""`python -m engine.eval SUITE [options]`: each suite is a module with `main(argv)`.

A suite prints a table for people; its last line on stdout is one JSON object.
"""

import argparse
import importlib
import sys

SUITES = {
    "speed": ("engine.eval.speed", "cost per stage and how late the picture is"),
    "lips": ("engine.eval.lips", "does the mouth follow speech it was not trained on"),
    "speech": ("engine.eval.speech", "accuracy of the phone posteriors"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one suite; suites are imported only when asked for."""
    arguments = sys.argv[1:] if argv is None else argv
    listing = "\n".join(f"  {name:10s}{what}" for name, (_, what) in SUITES.items())
    parser = argparse.ArgumentParser(
        prog="python -m engine.eval",
        description=f"Measure one part of the engine:\n{listing}",
        epilog="`python -m engine.eval SUITE --help` lists the options of a suite.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suite", choices=SUITES)
    suite = parser.parse_args(arguments[:1]).suite
    result = importlib.import_module(SUITES[suite][0]).main(arguments[1:])
    return int(result or 0)


if __name__ == "__main__":
    sys.exit(main())
