"""Linear algebra, where CuPy does it otherwise than NumPy."""

from __future__ import annotations

import cupy as cp
from cupyx import errstate
from cupyx.scipy.linalg import solve_triangular

from symdiff.codegen.runtime.numpy.linalg import _singular_values
from symdiff.codegen.runtime.numpy.products import _prod_others, _products


def _checked(function, name, *matrices):
    """function(*matrices), whose error names the matrix; to know of one the host waits for the device."""
    try:
        with errstate(linalg="raise"):
            return function(*_of_one_batch(*matrices))
    except cp.linalg.LinAlgError as error:
        raise cp.linalg.LinAlgError(f"{error}: {name}") from None


def _of_one_batch(*matrices):
    """The matrices, with the same leading axes."""
    shape = cp.broadcast_shapes(*(matrix.shape[:-2] for matrix in matrices))
    return [cp.broadcast_to(matrix, shape + matrix.shape[-2:]) for matrix in matrices]


def _solve_triangular(a, b, upper):
    """a^-1 b for a triangular a."""
    return solve_triangular(*_of_one_batch(a, b), lower=not upper)


def _inverse_lower(a):
    """The inverse of a lower triangular matrix."""
    return solve_triangular(a, cp.broadcast_to(cp.eye(a.shape[-1], dtype=a.dtype), a.shape), lower=True)


def _cofactors(a):
    """det(a) a^-T by singular values, of which each cofactor lacks one: a singular matrix is no exception."""
    left, values, right, sign = _singular_values(a)
    others = sign[..., None] * _prod_others(values, axes=(values.ndim - 1,))
    return (left * others[..., None, :]) @ right


def _cofactor_factors(a):
    """U, V and P: the cofactors of a change with it by U (diag(P d) - P o M^T) V^T, M = U^T da V and d its diagonal.

    By singular values, of which each entry of P lacks two.
    """
    left, values, right, sign = _singular_values(a)
    one = cp.eye(a.shape[-1], dtype=a.dtype)
    others = sign[..., None, None] * _products(one, values[..., None, :], axes=(-1,), order=1)
    return cp.stack([left, right.swapaxes(-1, -2), others], axis=-3)
