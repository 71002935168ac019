"""What all tests of runtimes share."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """One thread: on a busy machine torch's wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
