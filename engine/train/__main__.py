"""`python -m engine.train PART [options]`: each part is a module with `main(argv)`."""

import argparse
import importlib
import sys

PARTS = {
    "avatar": ("engine.train.avatar", "build the bundled avatar packages from CC0 data"),
    "data": ("engine.train.data", "synthesise, augment and store the speech corpus"),
    "motion": ("engine.train.motion", "teach the decoder from phone times and real motion"),
    "ppg": ("engine.train.ppg", "train the phone posterior model and export it"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one part; parts are imported only when asked for."""
    arguments = sys.argv[1:] if argv is None else argv
    listing = "\n".join(f"  {name:10s}{what}" for name, (_, what) in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m engine.train",
        description=f"Train one part of the engine:\n{listing}",
        epilog="`python -m engine.train PART --help` lists the options of a part.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=PARTS)
    part = parser.parse_args(arguments[:1]).part
    result = importlib.import_module(PARTS[part][0]).main(arguments[1:])
    return int(result or 0)


if __name__ == "__main__":
    sys.exit(main())
