"""How a node grows with the exponentials in it: its degree as a rational function of them.

If c is added to the argument of every exp, a node of degree d grows by about e**(c d): s = sum exp(u) has degree 1, a share
exp(u) / s degree 0, 1 / s**2 degree -2. At u = 400 all of s, 1 / s and the shares are ordinary numbers, but s**2 and
1 / s**2 are not. The degree only guides in which order a product is computed; no result depends on its being exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from symdiff.graph.build import repeated_scalar
from symdiff.graph.leaves import number
from symdiff.graph.node import Node, topological
from symdiff.graph.ops import OPS
from symdiff.graph.softmax import softmax_of

_STEEP = 32  # a power with such an exponent, or one that is not known, counts as an exponential
_PRODUCTS = ("mul", "div", "contract", "neg", "pow")
_ROOTS = {"sqrt": 1 / 2, "cbrt": 1 / 3, "cholesky": 1 / 2, "inverse": -1.0}


class Degrees:
    """The degrees of nodes, each found once."""

    def __init__(self) -> None:
        self._known: dict[Node, tuple[float, float]] = {}

    def __getitem__(self, node: Node) -> float:
        degree = self._of(node)[0]
        return degree if math.isfinite(degree) else 0.0

    def exceeds_factors(self, node: Node) -> bool:
        """Whether a product grows, or falls, faster than each of its factors, down to those that are no products."""
        degree, largest = self._of(node)
        return math.isfinite(degree) and abs(degree) > largest

    def mixed(self, factors: Iterable[Node]) -> bool:
        """Whether the order in which factors are multiplied matters: of three or more that grow, some up and some down."""
        found = [degree for factor in factors if (degree := self[factor])]
        return len(found) > 2 and min(found) < 0 < max(found)

    def _of(self, node: Node) -> tuple[float, float]:
        """The degree of a node, and the largest size of the degrees of its factors."""
        if node not in self._known:
            for part in topological([node], self._known):
                degree = self._degree(part)
                self._known[part] = degree, self._largest_factor(part, degree)
        return self._known[node]

    def _degree(self, node: Node) -> float:
        """The degree of a node whose operands are known; -inf for zeros, which are of any."""
        if number(repeated_scalar(node) or node) == 0:
            return -math.inf
        own = [self._known[operand][0] for operand in node.args]
        if OPS[node.op].exponential:
            return 0.0 if softmax_of(node) else 1.0
        if OPS[node.op].multilinear:
            return sum(own)
        if node.op in ("div", "solve"):
            return own[0] - own[1] if node.op == "div" else own[1] - own[0]
        if node.op == "pow":
            exponent = number(node.args[1])
            return 1.0 if exponent is None or exponent >= _STEEP else exponent * own[0]
        if node.op in _ROOTS:
            return own[0] * _ROOTS[node.op]
        return max(OPS[node.op].scales_with().of(own), default=0.0)

    def _largest_factor(self, node: Node, degree: float) -> float:
        """A product of factors that grow in opposite directions counts as one: what is large met what is small."""
        if node.op not in _PRODUCTS:
            return abs(degree)
        own = [self._known[operand] for operand in node.args]
        signs = (1, -1) if node.op == "div" else (1,) * len(own)
        grown = [sign * each for sign, (each, _) in zip(signs, own, strict=True)]
        if min(grown, default=0.0) < 0 < max(grown, default=0.0):
            return abs(degree)
        return max((largest for each, largest in own if each), default=0.0)
