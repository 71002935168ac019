"""The tracker's networks, or a visible skip."""

from pathlib import Path

import pytest

from engine.tracker.models import Models


@pytest.fixture(scope="session")
def models(networks: Path) -> Models:
    pytest.importorskip("ai_edge_litert", reason="needs the extra `tracker`")
    return Models.load(networks)
