"""Every function and every SymPy construct that a model may use occurs in a row of the catalogue, in each dialect."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
from catalogue import ALL
from catalogue.vocabulary import words

import symdiff as sd
from symdiff.functions import __all__ as functions

OF_ARRAYS = "symdiff.functions.arrays"
OF_WHOLE_MATRICES = ("symdiff.functions.linalg", OF_ARRAYS)
NEED_AXES = ("softmax", "log_softmax", "cross_entropy")
# Dialect -> what of SymPy the contract says may be written in it.
CONSTRUCTS = {
    "scalar": (
        "Symbol Add Mul Pow exp log sin cos Abs sign floor ceiling Mod Heaviside Max Min Piecewise And Or Not Xor ITE "
        "Relational Reduction registered"
    ),
    "matrix": (
        "MatrixSymbol MatAdd MatMul MatPow Transpose Inverse Trace Determinant HadamardProduct HadamardPower "
        "ElementwiseApplyFunction DiagMatrix DiagonalMatrix DiagonalOf Identity ZeroMatrix OneMatrix MatrixSlice "
        "MatrixElement BlockMatrix BlockDiagMatrix KroneckerProduct Matrix"
    ),
    "index": "IndexedBase Indexed Sum Product KroneckerDelta Piecewise MatrixElement Idx ArrayComprehension",
    "tensor": "Tensor TensorScalar elementwise matmul getitem",
}


@cache
def vocabulary(dialect: str) -> set[str]:
    return set().union(*(words(case) for case in ALL if case.dialect == dialect))


def needed() -> Iterator[tuple[str, str]]:
    """Each dialect with what must occur in it."""
    for name in functions:
        module = getattr(sd, name).__module__
        yield "tensor", name
        if name != "Tensor" and module != OF_ARRAYS:
            yield "matrix", name
        if name != "Tensor" and module not in OF_WHOLE_MATRICES and name not in NEED_AXES:
            yield "scalar", name
    for dialect, names in CONSTRUCTS.items():
        for name in names.split():
            yield dialect, name


@pytest.mark.parametrize(("dialect", "name"), list(needed()))
def test_it_occurs_in_a_row(dialect, name):
    assert name in vocabulary(dialect)


def test_each_row_has_a_name_of_its_own():
    names = [str(case) for case in ALL]
    assert len(set(names)) == len(names)
