"""The strong channels are those that move the mouth of the default avatar."""

from engine.face import package
from engine.train.split import check


def test_split_agrees_with_the_mesh() -> None:
    found = check(package.names()[0])
    assert found["jawOpen"] > 0.6 and found["eyeBlinkLeft"] < 0.1
