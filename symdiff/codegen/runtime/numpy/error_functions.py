"""The error functions and the bell curve: NumPy has none, and SciPy's lose digits."""

from __future__ import annotations

import math

import numpy as np

_FEW = 100  # entries: fewer cost less one by one
_PART = 65536  # entries at a time: fewer are nearer in cache, but threads then wait for each other at every call


def _in_parts(function, results, rows, *arrays):
    """What function(*parts, *results, scratch) writes into so many results, for a part of the entries at a time, in doubles.

    `rows` is the length of its scratch.
    """
    flat = [array.reshape(-1) for array in arrays]
    found = [np.empty_like(flat[0]) for _ in range(results)]
    scratch = np.empty((rows, min(_PART, flat[0].size)))
    for start in range(0, flat[0].size, _PART):
        part = slice(start, start + _PART)
        parts = [array[part].astype(np.float64, copy=False) for array in flat]
        function(*parts, *(result[part] for result in found), scratch[:, : parts[0].size])
    return [result.reshape(arrays[0].shape)[()] for result in found]


def _rational(coefficients, scratch):
    """The quotient of two polynomials of scratch[1]: rows of coefficients of 1, x, ..., x**4 times 1, then times x**5, of the
    one and then of the other, whose leading coefficient is 1. One product of matrices is fewer passes than Horner's rule.
    """
    powers, sums = scratch[:6], scratch[6 : 6 + len(coefficients)]
    powers[0] = 1.0
    np.multiply(powers[1], powers[1], out=powers[2])
    np.multiply(powers[2], powers[1:3], out=powers[3:5])
    np.multiply(powers[4], powers[1], out=powers[5])
    np.matmul(coefficients, powers[:5], out=sums)
    sums[-1] += powers[5]
    for side in (sums[: len(sums) // 2], sums[len(sums) // 2 :]):
        for lower, higher in zip(side[-2::-1], side[:0:-1]):
            higher *= powers[5]
            lower += higher
    return np.divide(sums[0], sums[len(sums) // 2], out=sums[0])


def _one_by_one(function, x):
    """function(x) of each entry."""
    return np.array([function(entry) for entry in x.reshape(-1).tolist()], x.dtype).reshape(x.shape)[()]


# By the bytes of a number; found by tools/fit_functions.py of symdiff.
_ERF = {
    4: np.array(
        [
            [-216304.46657555428, -245837.158776828, -69906.39859343789, -9692.413301195127, -684.0147904529919],
            [-1684887.5981318855, -566111.1571264772, -94081.50706776108, -8851.01453357954, -149.26922295548883],
        ]
    ),
    8: np.array(
        [
            [-1706607619233.5972, -2013275170137.424, -693963193063.5791, -163155200025.8994, -24354201379.24922],
            [-2654066535.487033, -196051361.61385745, -10329940.221093183, -350679.16539662116, -5339.887868449251],
            [-13293493468172.303, -5040290056988.881, -1392285011176.7761, -225625731983.90677, -27839667304.576866],
            [-2260193950.73894, -137256354.9185338, -5351564.488281288, -124899.22611798147, -563.5192152890116],
        ]
    ),
}


def _erf(x):
    """erf(x) = tanh(x + x R(x**2)) with a rational R: within 2 units of rounding, 0.6 in single precision."""
    x = np.asarray(x)
    if x.size < _FEW:
        return _one_by_one(math.erf, x)

    def part(v, result, scratch):
        v = np.minimum(np.maximum(v, -6.0, out=scratch[10]), 6.0, out=scratch[10])  # from here on erf is 1
        np.multiply(v, v, out=scratch[1])
        inner = _rational(_ERF[x.itemsize], scratch)
        inner *= v
        inner += v
        np.tanh(inner, out=result)

    return _in_parts(part, 1, 11, x)[0]


def _bell(x):
    """exp(-x**2) to full precision: what is lost in rounding x**2 is made up for."""

    def part(v, result, scratch):
        size, top, rest = scratch
        np.minimum(np.abs(v, out=size), 40.0, out=size)  # from there on it is 0
        np.bitwise_and(size.view(np.int64), -(1 << 27), out=top.view(np.int64))  # so short that its square is exact
        np.subtract(top, size, out=rest)
        size += top
        rest *= size
        top *= top
        square = np.subtract(rest, top, out=size)  # -x**2
        top += square
        rest -= top  # what was lost in rounding that
        np.exp(square, out=top)
        rest *= top
        np.add(top, rest, out=result)

    x = np.asarray(x)
    if x.itemsize < 8:
        return np.exp(-np.square(np.minimum(np.abs(x), 40.0), dtype=np.float64)).astype(x.dtype)
    if x.size < _FEW:
        size = np.minimum(np.abs(x), 40.0)
        top = size.astype(np.float32).astype(np.float64)
        return np.exp(-top * top) * np.exp((top - size) * (top + size))
    return _in_parts(part, 1, 3, x)[0]


# As _ERF is.
_ERFC = {
    4: np.array(
        [
            [13.072133541127478, 12.548720853926083, 5.872387986133116, 1.414121070727334, 0.12838719998181528],
            [14.997495997585347, 36.02145342306839, 37.2049828834923, 20.990156805043135, 6.62292296832614],
        ]
    ),
    8: np.array(
        [
            [6964.665514020734, 13231.79981875287, 12575.68211236458, 7646.085478116588, 3236.7751451860177],
            [982.5002110897282, 213.04898013876684, 31.76061130324507, 2.947316664160581, 0.12837916709354116],
            [7990.4761922825355, 26701.859901627726, 41489.79836890362, 39579.18429366031, 25751.447160692795],
            [11986.245708723067, 4061.395556904532, 995.2747400484423, 170.2117410874818, 18.563191631744008],
        ]
    ),
}


def _erfc(x, bell):
    """erfc(x), given exp(-x**2): within 4 units of rounding, 1.5 in single precision.

    For x > 0 it is exp(-x**2) (1 + x R(x)) / (1 + 2 x) with a rational R (the form is that of Shepherd and Laframboise
    1981, Math. Comp. 36, 249-253); erfc(-x) is 2 - erfc(x).
    """
    x = np.asarray(x)
    if x.size < _FEW:
        return _one_by_one(math.erfc, x)

    def part(v, decay, result, scratch):
        size = np.minimum(np.abs(v, out=scratch[1]), 28.0, out=scratch[1])  # from here on erfc is 0 or 2
        tail = _rational(_ERFC[x.itemsize], scratch)
        tail *= size
        tail += 1.0
        size *= 2.0
        size += 1.0
        tail /= size
        tail *= decay
        side = np.copysign(1.0, v, out=size)
        tail *= side
        np.add(tail, np.subtract(1.0, side, out=side), out=result)

    return _in_parts(part, 1, 10, x, np.asarray(bell))[0]
