"""Shapes for combinations that collide when their parts merely add up: lids, lips, corners."""

from engine.train.bust import F64, Bust

# Each is weighted by the product of the weights of the shapes it names.
CORRECTIVES: tuple[tuple[str, ...], ...] = ()


def corrective(bust: Bust, shapes: tuple[str, ...]) -> F64:
    """Movement [V, 3] that a combination lacks, over the MakeHuman vertices."""
    raise NotImplementedError(shapes)
