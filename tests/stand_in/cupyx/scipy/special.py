"""Special functions: those that CuPy has, computed by SciPy."""

from __future__ import annotations

import scipy.special
from cupy import _array, _functions

_UFUNCS = (
    *("beta", "betainc", "betaincinv", "betaln", "binom", "digamma", "ellipeinc", "ellipj", "ellipk", "ellipkinc"),
    *(
        "ellipkm1",
        "entr",
        "erf",
        "erfc",
        "erfcinv",
        "erfcx",
        "erfinv",
        "exp1",
        "exp2",
        "expi",
        "expit",
        "expm1",
        "expn",
    ),
    *("exprel", "gamma", "gammainc", "gammaincc", "gammainccinv", "gammaincinv", "gammaln", "i0", "i0e", "i1", "i1e"),
    *("j0", "j1", "k0", "k0e", "k1", "k1e", "kl_div", "log1p", "log_expit", "log_ndtr", "loggamma", "logit", "ndtr"),
    *("ndtri", "poch", "psi", "rel_entr", "rgamma", "shichi", "sici", "wright_bessel", "xlog1py", "xlogy", "y0", "y1"),
    *("yn", "zetac"),
)
globals().update({name: _functions.ufunc(getattr(scipy.special, name)) for name in _UFUNCS})


def zeta(x, q):
    """Hurwitz's zeta function; CuPy has no default for q."""
    return _array.call(scipy.special.zeta, x, q)


def polygamma(n, x):
    """Derivatives of digamma; both are arrays."""
    if not (isinstance(n, _array.ndarray) and isinstance(x, _array.ndarray)):
        raise TypeError("polygamma takes cupy.ndarray")
    return _array.call(scipy.special.polygamma, n, x)


def lambertw(z, k=0, tol=1e-8):
    """Lambert's W, complex."""
    return _array.call(scipy.special.lambertw, z, k, tol)


def spherical_yn(n, z, derivative=False):
    """Spherical Bessel functions of the second kind."""
    return _array.call(scipy.special.spherical_yn, n, z, derivative)


def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    """The logarithm of a sum of exponentials."""
    return _array.call(scipy.special.logsumexp, a, axis, b, keepdims, return_sign)
