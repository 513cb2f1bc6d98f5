"""Rows of the scalar dialect: one value per sample, reduced or not; branches; kinks."""

from __future__ import annotations

import sympy as sp
import torch as t
from sympy import ITE, And, Max, Min, Not, Or, Piecewise, Xor

import symdiff as sd
from catalogue.case import Case
from catalogue.matrices import REDUCTIONS
from catalogue.symbols import b, c, row, w, x, y


def reductions() -> list[Case]:
    """Every reduction over the samples."""
    return [
        row(
            f"{name} over samples",
            getattr(sd, name)(sp.sin(w * x) + w),
            lambda w, x, f=f: f((t.sin(w * x) + w)[:, None]),
        )
        for name, f in REDUCTIONS.items()
    ]


# fmt: off
SCALAR = [
    row("line", sd.mean((w * x + b - y) ** 2), lambda w, b, x, y: ((w * x + b - y) ** 2).mean()),
    row("oscillator", sd.mean((w * sp.exp(-b * x) * sp.cos(c * x) - y) ** 2),
         lambda w, b, c, x, y: ((w * t.exp(-b * x) * t.cos(c * x) - y) ** 2).mean()),
    row("variance", sd.mean((w * x - sd.mean(w * x)) ** 2), lambda w, x: (w * x).var(correction=0)),
    row("nested reductions", sd.sum(sp.exp(w * x - sd.logsumexp(w * x)) * y),
         lambda w, x, y: (t.softmax(w * x, 0) * y).sum()),
    row("function of reductions", sp.log(sd.mean(sp.exp(w * x)) + 1) * sd.sum(y * b),
         lambda w, b, x, y: t.log(t.exp(w * x).mean() + 1) * (y * b).sum()),
    row("per sample line", w * x + b, lambda w, b, x: w * x + b),
    row("per sample product of reductions", x * sd.mean(w * x) ** 2, lambda w, x: x * (w * x).mean() ** 2),
    row("per sample Piecewise", Piecewise((sp.exp(w * x), x < 0), (w * x + 1, True)),
         lambda w, x: t.where(x < 0, t.exp(w * x), w * x + 1)),
    row("nested Piecewise", sd.sum(Piecewise((Piecewise((w * x, x < -1), (w**2 * x, True)), x < 0), (sp.sin(w * x), True))),
         lambda w, x: t.where(x < 0, t.where(x < -1, w * x, w**2 * x), t.sin(w * x)).sum()),
    row("And", sd.sum(Piecewise((w * x, And(x > -1, x < 1)), (w**2, True))),
         lambda w, x: t.where((x > -1) & (x < 1), w * x, w**2).sum()),
    row("Or", sd.sum(Piecewise((w * x, Or(x < -1, x > 1)), (w**2, True))),
         lambda w, x: t.where((x < -1) | (x > 1), w * x, w**2).sum()),
    row("Not", sd.sum(Piecewise((w * x, Not(And(x > 0, y > 0))), (w**2, True))),
         lambda w, x, y: t.where((x > 0) & (y > 0), w**2, w * x).sum()),
    row("Xor", sd.sum(Piecewise((w * x, Xor(x > 0, y > 0)), (w**2, True))),
         lambda w, x, y: t.where((x > 0) ^ (y > 0), w * x, w**2).sum()),
    row("ITE", sd.sum(Piecewise((w * x, ITE(x > 0, y > 0, y < 1)), (w**2, True))),
         lambda w, x, y: t.where(t.where(x > 0, y > 0, y < 1), w * x, w**2).sum()),
    row("condition on a reduction", sd.sum(Piecewise((w * x, sd.mean(y) > x), (w**2 * x, True))),
         lambda w, x, y: t.where(y.mean() > x, w * x, w**2 * x).sum()),
    row("Max of two", sd.sum(Max(w * x, b)), lambda w, b, x: t.maximum(w * x, b).sum()),
    row("Max of four", sd.sum(Max(w * x, b, y, c * x**2)),
         lambda w, b, c, x, y: t.stack([w * x, b + 0 * x, y, c * x**2]).amax(0).sum()),
    row("Min of three", sd.sum(Min(w * x, b, y)), lambda w, b, x, y: t.stack([w * x, b + 0 * x, y]).amin(0).sum()),
    row("Abs and sign", sd.sum(sp.Abs(w * x) + sp.sign(w * x) * b),
         lambda w, b, x: (t.abs(w * x) + t.sign(w * x) * b).sum()),
    row("where", sd.sum(sd.where(x > w, x * w, sp.cos(w))), lambda w, x: t.where(x > w, x * w, t.cos(w)).sum()),
    row("stop_gradient of a scalar", sd.sum(sd.stop_gradient(w * x) * w), lambda w, x: ((w * x).detach() * w).sum()),
]

# fmt: on
ROWS = [*SCALAR, *reductions()]
