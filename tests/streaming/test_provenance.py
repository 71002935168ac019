"""What a film says of itself, and that players and machines can read it back."""

import json
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from engine.avatar import Avatar
from engine.face.likeness import Consent, Likeness
from engine.frames import Video
from streaming.provenance import KEY, VOCABULARY, about, tags
from streaming.sinks.file import Mp4Writer


class Someone:
    """An avatar of a real person, as far as provenance asks."""

    name, title, look = "ada", "Ada", "neural"
    likeness = Likeness("real person", Consent("Ada Löwe", "2026-11-22", "I agree"))


def test_a_film_carries_it(tmp_path: Path) -> None:
    facts = about(Someone(), "calm")
    path = tmp_path / "a.mp4"
    with Mp4Writer(path, 64, 64, sound=False, about=tags(facts, "Ada")) as out:
        out.write(Video(0, np.full((96, 64), 80, np.uint8)))
    with av.open(str(path)) as film:
        read = film.metadata
    assert json.loads(read[KEY]) == facts
    assert read["title"] == "Ada, a synthetic avatar" and read["synthetic"] == "true"
    assert read["comment"].startswith("Synthetic media")
    assert facts["digitalSourceType"] == VOCABULARY + "trainedAlgorithmicMedia"
    assert facts["likeness"]["consent"] == {"by": "Ada Löwe", "date": "2026-11-22"}
    assert facts["synthetic"] is True and facts["likeness"]["visibleMark"] is True
    assert facts["generator"].startswith("Vivify ")


def test_other_programs_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with Mp4Writer(path, 64, 64, sound=False, about=tags(about(Someone(), "x"), "Ada")) as out:
        out.write(Video(0, np.full((96, 64), 80, np.uint8)))
    command = ["ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "json", str(path)]
    try:
        answer = subprocess.run(command, capture_output=True, check=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("ffprobe is not installed")
    found = json.loads(answer.stdout)["format"]["tags"]
    assert found["digitalSourceType"].endswith("trainedAlgorithmicMedia")
    assert json.loads(found[KEY])["avatar"] == "ada"


def test_a_drawn_character_is_nobody() -> None:
    facts = about(Avatar.load("mira", 64), "calm")
    assert facts["likeness"] is None and facts["renderer"] == "toon"
    assert facts["digitalSourceType"] == VOCABULARY + "compositeSynthetic"
    assert not about(Someone(), "calm", marked=False)["likeness"]["visibleMark"]
