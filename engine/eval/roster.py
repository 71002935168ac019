"""Who training may have heard or seen: short digests of speakers and of recordings of motion.

Contract: what is not on the roster was never trained on, whatever its name hashes to in the split;
the roster is an asset of some kB, made by `python -m engine.eval.roster --data DIR` from all that
the training data has and the split does not keep out.
"""

import argparse
import hashlib
import re
import sys
from functools import cache
from pathlib import Path

from engine.eval.performances import Performance, kept_back, read_performances
from engine.eval.recordings import CORPORA, DATA, kept_out, read_data
from engine.runtime import ASSETS

ASSET = ASSETS / "roster.txt"
# Folders of recorded motion that the training data has.
_MOTION = ("address", "facegood", "grid", "grid_s1", "grid_s30", "grid_s33", "grid_s34", "obama")
# How the corpora of speech name their recordings: the speaker comes first.
_NAMES = {"librispeech": re.compile(r"(\d+)-\d+-\d+"),
          "speechocean762": re.compile(r"(\d{4})\d{5}")}  # fmt: skip


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]


@cache
def _roster() -> frozenset[str]:
    return frozenset(ASSET.read_text().split())


def speaker_trained(corpus: str, speaker: str) -> bool:
    """Whether a speaker of a corpus (the stem of its manifest) may have been heard in training."""
    return _digest(f"speech/{corpus}/{speaker}") in _roster()


def clip_trained(clip: Performance) -> bool:
    """Whether a recording of motion may have been seen in training."""
    return motion_trained(clip.corpus, clip.name)


def motion_trained(corpus: str, name: str) -> bool:
    """`clip_trained` of a recording that is not read yet."""
    return _digest(f"motion/{corpus}/{name}") in _roster()


def corpus_of(name: str) -> str | None:
    """The folder in which a recording of motion of that name was trained on, None for others."""
    return next((c for c in _MOTION if motion_trained(c, name)), None)


def sound_trained(name: str, corpus: str | None, speaker: str | None) -> bool:
    """Whether a sound outside the corpora may have been heard in training: a recording of motion
    of that name, a speaker of the corpus it says it is of (of any, where it says none), or a name
    as the corpora give them."""
    if corpus_of(name) is not None:
        return True
    for known in CORPORA if corpus is None else (corpus,):
        named = _NAMES[known].fullmatch(name) if known in _NAMES else None
        ids = {speaker, named.group(1) if named else None} - {None}
        if any(speaker_trained(known, str(s)) for s in ids):
            return True
    return False


def main(argv: list[str]) -> int:
    """Write the asset."""
    parser = argparse.ArgumentParser(prog="python -m engine.eval.roster", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the training data")
    parser.add_argument("--out", type=Path, default=ASSET)
    options = parser.parse_args(argv)
    spoken = {
        f"speech/{r.corpus}/{r.speaker}"
        for r in read_data(options.data)
        if not kept_out(r.corpus, r.speaker)
    }
    shown = {
        f"motion/{c.corpus}/{c.name}" for c in read_performances(options.data) if not kept_back(c)
    }
    digests = sorted(map(_digest, spoken | shown))
    options.out.write_text("\n".join(digests) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
