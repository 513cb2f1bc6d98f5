"""Products of all other entries along axes, and their derivatives."""

from __future__ import annotations

import math

import numpy as np


def _prod_others(x, axes):
    """For each entry, the product of all others along `axes`; no division, so zeros are no exception."""
    return _products(np.ones_like(x), x, axes, order=0)


def _products(v, x, axes, order):
    """The products of all other entries of x (order 0), or their derivative in the direction v (order 1).

    The entries are halved again and again: a half's share is what lies outside it, times the product of the other half.
    """
    x, v = np.broadcast_arrays(x, v)
    last = tuple(range(-len(axes), 0))
    moved, direction = (np.moveaxis(a, axes, last) for a in (x, v))
    flat = moved.reshape(*moved.shape[: -len(axes)], math.prod(moved.shape[-len(axes) :]))
    slope = direction.reshape(flat.shape)
    levels = [(flat, slope)]
    while levels[-1][0].shape[-1] > 1:
        p, d = levels[-1]
        if p.shape[-1] % 2:
            one, zero = np.ones_like(p[..., :1]), np.zeros_like(p[..., :1])
            p, d = np.concatenate([p, one], -1), np.concatenate([d, zero], -1)
            levels[-1] = p, d
        levels.append((p[..., ::2] * p[..., 1::2], d[..., ::2] * p[..., 1::2] + p[..., ::2] * d[..., 1::2]))
    outside, change = np.ones_like(levels[-1][0]), np.zeros_like(levels[-1][0])
    for p, d in reversed(levels[:-1]):
        outside, change = np.repeat(outside, 2, -1), np.repeat(change, 2, -1)
        pairs = (*p.shape[:-1], p.shape[-1] // 2, 2)
        other = p.reshape(pairs)[..., ::-1].reshape(p.shape)
        slopes = d.reshape(pairs)[..., ::-1].reshape(p.shape)
        change = change[..., : p.shape[-1]] * other + outside[..., : p.shape[-1]] * slopes
        outside = outside[..., : p.shape[-1]] * other
    result = (change if order else outside)[..., : flat.shape[-1]]
    return np.ascontiguousarray(np.moveaxis(result.reshape(moved.shape), last, axes))


def _prod_others_tangent(x, v, axes):
    """The derivative of the products of all other entries, in the direction v."""
    return _products(v, x, axes, order=1)
