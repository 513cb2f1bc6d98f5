"""Values and derivatives of a user's expression by evaluation alone: no rule of differentiation is used.

In `mpmath.mp` a derivative is a central difference at about three times the wanted digits; in `mpmath.fp`, double
precision, see `finite_difference`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import product
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from symdiff.reference.arrays import Array, Context, Number, as_array, numeric, to_numbers
from symdiff.reference.double import Estimate, differentiate
from symdiff.reference.indexed import close
from symdiff.reference.interpreter import Environment, Interpreter, Noise, bind

Values = Mapping[Any, Any]  # symbol -> number or array; for a direction too, where a missing symbol means 0
Chain = Sequence[Values]  # the directions of a derivative: none for the value, two for a second derivative
Entry = int | tuple[int, ...]
GUARD = 20  # digits beyond those needed in theory


def evaluate(
    expression: Any,
    values: Values,
    *,
    context: Context = mpmath.mp,
    digits: int | None = None,
    samples: int | None = None,
) -> Array:
    """The value of an expression: an object array of context numbers.

    Parameters
    ----------
    expression : a SymPy scalar, matrix expression or explicit matrix.
    values : symbol -> number, 1-D array (a scalar symbol: one value per sample) or 2-D array (a MatrixSymbol).
    context : `mpmath.mp`, or `mpmath.fp` for double precision.
    digits : working precision in mp; by default the one in force.
    samples : the number of samples, for reductions of expressions without data; by default that of the 1-D arrays.

    Returns
    -------
    An array of the shape of the expression, with the sample axis in front where it has one.
    """
    with _precision(context, digits):
        return _Point(expression, bind(context, values), context, samples).value


def directional(
    expression: Any,
    values: Values,
    directions: Values,
    *,
    context: Context = mpmath.mp,
    digits: int = 30,
    samples: int | None = None,
) -> Array:
    """d/dt expression(values + t directions) at t = 0, good to `digits` digits in mp."""
    return _derivatives(expression, values, [[directions]], context, digits, samples)[0]


def second(
    expression: Any,
    values: Values,
    directions1: Values,
    directions2: Values,
    *,
    context: Context = mpmath.mp,
    digits: int = 30,
    samples: int | None = None,
) -> Array:
    """The second derivative along two directions; along two unit directions, one entry of the Hessian."""
    return _derivatives(expression, values, [[directions1, directions2]], context, digits, samples)[0]


def gradient(
    expression: Any,
    values: Values,
    symbol: Any,
    entries: Sequence[Entry] | None = None,
    *,
    directions: Values | None = None,
    context: Context = mpmath.mp,
    digits: int = 30,
    samples: int | None = None,
) -> Array:
    """The derivative by each entry of a symbol's value.

    Parameters
    ----------
    entries : indices into the value of the symbol; by default all of them.
    directions : if given, the gradient is that of the derivative along them: a Hessian-vector product.

    Returns
    -------
    An array of shape ``value.shape + symbol's shape``, or ``value.shape + (len(entries),)`` where entries are given.
    """
    chains = _unit_directions(values, symbol, entries, directions)
    columns = _derivatives(expression, values, chains, context, digits, samples)
    return _assemble(columns, values[symbol], entries)


def finite_difference(
    expression: Any,
    values: Values,
    directions: Values,
    directions2: Values | None = None,
    *,
    samples: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A first or second directional derivative in double precision, and an estimate of its error.

    Central differences at shrinking steps are extrapolated to step 0 (Richardson 1911, Ridders 1982); the error is how
    far the best extrapolations of each entry differ, plus the rounding of the differences. A first derivative is
    replaced by the complex step Im f(x + ihv)/h (Squire and Trapp 1998), free of cancellation, where the two agree.
    The estimate may be too small where a tiny, fast oscillation rides on a large, slow function.
    """
    context = mpmath.fp
    with _precision(context, None):
        point = _Point(expression, bind(context, values), context, samples)
        return point.difference([directions] if directions2 is None else [directions, directions2])


def condition_scale(
    expression: Any,
    values: Values,
    symbol: Any = None,
    entries: Sequence[Entry] | None = None,
    *,
    directions: Values | None = None,
    directions2: Values | None = None,
    digits: int = 30,
    samples: int | None = None,
    perturbations: int = 4,
    seed: int = 0,
) -> NDArray[np.float64]:
    r"""The size to which the rounding errors of a computation of `expression` are relative, entry by entry.

    .. math:: s = \max\bigl(|f|, \sqrt{\tfrac1K \sum_k ((f_k - f) / \delta)^2}\bigr)

    f is the exact value. f_k is computed with every input (integers excepted), every term of a sum and the result of
    every other operation multiplied by its own 1 + delta or 1 - delta, at random; delta is so small that the response
    is linear. A computation as written, each step of which rounds once to precision eps, so errs by about eps s.

    Parameters
    ----------
    symbol, entries, directions : with a symbol, f is the gradient by it, as in `gradient`; with directions alone, the
        derivative along them; else the value.
    directions2 : with directions, f is the second derivative along both.
    perturbations, seed : K, and where the random signs start.
    """
    context = mpmath.mp
    delta_digits = digits // 2 + 5
    chains: list[Chain] = [[d for d in (directions, directions2) if d is not None]]
    if symbol is not None:
        chains = _unit_directions(values, symbol, entries, directions)
    with _precision(context, _working_digits(digits)):
        point = _Point(expression, bind(context, values), context, samples)
        delta = context.mpf(10) ** -delta_digits
        noisy = [point.perturbed(Noise(context, delta, seed + k), values) for k in range(perturbations)]
        columns = []
        for chain in chains:
            exact = point.derivative(chain, digits)
            responses = [as_array((copy.derivative(chain, digits) - exact) / delta) for copy in noisy]
            columns.append(_largest_response(exact, responses))
    return columns[0] if symbol is None else np.asarray(_assemble(columns, values[symbol], entries), dtype=float)


def _largest_response(exact: Array, responses: list[Array]) -> NDArray[np.float64]:
    """max(|f|, root mean square of the responses); a response without a value does not count."""
    squares = np.array([response.astype(float) ** 2 for response in responses])
    finite = np.isfinite(squares)
    mean = np.where(finite, squares, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
    return np.asarray(np.maximum(np.abs(exact.astype(float)), np.sqrt(mean)), dtype=float)


def count_samples(model: Any, values: Values) -> int | None:
    """The number of samples of a model's data; None for a model without a sample axis.

    It is the length of the scalar data; else the size that `model.samples` names; else the one size symbol that the
    data carry and no parameter does.
    """
    environment = bind(mpmath.mp, values)
    if model.samples is not None:
        return int(environment[model.samples].item() if model.samples.is_Symbol else model.samples)
    data, params = (
        [size for symbol in symbols for size in getattr(symbol, "shape", None) or () if size.is_Symbol]
        for symbols in (model.data, model.params)
    )
    sizes = [size for size in dict.fromkeys(data) if size not in params]
    return int(environment[sizes[0]].item()) if len(sizes) == 1 else _samples(environment)


class _Point:
    """An expression at one point, with what is needed to evaluate it beside that point."""

    def __init__(
        self,
        expression: Any,
        environment: Environment,
        context: Context,
        samples: int | None,
        decider: Interpreter | None = None,
        noise: Noise | None = None,
    ) -> None:
        self.expression = expression = close(expression)
        self.context = context
        self.environment = environment
        self.samples = _samples(environment, samples)
        self.noise = noise
        self.base = Interpreter(context, environment, self.samples, decider=decider, noise=noise)
        self.value = numeric(context, self.base.value(expression))

    def perturbed(self, noise: Noise, values: Values) -> _Point:
        """This point with simulated rounding errors in the inputs and in every operation."""
        environment = {
            symbol: noise.apply(symbol, array) if symbol in values and not _is_whole(values[symbol]) else array
            for symbol, array in self.environment.items()
        }
        return _Point(self.expression, environment, self.context, self.samples, self.base, noise)

    def direction(self, directions: Values) -> dict[Any, Array]:
        """A direction as arrays of context numbers, each of the shape of its symbol's value."""
        return {
            symbol: np.broadcast_to(_reshaped(to_numbers(self.context, v), self.environment[symbol]), shape)
            for symbol, v in directions.items()
            for shape in [self.environment[symbol].shape]
        }

    def shifted(self, *steps: tuple[Number, Mapping[Any, Array]]) -> Array:
        """The value at this point moved by the sum of t times a direction."""
        environment = dict(self.environment)
        for t, direction in steps:
            for symbol, v in direction.items():
                environment[symbol] = as_array(environment[symbol] + t * v)
        beside = Interpreter(
            self.context, environment, self.samples, decider=self.base.decider, base=self.base, noise=self.noise
        )
        return numeric(self.context, beside.value(self.expression))

    def difference(self, chain: Chain) -> Estimate:
        """The derivative in double precision, and its error."""
        return differentiate(self.shifted, self.value, self.environment, [self.direction(d) for d in chain])

    def derivative(self, chain: Chain, digits: int) -> Array:
        """The derivative along no, one or two directions, by central differences at the precision in force."""
        if not chain:
            return self.value
        # A step so small that truncation is negligible even for inputs much smaller than 1; rounding is not, and
        # sets the working precision.
        h = self.context.mpf(10) ** -(2 * digits if len(chain) == 1 else digits + GUARD // 2)
        directions = [self.direction(d) for d in chain]
        total = as_array(self.context.zero)
        for signs in product((1, -1), repeat=len(chain)):
            steps = [(sign * h, direction) for sign, direction in zip(signs, directions, strict=True)]
            total = as_array(total + int(np.prod(signs)) * self.shifted(*steps))
        return as_array(total / (2 * h) ** len(chain))


def _derivatives(
    expression: Any, values: Values, chains: Sequence[Chain], context: Context, digits: int, samples: int | None
) -> list[Array]:
    """The derivatives along several chains of one or two directions, at one point."""
    with _precision(context, _working_digits(digits)):
        point = _Point(expression, bind(context, values), context, samples)
        if context is mpmath.fp:
            return [to_numbers(context, point.difference(chain)[0]) for chain in chains]
        return [point.derivative(chain, digits) for chain in chains]


def _working_digits(digits: int) -> int:
    return 3 * digits + 2 * GUARD


@contextmanager
def _precision(context: Context, digits: int | None) -> Iterator[None]:
    """Work with that many digits, and let NaN and infinity pass without NumPy's warnings."""
    with (
        np.errstate(all="ignore"),
        nullcontext() if context is mpmath.fp or digits is None else context.workdps(digits),
    ):
        yield


def _samples(environment: Environment, given: int | None = None) -> int | None:
    """The number of samples, which the values of all scalar data must share."""
    lengths = {a.shape[0] for symbol, a in environment.items() if a.ndim == 1 and not hasattr(symbol, "shape")}
    lengths |= set() if given is None else {given}
    if len(lengths) > 1:
        raise ValueError(f"the data have different numbers of samples: {sorted(lengths)}")
    return next(iter(lengths), None)


def _is_whole(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "bui"


def _reshaped(direction: Array, value: Array) -> Array:
    """A direction given as a 1-D array for a matrix of one row or column, in the shape of the matrix."""
    return direction.reshape(value.shape) if direction.ndim == 1 and value.ndim == 2 else direction


def _unit_directions(
    values: Values, symbol: Any, entries: Sequence[Entry] | None, directions: Values | None
) -> list[Chain]:
    """For each entry of the symbol's value, the chain of directions that ends in that entry's own."""
    shape = np.shape(values[symbol])
    chains: list[Chain] = []
    for entry in np.ndindex(*shape) if entries is None else entries:
        unit = np.zeros(shape, dtype=int)
        unit[entry] = 1
        chains.append([{symbol: unit}] if directions is None else [directions, {symbol: unit}])
    return chains


def _assemble(columns: Sequence[Array], value: Any, entries: Sequence[Entry] | None) -> Array:
    """The derivatives by single entries, side by side."""
    stacked = np.stack(columns, axis=-1)
    shape = np.shape(value) if entries is None else (len(columns),)
    return stacked.reshape((*stacked.shape[:-1], *shape))
