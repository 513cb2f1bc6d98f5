"""Linear algebra over the last two axes."""

from __future__ import annotations

import numpy as np

from symdiff.codegen.runtime.numpy.products import _prod_others, _products


def _solve_triangular(a, b, upper):
    """a^-1 b for a triangular a, block by block (Golub and Van Loan 2013, 3.1.3)."""
    n, block = a.shape[-1], 64
    x = np.array(np.broadcast_to(b, np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + b.shape[-2:]))
    starts = range(0, n, block)
    for start in reversed(starts) if upper else starts:
        here = slice(start, start + block)
        rest = slice(0, start) if upper else slice(start + block, n)
        x[..., here, :] = np.linalg.solve(a[..., here, here], x[..., here, :])
        x[..., rest, :] -= a[..., rest, here] @ x[..., here, :]
    return x


def _inverse_lower(a):
    """The inverse of a lower triangular matrix, by halves."""
    n = a.shape[-1]
    if n <= 64:
        return np.linalg.inv(a)
    first, last = slice(0, n // 2), slice(n // 2, n)
    x = np.zeros_like(a)
    x[..., first, first] = _inverse_lower(a[..., first, first])
    x[..., last, last] = _inverse_lower(a[..., last, last])
    x[..., last, first] = -x[..., last, last] @ a[..., last, first] @ x[..., first, first]
    return x


def _cofactors(a):
    """det(a) a^-T; by singular values, of which each cofactor lacks one, where either does not exist or is out of range."""
    det, inverse = _det_and_inverse(a)
    if det is not None:
        return det[..., None, None] * inverse.swapaxes(-1, -2)
    left, values, right, sign = _singular_values(a)
    with np.errstate(over="ignore", under="ignore"):
        others = sign[..., None] * _prod_others(values, axes=(values.ndim - 1,))
        return (left * others[..., None, :]) @ right


def _cofactor_factors(a):
    """U, V and P: the cofactors of a change with it by U (diag(P d) - P o M^T) V^T, M = U^T da V and d its diagonal.

    By singular values, of which each entry of P lacks two. Where a is well-conditioned a^-T, 1 and det(a) will do.
    """
    one = np.eye(a.shape[-1], dtype=a.dtype)
    det, inverse = _det_and_inverse(a)
    if det is not None:
        condition = np.linalg.norm(a, axis=(-2, -1)) * np.linalg.norm(inverse, axis=(-2, -1))
        if (condition * np.finfo(a.dtype).eps < 1e-12).all():
            parts = inverse.swapaxes(-1, -2), one, det[..., None, None] * (1 - one)
            return np.stack(np.broadcast_arrays(*parts), axis=-3)
    left, values, right, sign = _singular_values(a)
    with np.errstate(over="ignore", under="ignore"):
        others = sign[..., None, None] * _products(one, values[..., None, :], axes=(-1,), order=1)
    return np.stack([left, right.swapaxes(-1, -2), others], axis=-3)


def _det_and_inverse(a):
    """det(a) and a^-1; None twice where one of a batch is singular or under- or overflows."""
    try:
        with np.errstate(all="ignore"):
            det, inverse = np.linalg.det(a), np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return None, None
    in_range = (abs(det) > np.finfo(a.dtype).tiny).all() and np.isfinite(det).all() and np.isfinite(inverse).all()
    return (det, inverse) if in_range else (None, None)


def _singular_values(a):
    """U, s and V^T of a = U diag(s) V^T, and det U det V: NaN where an entry of a is not finite."""
    finite = np.isfinite(a).all(axis=(-2, -1))
    left, values, right = np.linalg.svd(np.where(finite[..., None, None], a, 0))
    return left, values, right, np.where(finite, np.linalg.det(left) * np.linalg.det(right), np.nan)


def _cholesky(a):
    """The lower Cholesky factor of the symmetric part of a."""
    return np.linalg.cholesky((a + a.swapaxes(-1, -2)) / 2)


def _triangle(x, on_diagonal):
    """The lower triangle of x, with its diagonal scaled."""
    result = np.tril(x)
    np.einsum("...ii->...i", result)[...] *= on_diagonal
    return result


def _logdet(a):
    """The logarithm of the determinant; NaN where that is negative."""
    sign, logarithm = np.linalg.slogdet(a)
    return np.where(sign < 0, np.nan, logarithm)[()]


def _checked(function, name, *matrices):
    """function(*matrices), whose error names the matrix."""
    try:
        return function(*matrices)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(f"{error}: {name}") from None
