"""Rows of the functions of `symdiff` itself: each in every dialect that it takes, beside the same of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
import torch as t
from sympy import HadamardProduct
from torch.nn import functional as tf

import symdiff as sd
from catalogue import symbols, tensors
from catalogue.case import Case
from catalogue.symbols import A, B, P, b, w, x
from catalogue.tensors import J, X, Z, label, v
from symdiff.functions.reductions import is_matrix

POSITIVE, INSIDE = (0.5, 2.0), (-0.9, 0.9)
# Function -> the same in PyTorch, and where it is tried if not between -2 and 2.
OF_ONE: dict[str, tuple[Any, ...]] = {
    "Heaviside": (lambda e: (e > 0).double(),),
    "abs": (t.abs,),
    "acos": (t.acos, INSIDE),
    "acosh": (t.acosh, (1.2, 3.0)),
    "asin": (t.asin, INSIDE),
    "asinh": (t.asinh,),
    "atan": (t.atan,),
    "atanh": (t.atanh, INSIDE),
    "ceiling": (t.ceil,),
    "cos": (t.cos,),
    "cosh": (t.cosh,),
    "erf": (t.erf,),
    "erfc": (t.erfc,),
    "exp": (t.exp,),
    "floor": (t.floor,),
    "gelu": (tf.gelu,),
    "log": (t.log, POSITIVE),
    "relu": (t.relu,),
    "sigmoid": (t.sigmoid,),
    "sign": (t.sign,),
    "sin": (t.sin,),
    "sinc": (lambda e: t.sin(e) / e,),
    "sinh": (t.sinh,),
    "softplus": (tf.softplus,),
    "sqrt": (t.sqrt, POSITIVE),
    "stop_gradient": (lambda e: e.detach(),),
    "tan": (t.tan, (-1.2, 1.2)),
    "tanh": (t.tanh,),
}
OF_TWO: dict[str, Callable[..., t.Tensor]] = {
    "Mod": t.remainder,
    "atan2": t.atan2,
    "equal": lambda a, b: (a == b).double(),
    "maximum": t.maximum,
    "minimum": t.minimum,
}


class Squash(sp.Function):
    """x / (1 + |x|): a function of the user's own."""

    nargs = 1

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        return 1 / (1 + sp.Abs(self.args[0])) ** 2


def softsign(xp, e):  # its source is copied: annotations would need names from here
    return e / (1 + xp.abs(e))


sd.register(Squash, softsign)


def of_one(name: str, theirs: Any, domain: tuple[float, float] = (-2.0, 2.0)) -> list[Case]:
    """A function of one argument: of samples and of a parameter, of a matrix, of a tensor."""
    ours, name = getattr(sd, name), f"sd.{name}"
    return [
        symbols.row(
            name, sd.mean(ours(w) * w * ours(x)), lambda w, x: (theirs(w) * w * theirs(x)).mean(), domain=domain
        ),
        symbols.row(name, HadamardProduct(ours(A), A), lambda A: theirs(A) * A, domain=domain),
        tensors.row(name, ours(Z) * Z, lambda Z: theirs(Z) * Z, (Z,), domain=domain),
    ]


def times(one: Any, matrix: Any) -> Any:
    """The product with a matrix: entry by entry with another, or scaled by a number."""
    return HadamardProduct(one, matrix) if is_matrix(one) else one * matrix


def of_two(name: str, ours: Any, theirs: Any) -> list[Case]:
    """A function of two arguments; those that are tensors broadcast."""
    return [
        symbols.row(name, sd.mean(ours(w * x, b) * w), lambda w, b, x: (theirs(w * x, b) * w).mean()),
        symbols.row(name, times(ours(A, P), B), lambda A, P, B: theirs(A, P) * B),
        tensors.row(name, ours(X, v) * X, lambda X, v: theirs(X, v) * X, (X, v)),
    ]


def choices() -> list[Case]:
    """`where` on conditions between entries, and `equal` where it holds."""
    ours = sd.where(sd.equal(A.applyfunc(sp.sign), B.applyfunc(sp.sign)), A, HadamardProduct(A, B))
    return [
        symbols.row("where on entries", ours, lambda A, B: t.where(t.sign(A) == t.sign(B), A, A * B)),
        tensors.row("where on entries", sd.where(v < X, X**2, v), lambda X, v: t.where(v < X, X**2, v), (X, v)),
        tensors.row(
            "equal labels",
            sd.expand_dims(sd.equal(label, tensors.place), 1) * X**2,
            lambda X, one, other: (one == other)[:, None] * X**2,
            (X,),
            (label, tensors.place),
        ),
        tensors.row("mask", sd.where(J, X**2, v), lambda X, v, J: t.where(J, X**2, v), (X, v), (J,)),
    ]


def losses() -> list[Case]:
    """The losses, which leave no node of their own."""
    bce = tf.binary_cross_entropy_with_logits
    return [
        *of_two("sd.mse", sd.mse, broadcast(tf.mse_loss)),
        *of_two("sd.huber", sd.huber, broadcast(tf.huber_loss)),
        *of_two("sd.binary_cross_entropy", lambda a, b: sd.binary_cross_entropy(sd.sigmoid(a), b), broadcast(bce)),
        symbols.row(
            "sd.cross_entropy", sd.cross_entropy(A, sd.softmax(B)), lambda A, B: tf.cross_entropy(A, t.softmax(B, 1))
        ),
        tensors.row(
            "sd.cross_entropy",
            sd.cross_entropy(X, sd.softmax(X * v)),
            lambda X, v: tf.cross_entropy(X, t.softmax(X * v, 1)),
            (X, v),
        ),
    ]


def broadcast(loss: Any) -> Callable[..., t.Tensor]:
    """A loss of PyTorch's that takes tensors of one shape only."""
    return lambda prediction, target: loss(*t.broadcast_tensors(prediction, target))


def own() -> list[Case]:
    """A registered function."""
    return [
        symbols.row("registered", sd.mean(Squash(w * x) * w), lambda w, x: (tf.softsign(w * x) * w).mean()),
        symbols.row("registered", A.applyfunc(Squash), lambda A: tf.softsign(A)),
    ]


ROWS = [
    *(case for name, given in OF_ONE.items() for case in of_one(name, *given)),
    *(case for name, theirs in OF_TWO.items() for case in of_two(f"sd.{name}", getattr(sd, name), theirs)),
    *of_two("sd.clip", lambda e, high: sd.clip(e, -1, high), lambda e, high: t.clamp(e, -t.ones_like(high), high)),
    *choices(),
    *losses(),
    *own(),
]
