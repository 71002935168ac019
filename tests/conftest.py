"""Options and fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

from engine.errors import RuntimeUnavailable
from engine.tracker.models import CHECKSUMS
from streaming.errors import TransportError
from streaming.models import cache_folder, face_models

ROOT = Path(__file__).resolve().parent.parent
GOLDEN_SPEECH = ROOT / "tests" / "golden" / "speech"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data", default=None, help="folder of the training data, for marker `data`")
    parser.addoption("--slow", action="store_true", help="also run tests marked `slow`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    no_data = pytest.mark.skip(reason="needs the training data: pass --data DIR")
    not_slow = pytest.mark.skip(reason="slow: pass --slow")
    for item in items:
        if "data" in item.keywords and config.getoption("--data") is None:
            item.add_marker(no_data)
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(not_slow)


@pytest.fixture(scope="session")
def data_dir(request: pytest.FixtureRequest) -> Path:
    return Path(request.config.getoption("--data"))


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder CACHE/vivify/face of the tracker's networks, or a visible skip.

    Those in this user's cache are read; nothing is ever written there. If they are not there and
    the environment variable VIVIFY_FETCH is set, as .ci/run does, they are fetched once into a
    folder of this test session. Without it no test goes online.
    """
    folder = cache_folder() / "face"
    if all((folder / name).is_file() for name in CHECKSUMS):
        return folder
    if not os.environ.get("VIVIFY_FETCH"):
        pytest.skip("needs the tracker's networks (36 MB): set VIVIFY_FETCH=1 to fetch them")
    try:
        return face_models(tmp_path_factory.mktemp("cache") / "vivify")
    except (RuntimeUnavailable, TransportError) as error:
        pytest.skip(f"offline: {error}")
