"""`python -m engine.train PART [options]`: each part is a module with `main(argv)`."""

import sys

from engine import parts

PARTS = {
    "anchors": ("engine.train.anchoring", "where landmarks lie on the clay, for likenesses"),
    "avatar": ("engine.train.avatar", "build the bundled avatar packages from CC0 data"),
    "data": ("engine.train.data", "synthesise, augment and store the speech corpus"),
    "listener": ("engine.train.listener", "soft phone labels by an offline teacher"),
    "motion": ("engine.train.motion", "teach the decoder from phone times and real motion"),
    "papers": ("engine.train.papers", "the four papers' systems and ablations, equal budgets"),
    "ppg": ("engine.train.ppg", "train the phone posterior model and export it"),
    "renderer": ("engine.train.renderer", "a neural look: teacher, person, portrait, features"),
    "tracker": ("engine.train.tracker", "landmarks to coefficients, where no .task is at hand"),
    "style": ("engine.train.style", "measure, draw and describe the bundled styles"),
    "tracks": ("engine.train.troupe", "let manners and people perform what the decoder learns"),
}


def main(argv: list[str] | None = None) -> int:
    """Run one part; parts are imported only when asked for."""
    return parts.run(
        "engine.train",
        "Train one part of the engine",
        PARTS,
        sys.argv[1:] if argv is None else argv,
    )


if __name__ == "__main__":
    sys.exit(main())
