"""Options and fixtures shared by all tests."""

from pathlib import Path

import pytest

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
