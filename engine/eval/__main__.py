"""`python -m engine.eval SUITE [options]`: each suite is a module with `main(argv)`.

A suite prints a table for people; its last line on stdout is one JSON object. What stops it
(VivifyError, a file that cannot be read or written) is one line on stderr and status 1.
"""

import sys

from engine import parts
from engine.errors import VivifyError

SUITES = {
    "speed": ("engine.eval.speed", "cost per stage and how late the picture is"),
    "capacity": ("engine.eval.capacity", "sessions of one engine against latency, and a fleet"),
    "gpu": ("engine.eval.gpu", "does everything that needs an NVIDIA card work, and how fast"),
    "lips": ("engine.eval.lips", "does the mouth follow speech it was not trained on"),
    "style": ("engine.eval.style", "is a style in the motion, and does the face live"),
    "papers": ("engine.eval.papers", "four papers, their ablations and our decoder in one table"),
    "image": ("engine.eval.image", "do avatars do what they are told; pictures against true ones"),
    "renderer": ("engine.eval.network", "the renderer's network on each runtime"),
    "speech": ("engine.eval.speech", "accuracy of the phone posteriors"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one suite; suites are imported only when asked for."""
    asked = sys.argv[1:] if argv is None else argv
    try:
        return parts.run("engine.eval", "Measure one part of the engine", SUITES, asked)
    except (VivifyError, OSError) as error:
        print(f"engine.eval {asked[0]}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
