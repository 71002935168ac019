"""`python -m engine.eval SUITE [options]`: each suite is a module with `main(argv)`.

A suite prints a table for people; its last line on stdout is one JSON object.
"""

import sys

from engine import parts

SUITES = {
    "speed": ("engine.eval.speed", "cost per stage and how late the picture is"),
    "lips": ("engine.eval.lips", "does the mouth follow speech it was not trained on"),
    "style": ("engine.eval.style", "is a style in the motion, and does the face live"),
    "papers": ("engine.eval.papers", "four papers, their ablations and our decoder in one table"),
    "speech": ("engine.eval.speech", "accuracy of the phone posteriors"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one suite; suites are imported only when asked for."""
    return parts.run(
        "engine.eval",
        "Measure one part of the engine",
        SUITES,
        sys.argv[1:] if argv is None else argv,
    )


if __name__ == "__main__":
    sys.exit(main())
