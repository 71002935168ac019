"""The check of a GPU: `python -m engine.eval gpu`. What it does: suite.py."""

from engine.eval.gpu.suite import main

__all__ = ["main"]
