"""Jackets: a blazer with collar and lapels over a shirt or a t-shirt."""

import numpy as np

from engine.train.bust import Part
from engine.train.form import Form
from engine.train.knits import ROUNDED, collared, ribbing, under
from engine.train.piece import slab
from engine.train.recipe import Clothes
from engine.train.shirts import Neckline, Outfit, body, buttons, hang, leaf

AROUND = np.r_[-180, -150, -126, np.arange(-108, -35, 6), np.arange(-32, 33, 4),
               np.arange(36, 109, 6), 126, 150, 180].astype(float)  # fmt: skip


def _shell(form: Form, foot: float) -> list[Part]:
    """Body, collar and lapels of a jacket."""
    edge = Neckline((0, 5, 52, 100, 180), tuple(foot + d for d in (1.0, 0.9, 0.24, 0.10, 0.06)))
    made = [
        body(form, edge, lift=0.12, loose=0.05, azimuths=AROUND, rows=8),
        leaf(form, foot + 0.10, 0.14, (60.0, foot + 0.40), foot + 0.26, 50.0, "lapel", 0.14, 0.24),
    ]
    t = np.linspace(0, 1, 8)
    for side in (-1, 1):
        inner_a, inner_d = 51 - 46 * t, foot + 0.25 + 0.66 * t
        outer_a = np.interp(t, [0, 0.22, 1], [62, 67, 10])
        outer_d = foot + np.interp(t, [0, 0.22, 1], [0.40, 0.56, 0.95])
        share = np.linspace(0, 1, 4)
        azimuth = side * (inner_a[:, None] + (outer_a - inner_a)[:, None] * share)
        depth = inner_d[:, None] + (outer_d - inner_d)[:, None] * share
        lift = hang(depth - foot - 0.2, 0.12, 0.05) + 0.06 + 0.02 * np.sin(np.pi * share)
        front = form.at(azimuth, depth, lift)
        made.append(slab("lapel", front, form.at(azimuth, depth, lift - 0.06)))
    return made


def blazer(form: Form, options: Clothes) -> Outfit:
    """A blazer over a shirt."""
    foot = -form.rise - 0.10 - options.height
    parts = [*collared(form, foot, 0.10), *_shell(form, foot), *buttons(form, [foot + 0.36], 0.12)]
    return Outfit(parts, Neckline((0,), (foot + 0.02,)))


def casual(form: Form, options: Clothes) -> Outfit:
    """A blazer over a t-shirt."""
    foot = -form.rise - 0.06 - options.height
    edge = Neckline((0, 60, 180), (foot + 0.12, foot + 0.06, foot), ROUNDED)
    tee = [under(form, edge, 0.035), ribbing(form, edge, 0.085, 0.035, "collar", lift=0.035)]
    return Outfit([*tee, *_shell(form, foot)], edge)
