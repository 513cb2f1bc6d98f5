"""The only constructors of nodes: they infer shape and dtype, check operands, and put every node in normal form.

The normal form is what makes equal things one node and keeps later passes short: constants are folded, factors that are
scalars stand in front of arrays, products with repeated or diagonal arrays are merged into contractions.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial, reduce as fold

from symdiff.graph.contraction import Contraction, added_axes, aligned, is_structured, is_view
from symdiff.graph.leaves import constant, is_normal, loses_digits, number, size
from symdiff.graph.node import Node, Shape, intern
from symdiff.graph.ops import COMPARISONS, POINTWISE
from symdiff.graph.size import Dim, broadcast


def full(value: Node | float, shape: Sequence[Dim]) -> Node:
    """An array that repeats a scalar."""
    if not shape:
        return cast(as_node(value))
    ones = contract([], [], range(len(shape)), dict(enumerate(shape)))
    return mul(as_node(value), ones)


# Elementwise


def pointwise(op: str, *operands: Node | float) -> Node:
    """An elementwise operation, through its own constructor where it has one."""
    special = _CONSTRUCTORS.get(op)
    return special(*map(as_node, operands)) if special else _pointwise(op, *map(as_node, operands))


def _pointwise(op: str, *operands: Node) -> Node:
    row = POINTWISE[op]
    if op == "abs" and (value := number(operands[0])) is not None:
        return constant(abs(value))
    shape = broadcast([operand.shape for operand in operands], op)
    if any(_split_factors(operand)[1].op == "contract" for operand in operands if operand.shape):
        scalars = [repeated_scalar(operand) for operand in operands]
        if None not in scalars and row.dtype != "bool" and op not in ("mul", "neg"):
            return full(pointwise(op, *scalars), shape)  # type: ignore[arg-type]
        if row.dtype != "bool" and (lifted := _before_repeating(op, operands, shape)) is not None:
            return lifted
        for i in range(len(operands)):
            operands = (*operands[:i], _bare(i, operands, shape), *operands[i + 1 :])
    if row.dtype == "float":
        operands = tuple(cast(operand) for operand in operands)
    if row.commutative:
        operands = tuple(sorted(operands, key=lambda operand: operand.digest))
    return intern(op, operands, (), shape, row.dtype_of(operands))


def _before_repeating(op: str, operands: Sequence[Node], shape: Shape) -> Node | None:
    """An operation on operands that are all repeated along some axes: done once, then repeated."""
    if op in ("mul", "neg") or (op == "div" and _is_count(operands[1])):  # a factor stands in front of what is repeated
        return None
    arrays = [_split_factors(operand) for operand in operands if operand.shape]
    if any(array.ndim < len(shape) or array.dtype == "bool" for _, array in arrays):
        return None
    added = set.intersection(*(added_axes(array) for _, array in arrays)) if arrays else set()
    kept = [axis for axis in range(len(shape)) if axis not in added]
    if not added or not kept:  # a scalar repeated stays in sight as such
        return None
    inner = iter([_scaled_by(scales, _once(array, kept)) for scales, array in arrays])
    once = pointwise(op, *(next(inner) if operand.shape else operand for operand in operands))
    return contract([once], [kept], range(len(shape)), dict(enumerate(shape)))


def _once(node: Node, kept: Sequence[int]) -> Node:
    """What a contraction repeats along the axes that are not kept."""
    work = Contraction.of(node)
    out = [work.out[axis] for axis in kept]
    return contract([x for x, _ in work.operands], [labels for _, labels in work.operands], out, work.sizes)


def _split_factors(node: Node) -> tuple[list[Callable[[Node], Node]], Node]:
    """Split off every scalar factor in front of an array."""
    scales = []
    while (split := _split_scalar(node))[0] is not None:
        scales.append(split[0])
        node = split[1]
    return scales, node


def _scaled_by(scales: Sequence[Callable[[Node], Node]], node: Node) -> Node:
    return fold(lambda rest, scale: scale(rest), reversed(scales), node)


def _bare(position: int, operands: Sequence[Node], shape: Shape) -> Node:
    """The operand there, without repetitions along axes whose size the other operands already give."""
    operand = operands[position]
    if not operand.shape:
        return operand
    others = broadcast([other.shape for i, other in enumerate(operands) if i != position])
    scalar = repeated_scalar(operand)
    if scalar is not None:
        return scalar if others == shape else operand
    scales, array = _split_factors(operand)
    given = (1,) * (array.ndim - len(others)) + others[len(others) - min(array.ndim, len(others)) :]
    spare = [axis for axis in added_axes(array) if array.shape[axis] != 1 and given[axis] == array.shape[axis]]
    if not spare:
        return operand
    work = Contraction.of(array)
    work.sizes |= {work.out[axis]: 1 for axis in spare}
    return _scaled_by(
        scales, contract([x for x, _ in work.operands], [i for _, i in work.operands], work.out, work.sizes)
    )


def repeated_scalar(node: Node) -> Node | None:
    """The scalar whose repetition `node` is, or None."""
    if not node.shape:
        return node
    if node.op == "contract" and not node.args and len(set(node.attributes[1])) == node.ndim:
        return constant(1.0)
    if node.op == "mul":
        scalars = [operand for operand in node.args if not operand.shape]
        rest = [operand for operand in node.args if operand.shape]
        if scalars and repeated_scalar(rest[0]) == constant(1.0):
            return scalars[0]
    if node.op == "neg" and (scalar := repeated_scalar(node.args[0])) is not None:
        return neg(scalar)
    return None


def cast(operand: Node) -> Node:
    """An integer or a condition as a floating number."""
    if operand.dtype == "float":
        return operand
    if operand.op == "constant":
        return constant(float(operand.attributes[0]))
    return intern("cast", (operand,), (), operand.shape, "float")


def add(a: Node, b: Node) -> Node:
    """a + b."""
    a, b = cast(a), cast(b)
    x, y = number(a), number(b)
    if x is not None and y is not None:
        return constant(x + y)
    shape = broadcast([a.shape, b.shape], "add")
    for one, other in ((a, b), (b, a)):
        if number(repeated_scalar(one) or one) == 0 and other.shape == shape:
            return other
    (p, core), (q, other_core) = coefficient(a), coefficient(b)
    if core is other_core:
        return mul(constant(p + q), core)
    return _pointwise("add", a, b)


def coefficient(node: Node) -> tuple[float, Node]:
    """Split a node into a number and the rest it multiplies."""
    if node.op == "neg":
        return -1.0, node.args[0]
    if node.op == "mul":
        for value, rest in (node.args, node.args[::-1]):
            if (factor := number(value)) is not None:
                return factor, rest
    return 1.0, node


def neg(a: Node) -> Node:
    """-a."""
    factor, core = coefficient(cast(a))
    if (value := number(core)) is not None:
        return constant(-factor * value)
    return _pointwise("neg", core) if factor == 1 else mul(constant(-factor), core)


def mul(a: Node, b: Node) -> Node:
    """a * b; the numeric factor and then scalar factors stand in front of arrays."""
    one, other = cast(a), cast(b)
    (p, a), (q, b) = coefficient(one), coefficient(other)
    factor = p * q
    x, y = number(a), number(b)
    for pair, rest in ((one, other), (other, one)):
        if (
            pair.op == "mul" and (first := number(pair.args[0])) and (second := number(pair.args[1]))
        ):  # too far apart for one
            return mul(constant(first), mul(constant(second), rest))
    if loses_digits(p * (x or 1.0), q * (y or 1.0)):
        return _pointwise("mul", one, other)
    if x is not None and y is not None:
        return constant(factor * x * y)
    if a.op == b.op == "size" and len(a.attributes) == len(b.attributes) == 1:
        return _scaled(factor, size(a.attributes[0] * b.attributes[0]))
    if x is not None or y is not None:
        factor, core = (factor * x, b) if x is not None else (factor * (y or 0.0), a)
        return _scaled(factor, core)
    return _scaled(factor, _product(a, b))


def _scaled(factor: float, core: Node) -> Node:
    """A number times a node that has no numeric factor of its own in front."""
    more, core = coefficient(core)
    if loses_digits(factor, more):
        return _pointwise("mul", constant(factor), _pointwise("mul", constant(more), core))
    factor *= more
    if (value := number(core)) is not None:
        return constant(factor * value)
    if factor == 1:
        return core
    if factor == -1:
        return _pointwise("neg", core)
    if factor == 0:
        return constant(0.0) if not core.shape else _full_zero(core.shape)
    if core.op == "div":  # a number in the numerator takes up the factor
        inside, numerator = coefficient(core.args[0])
        if loses_digits(factor, inside * (number(numerator) or 1.0)):
            return _pointwise("mul", constant(factor), core)
        if (over := number(numerator)) is not None:
            return div(constant(factor * inside * over), core.args[1])
        if inside != 1:
            return div(mul(constant(factor * inside), numerator), core.args[1])
    return _pointwise("mul", constant(factor), core)


def _full_zero(shape: Shape) -> Node:
    ones = contract([], [], range(len(shape)), dict(enumerate(shape)))
    return intern("mul", (constant(0.0), ones), (), shape, "float")


def _product(a: Node, b: Node) -> Node:
    if a.ndim < b.ndim or (a.ndim == b.ndim and b.op == "select"):
        a, b = b, a
    if a.shape:
        for array, other in ((a, b), (b, a)):
            scalar, core = _scalar_factor(array)
            if scalar is not None and array.shape:
                return mul(scalar, mul(core, other)) if other.shape else mul(mul(scalar, other), core)
    ones = repeated_scalar(a) is constant(1.0) and bool(a.shape)  # a scalar repeated stays in sight as such
    for array, other in ((a, b), (b, a)):
        if ones:
            break
        if array.op == "div" and (number(array.args[0]) is not None or (array.shape and not array.args[0].shape)):
            if number(array.args[0]) is None and not other.shape:  # two scalars over an array: one scalar over it
                return div(mul(array.args[0], other), array.args[1])
            return mul(array.args[0], div(other, array.args[1]))
        if array.op == "div" and array.shape and _is_count(array.args[1]):
            return div(mul(array.args[0], other), array.args[1])
        if array.op == "select" and (mask := _mask(array, other)) is not None:
            return mask
    for count, array in ((a, b), (b, a)):
        if count.op == "size" and array.op == "div" and array.args[1] is count:
            return array.args[0]
    if (power := _power_of_one_base(a, b)) is not None:
        return power
    if b.shape and (is_structured(a) or is_structured(b)):
        return _merged_product(a, b)
    return _pointwise("mul", a, b)


def _is_count(node: Node) -> bool:
    """A number or a size, which may move out of a product; a divisor that was computed keeps what it scales from overflow."""
    return node.op in ("constant", "size")


def _scalar_factor(node: Node) -> tuple[Node | None, Node]:
    """Split an array into a scalar factor and the rest."""
    if node.op == "mul":
        for scalar, rest in (node.args, node.args[::-1]):
            if not scalar.shape and rest.shape == node.shape:
                return scalar, rest
    return None, node


def _mask(chosen: Node, other: Node) -> Node | None:
    """other * select(c, 1, 0) is other where c holds: exactly 0 elsewhere, whatever other is there."""
    condition, yes, no = chosen.args
    if broadcast([chosen.shape, other.shape]) != other.shape and other.op != "constant":
        return None
    if (number(yes), number(no)) == (1, 0):
        return select(condition, other, constant(0.0))
    if (number(yes), number(no)) == (0, 1):
        return select(condition, constant(0.0), other)
    return None


def _power_of_one_base(a: Node, b: Node) -> Node | None:
    """x**m * x**n for m, n > 0, at most one of them not whole, as one power: it has its derivatives at 0 too."""
    (x, m), (y, n) = _base(a), _base(b)
    return power(x, constant(m + n)) if x is y and (m % 1 == 0 or n % 1 == 0) else None


def _base(node: Node) -> tuple[Node, float]:
    if node.op == "sqrt":
        return node.args[0], 0.5
    if node.op == "pow" and (exponent := number(node.args[1])) is not None and exponent > 0 and exponent % 1 == 0:
        return node.args[0], exponent
    return node, 1.0


def _merged_product(a: Node, b: Node) -> Node:
    shape = broadcast([a.shape, b.shape], "mul")
    labels = [aligned(operand.shape, shape, fresh) for operand, fresh in ((a, 100), (b, 200))]
    sizes = dict(enumerate(shape)) | {i: 1 for axes in labels for i in axes if i >= 100}
    return contract([a, b], labels, range(len(shape)), sizes)


def div(a: Node, b: Node) -> Node:
    """a / b."""
    a, b = cast(a), cast(b)
    x, y = number(a), number(b)
    if x is not None and y:
        return constant(x / y)
    if y == 1:
        return a
    if a is b and a.op == "size":
        return constant(1.0)
    if y and math.frexp(y)[0] in (0.5, -0.5):  # a power of two: the reciprocal is exact
        return mul(constant(1 / y), a)
    if b.op == "neg":
        return neg(div(a, b.args[0]))
    (p, core), (q, divisor) = coefficient(a), coefficient(b)
    if x is None and (p != 1 or (q != 1 and number(divisor) is None)) and q and is_normal(p / q):
        return mul(constant(p / q), div(core, divisor))
    if core.op == "div" and core.args[1].op == b.op == "size":
        return div(mul(constant(p), core.args[0]), mul(core.args[1], b))
    if core.op == "div" and number(core.args[0]) is not None and x is None:
        return div(mul(constant(p), core.args[0]), mul(core.args[1], b))
    return _pointwise("div", a, b)


def power(base: Node, exponent: Node) -> Node:
    """base ** exponent, real: NaN for a negative base with a fractional exponent."""
    base, exponent = cast(base), cast(exponent)
    x, n = number(base), number(exponent)
    if n is None:
        return _pointwise("pow", base, exponent)
    if n == 0:
        return full(1.0, base.shape) if base.shape else constant(1.0)
    if n == 1:
        return base
    if x is not None and (x > 0 or n % 1 == 0) and x != 0:
        try:
            return constant(x**n)
        except OverflowError:
            return constant(-math.inf if x < 0 and n % 2 else math.inf)
    if n == 0.5:
        return _pointwise("sqrt", base)
    if n < 0:
        return div(constant(1.0), power(base, constant(-n)))
    if base.op == "pow" and (m := number(base.args[1])) is not None and m % 1 == 0 and n % 1 == 0:
        return power(base.args[0], constant(m * n))
    if n % 2 == 0 and base.op in ("neg", "abs"):
        return power(base.args[0], exponent)
    if n == 2 and base.op == "sqrt":
        return base.args[0]
    return _pointwise("pow", base, exponent)


def select(condition: Node, yes: Node, no: Node) -> Node:
    """`yes` where the condition holds, else `no`."""
    shape = broadcast([condition.shape, yes.shape, no.shape], "select")
    if (yes.dtype, no.dtype) != ("bool", "bool"):
        yes, no = cast(yes), cast(no)
    if yes.op == "select" and yes.args[0] is condition:
        yes = yes.args[1]
    if no.op == "select" and no.args[0] is condition:
        no = no.args[2]
    if condition.op == "constant":
        yes = no = yes if condition.attributes[0] else no
    if yes is no:
        return broadcast_to(yes, shape)
    return _pointwise("select", condition, yes, no)


# Sums of products


def contract(
    operands: Sequence[Node], axes: Sequence[Sequence[int]], out: Sequence[int], sizes: dict[int, Dim]
) -> Node:
    """The Einstein sum described in `contraction`; `sizes` gives the size of every label."""
    used = {*out, *(label for labels in axes for label in labels)}
    sizes = {label: dim for label, dim in sizes.items() if label in used}
    work = Contraction([(cast(a), tuple(i)) for a, i in zip(operands, axes, strict=True)], tuple(out), sizes)
    scalars: list[Callable[[Node], Node]] = []
    position = 0
    while position < len(work.operands):
        node, labels = work.operands[position]
        scale, core = _split_scalar(node)
        if scale is not None:
            scalars.append(scale)
            work.operands[position] = (core, labels)
        elif not node.shape:
            scalars.append(partial(mul, node))
            del work.operands[position]
        elif is_view(node):
            work.merge(position)
        elif node.op == "one_hot" and work.held_alone(labels[-1]):  # one entry of each row is 1
            work.operands.pop(position)
            del work.sizes[labels[-1]]
        elif node.op == "pow" and number(node.args[1]) == 2 and node.args[0].shape == node.shape and _loses(work):
            work.operands[position : position + 1] = [(node.args[0], labels)] * 2
        else:
            position += 1
    work.join_single_axes()
    result = _contracted(work, scalars)
    return fold(lambda rest, scale: scale(rest), scalars, result)


def _loses(work: Contraction) -> bool:
    """Whether something is summed, so that a square inside is worth a dot product."""
    return len(work.operands) == 1 and bool(work.summed())


def _split_scalar(node: Node) -> tuple[Callable[[Node], Node] | None, Node]:
    """Split off one scalar factor, or a number that divides, of an array."""
    if node.shape and node.op == "neg":
        return neg, node.args[0]
    scalar, core = _scalar_factor(node) if node.shape else (None, node)
    if scalar is not None:
        return partial(mul, scalar), core
    if node.op == "div" and node.shape and _is_count(node.args[1]):
        return (lambda rest: div(rest, node.args[1])), node.args[0]
    return None, node


def _contracted(work: Contraction, scalars: list[Callable[[Node], Node]]) -> Node:
    present = {label for _, labels in work.operands for label in labels} | set(work.out)
    for label, dim in work.sizes.items():
        if label not in present:
            scalars.append(partial(mul, size(dim)))
    work.sizes = {label: dim for label, dim in work.sizes.items() if label in present}
    if not work.operands and not work.out:
        return constant(1.0)
    work.canonical()
    if len(set(work.out)) == len(work.out) and work.operands:
        if len(work.operands) == 1 and work.operands[0][1] == work.out:
            return work.operands[0][0]
        if all(labels == work.out for _, labels in work.operands):
            return fold(mul, (node for node, _ in work.operands))
    if (core := _unstructured(work)) is not None:
        return core
    attributes = (
        tuple(labels for _, labels in work.operands),
        work.out,
        tuple(work.sizes[label] for label in range(len(work.sizes))),
    )
    return intern("contract", tuple(node for node, _ in work.operands), attributes, work.shape, "float")


def _unstructured(work: Contraction) -> Node | None:
    """A sum or a product that is then repeated or put on a diagonal, as a view of the sum or product alone."""
    core = tuple(dict.fromkeys(label for label in work.out if any(label in labels for _, labels in work.operands)))
    plain = len(set(work.out)) == len(work.out) and all(work.sizes[i] == 1 for i in work.out if i not in core)
    if plain or (len(work.operands) < 2 and not work.summed()):
        return None
    inner = contract([node for node, _ in work.operands], [labels for _, labels in work.operands], core, work.sizes)
    return contract([inner], [core], work.out, work.sizes)


def broadcast_to(x: Node, shape: Shape) -> Node:
    """x repeated to `shape`, as NumPy does."""
    if x.shape == shape:
        return x
    labels = aligned(x.shape, shape, 100)
    return contract([x], [labels], range(len(shape)), dict(enumerate(shape)) | {i: 1 for i in labels if i >= 100})


def as_node(value: Node | float) -> Node:
    """A number as a constant."""
    return value if isinstance(value, Node) else constant(value)


def _comparison(op: str) -> Callable[[Node, Node], Node]:
    """A comparison; of two numbers a constant."""
    holds = {"lt": operator.lt, "le": operator.le, "eq": operator.eq, "ne": operator.ne}[op]

    def build(a: Node, b: Node) -> Node:
        x, y = number(a), number(b)
        return _pointwise(op, a, b) if x is None or y is None else constant(bool(holds(x, y)))

    return build


_CONSTRUCTORS: dict[str, Callable[..., Node]] = {
    **{op: _comparison(op) for op in COMPARISONS},
    "add": add,
    "mul": mul,
    "div": div,
    "neg": neg,
    "pow": power,
    "select": select,
    "cast": cast,
}
