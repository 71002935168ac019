"""`python -m engine.train renderer PART`: the neural renderer's trainings, one command each."""

from engine import parts

PARTS = {
    "features": ("engine.train.neural.sight", "what the perceptual loss compares pictures by"),
    "teacher": ("engine.train.neural.apprentice", "a cast member as drawn by the dear teacher"),
    "person": ("engine.train.neural.person", "a person from a video"),
    "portrait": ("engine.train.neural.portrait", "a person from one picture"),
}


def main(argv: list[str]) -> int:
    """Run one part; parts are imported only when asked for."""
    return parts.run("engine.train renderer", "Train a neural look", PARTS, argv)
