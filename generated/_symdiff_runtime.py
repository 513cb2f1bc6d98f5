# symdiff 0.1.0: --backend numpy --runtime shared
"""What the modules in this folder have in common, written by symdiff: their runtime."""


import _thread
import contextvars
import math
import os
import threading
from collections import deque
from contextlib import suppress
from itertools import starmap
from queue import SimpleQueue

import numpy as np


_VERSION = "0.1.0"


_FLOATING = (np.dtype(np.float32), np.dtype(np.float64))


def _typed(kinds, arguments):
    """The arguments by name, as arrays of one floating dtype; integers stay so where they are declared so."""
    arrays = {}
    for name, argument in zip(kinds, arguments):
        weak = isinstance(argument, (int, float)) and not isinstance(argument, np.generic)
        arrays[name] = argument if weak else _array(name, argument)
    dtypes = {name: array.dtype for name, array in arrays.items() if hasattr(array, "dtype")}
    floating = [dtypes[name] for name in dtypes if dtypes[name].kind == "f" and kinds[name] == "float"]
    for name, dtype in dtypes.items():
        if dtype.kind == "f" and dtype not in _FLOATING:
            raise TypeError(f"{name} has dtype {dtype}, expected float32 or float64")
    common = np.result_type(*floating) if floating else np.dtype(np.float64)
    for name, kind in kinds.items():
        array = np.asarray(arrays[name], common if kind == "float" else None)
        if kind == "int" and array.dtype.kind == "f":
            raise TypeError(f"{name} has dtype {array.dtype}, expected integers, as declared")
        if kind == "bool" and array.dtype.kind != "b":
            raise TypeError(f"{name} has dtype {array.dtype}, expected booleans, as declared")
        arrays[name] = array if array.ndim else array[()]
    return arrays


def _array(name, argument):
    """An argument as an array of real numbers."""
    if isinstance(argument, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, expected a plain one: fill or drop what is masked first")
    try:
        array = np.asarray(argument)
    except ValueError as error:
        raise ValueError(f"{name} is no array: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}, expected real numbers (float32 or float64)")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _convert(declared, arguments, solved=()):
    """Return the arguments as arrays of one floating dtype; raise for the first that does not fit its declaration."""
    arrays = _typed({name: kind for name, (_, kind) in declared.items()}, arguments)
    sizes = {}
    for name, (shape, _) in declared.items():
        for dim, length in zip(shape, arrays[name].shape):
            if isinstance(dim, str):
                sizes.setdefault(dim, (name, length))
    for size, name, axis, needs, solve in solved:  # sizes that no axis has alone
        if axis < arrays[name].ndim and all(needed in sizes for needed in needs):
            found = solve(arrays[name].shape[axis], *(sizes[needed][1] for needed in needs))
            sizes[size] = (name, max(found, 0))
    for name, (shape, _) in declared.items():
        _fit(name, shape, arrays[name].shape, sizes)
    return arrays.values()


def _fit(name, shape, came, sizes):
    """Compare a shape with the declared one; the first array that has a size settles it for the others."""
    expected = []
    for dim, length in zip(shape, came):
        if isinstance(dim, str):
            expected.append(sizes[dim][1])
        elif isinstance(dim, tuple):
            _, needs, compute = dim
            known = all(size in sizes for size in needs)
            expected.append(compute(*(sizes[size][1] for size in needs)) if known else length)
        else:
            expected.append(dim)
    if len(shape) != len(came) or tuple(expected) != came:
        spelled = ", ".join(dim[0] if isinstance(dim, tuple) else str(dim) for dim in shape)
        text = f"shape ({spelled}{',' if len(shape) == 1 else ''})" if shape else "a scalar"
        used = dict.fromkeys(size for dim in shape for size in (dim[1] if isinstance(dim, tuple) else (dim,)))
        known = [
            f"{size} = {sizes[size][1]} from {sizes[size][0]}" for size in used if sizes.get(size, (name,))[0] != name
        ]
        raise ValueError(f"{name} has shape {came}, expected {text}" + (f" with {', '.join(known)}" if known else ""))
    if 0 in came:
        raise ValueError(f"{name} has shape {came}: it holds no entries, expected at least one")


def _convert_points(names, arguments):
    """Return the arguments as arrays of one floating dtype, and their one shape; scalars go with any shape."""
    arrays = _typed(dict.fromkeys(names, "float"), arguments)
    shape, owner = (), None
    for name, array in arrays.items():
        if array.shape and owner is None:
            shape, owner = array.shape, name
        elif array.shape and array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, expected a scalar or {shape} as {owner} has")
        if 0 in array.shape:
            raise ValueError(f"{name} has shape {array.shape}: it holds no entries, expected at least one")
    return *arrays.values(), shape


def _direction(name, given, like):
    """A direction as arrays, one for each array of `like`, with its shape and dtype."""
    names = ", ".join(like)
    if not isinstance(given, (tuple, list)) and not np.ndim(given):
        raise TypeError(f"{name} is a {type(given).__name__}, expected a tuple such as a gradient: {names}")
    if len(given) != len(like):
        raise ValueError(f"{name} has {len(given)} parts, expected {len(like)}: {names}")
    parts = []
    for part, (field, array) in zip(given, like.items()):
        part = _array(f"{name}.{field}", part)
        if part.shape != array.shape:
            raise ValueError(f"{name}.{field} has shape {part.shape}, expected {array.shape} as {field} has")
        parts.append(part.astype(array.dtype, copy=False)[()])
    return parts


def _cotangent(name, given, shape, dtype):
    """A cotangent as an array of the output's shape."""
    array = _array(name, given)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}, the shape of the output")
    return array.astype(dtype, copy=False)[()]


def _on_diagonal(values, diagonal, shape):
    """Zeros, but `values` on the diagonal that einsum(diagonal) views."""
    result = np.zeros(shape, values.dtype)
    np.einsum(diagonal, result)[...] = values
    return result


def _place(values, where, shape, dtype):
    """Zeros, but `values` at `where`."""
    result = np.zeros(shape, dtype)
    result[where] = values
    return result


def _positions(positions, length):
    """Positions as indices; raise where one does not fit an axis of that length."""
    positions = np.asarray(positions).astype(np.intp, copy=False)
    if positions.size and not 0 <= positions.min() <= positions.max() < length:
        raise IndexError(
            f"positions from {positions.min()} to {positions.max()} do not fit an axis of {length} entries"
        )
    return positions


def _one_hot(positions, length, dtype):
    """Along a new last axis 1 at each position, counted from 0, else 0."""
    positions = _positions(positions, length)
    result = np.zeros((*positions.shape, length), dtype)
    np.put_along_axis(result, positions[..., None], 1, -1)
    return result


def _flat_positions(positions, rows, own, length):
    """Positions in rows of a length, numbered by `rows` axes before the last `own`, as positions in all rows joined."""
    positions = _positions(positions, length)
    counts = positions.shape[positions.ndim - own - rows : positions.ndim - own]
    return positions + length * np.arange(math.prod(counts)).reshape(counts + (1,) * own)


def _take(x, positions, axis):
    """The entries of x at positions, counted from 0, along an axis."""
    return np.take(x, _positions(positions, x.shape[axis]), axis)


def _scatter(values, positions, axis, length):
    """The transpose of `_take`: zeros of a length along the axis, with each value added at its position."""
    positions = np.asarray(positions).astype(np.intp, copy=False)
    result = np.zeros((*values.shape[:axis], length, *values.shape[axis + positions.ndim :]), values.dtype)
    np.add.at(result, (slice(None),) * axis + (positions,), values)
    return result


def _masked(condition, x):
    """x where the condition holds, else 0, whatever x is there: of large arrays by bits, in a third of the time."""
    if np.size(x) < 4096 or np.shape(condition) != np.shape(x):
        return np.where(condition, x, 0)
    kept = np.negative(condition.view(np.int8)).astype(f"i{x.itemsize}")  # all bits, or none
    return np.bitwise_and(kept, x.view(kept.dtype), out=kept).view(x.dtype)


def _shaped(result, shape, dtype):
    """A result that may not depend on every argument, at the shape of them all, in memory of its own."""
    result = np.asarray(result, dtype)
    return np.broadcast_to(result, shape).copy() if shape else result[()]


def _windows(x, *axes, writeable=False):
    """A view of x in which some axes are several, one for each (size, step) of theirs.

    Each of `axes` is (axis, start, (size, step), (size', step'), ...): the entries at start + step i + step' i' + ...
    """
    shape, strides, first = [], [], [slice(None)] * x.ndim
    terms = {axis: sizes for axis, _, *sizes in axes}
    for axis, start, *sizes in axes:
        first[axis] = slice(0 if any(size == 0 for size, _ in sizes) else start, None)
    for axis, stride in enumerate(x.strides):
        for size, step in terms.get(axis, [(x.shape[axis], 1)]):
            shape.append(size)
            strides.append(step * stride)
    return np.lib.stride_tricks.as_strided(x[tuple(first)], shape, strides, writeable=writeable)


def _add_windows(values, shape, *axes):
    """The transpose of `_windows`: zeros of a shape, with each value added where it came from."""
    result = np.zeros(shape, values.dtype)
    view = _windows(result, *axes, writeable=True)
    terms = {axis: sizes for axis, _, *sizes in axes}
    loops, place = [], 0
    for axis, length in enumerate(shape):
        sizes = terms.get(axis, [(length, 1)])
        apart = len(sizes) == 1 or (len(sizes) == 2 and any(abs(s) >= n * abs(t) for _, s in sizes for n, t in sizes))
        if not apart:  # entries meet: they are added one after the other, but for those along the longest
            longest = max(range(len(sizes)), key=lambda k: sizes[k][0])
            loops += [place + k for k in range(len(sizes)) if k != longest]
        place += len(sizes)
    for offsets in np.ndindex(*(view.shape[axis] for axis in loops)):
        entry = [slice(None)] * view.ndim
        for axis, k in zip(loops, offsets):
            entry[axis] = k
        part = view[tuple(entry)]
        part += values[tuple(entry)]
    return result


def _of_windows(function, x, *windows):
    """The sum or the largest entry of each window of the last axes; `windows` are (size, step) along each."""
    for axis, (size, step) in enumerate(windows, x.ndim - len(windows)):
        last = (x.shape[axis] - size) // step * step
        first, *rest = (x[(slice(None),) * axis + (slice(k, k + last + 1, step),)] for k in range(size))
        x = function(first, rest.pop()) if rest else first
        for part in rest:
            function(x, part, out=x)
    return x


def _spread_windows(values, shape, *windows):
    """The transpose of `_of_windows(np.add, ...)`: zeros of a shape, with each value added to all entries of its window."""
    for axis, (size, step) in reversed(list(enumerate(windows, values.ndim - len(windows)))):
        spread = np.zeros((*values.shape[:axis], *shape[axis:]), values.dtype)
        for k in range(size):
            part = spread[(slice(None),) * axis + (slice(k, k + step * (values.shape[axis] - 1) + 1, step),)]
            part += values
        values = spread
    return values


def _first_largest(x, y, windows):
    """For each place in the windows of x: those entries of x, and which of them are y, the largest, for the first time."""
    free = np.ones_like(y, bool)
    for place in np.ndindex(*(size for size, _ in windows)):
        steps = [(k, step, count) for k, (_, step), count in zip(place, windows, y.shape[-len(windows) :])]
        spot = (..., *(slice(k, k + step * (count - 1) + 1, step) for k, step, count in steps))
        hit = (x[spot] == y) & free
        free ^= hit
        yield spot, hit


def _pick_first_max(t, x, y, *windows):
    """For each window of x the entry of t at the first largest entry y."""
    return sum(np.where(hit, t[spot], 0) for spot, hit in _first_largest(x, y, windows))


def _place_first_max(g, x, y, *windows):
    """The transpose of `_pick_first_max`: zeros like x, to which g is added at the first largest entry y of each window."""
    result = np.zeros_like(x) if g.ndim == x.ndim else np.zeros((*g.shape[: g.ndim - x.ndim], *x.shape), x.dtype)
    if g.strides != y.strides and g.ndim == y.ndim:
        g, given = np.empty_like(y), g  # lines of memory of both are then of the same entries
        g[...] = given
    apart = all(size <= step for size, step in windows)
    for spot, hit in _first_largest(x, y, windows):
        part = result[spot]
        np.copyto(part, g, where=hit) if apart else np.add(part, np.where(hit, g, 0), out=part)
    return result


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


def pack(parts):
    """Join arrays, such as the parts of a gradient, into one vector."""
    return np.concatenate([np.ravel(part) for part in parts])


def _unflatten(vec, shapes, sizes):
    """Split a copy of a vector into arrays; at most one size may be None: it follows from the length.

    Axes in `shapes` are numbers, names of sizes, or functions of all sizes.
    """
    vec = np.array(vec)
    if vec.ndim != 1:
        raise ValueError(f"vec has shape {vec.shape}, expected one vector")
    unknown = [name for name, size in sizes.items() if size is None]
    if len(unknown) > 1:
        raise ValueError(f"the sizes {', '.join(unknown)} do not follow from vec: give all but one of them")

    def shapes_at(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim(**known) if callable(dim) else known.get(dim, dim) for dim in shape) for shape in shapes]

    def too_small(trial):
        trials = shapes_at(trial)
        return any(dim < 0 for shape in trials for dim in shape) or sum(map(math.prod, trials)) < vec.size

    low = high = 1
    while unknown and too_small(high):
        low, high = high + 1, 2 * high
    while low < high:  # the unknown size lies between
        middle = (low + high) // 2
        low, high = (middle + 1, high) if too_small(middle) else (low, middle)
    parts, start = [], 0
    for shape in shapes_at(low):
        stop = start + math.prod(shape)
        parts.append((shape, vec[start:stop]))
        start = stop
    if start != vec.size:
        raise ValueError(f"vec has {vec.size} entries, expected {start}")
    return [part.reshape(shape)[()] for shape, part in parts]


def _over_blocks(block, count, width, data, rest, laws, axes=None, sums=1):
    """The results of block(*data, *rest), computed for a part of the samples at a time, so that arrays stay in cache.

    Each sample has `width` entries in the widest array computed, the largest sum over samples has `sums`; `laws` says how
    the results of parts combine.
    """
    if count * width <= _ENTRIES or (rows := _rows(count, width, data, sums)) >= count:
        return block(*data, *rest)
    cuts = [(slice(None),) * axis for axis in axes or (0,) * len(data)]

    def part(start):
        here = slice(start, start + rows)
        return block(*(array[(*cut, here)] for array, cut in zip(data, cuts, strict=True)), *rest)

    def combine(start, found):
        totals[:] = [_combined(*three, start, count) for three in zip(laws, totals or found, found, strict=True)]

    totals = []
    _THREADS.run(part, range(0, count, rows), combine)
    return totals


def _rows(count, width, data, sums):
    """How many samples a part has: a number that depends on sizes alone, so that results do not depend on the threads."""
    given = max(array.size for array in data) // count
    most = min(_ENTRIES // 4, max(1, 16 * _ENTRIES // given))  # more cost more to hand over than they save
    least = 2 * sums // width  # adding up the sums of all parts stays small against computing them
    rows = min(most, max(1, _ENTRIES // width, least, min(32, 16 * _ENTRIES // width)))
    parts = -(-count // rows)
    return -(-count // parts)


def _combined(law, total, found, start, count):
    """What the parts up to one give: a sum, an extreme, or the rows of all of them."""
    if law.startswith("rows"):
        front = (slice(None),) * int(law.removeprefix("rows "))
        if start == 0:
            total = np.empty((*found.shape[: len(front)], count, *found.shape[len(front) + 1 :]), found.dtype)
        total[(*front, slice(start, start + found.shape[len(front)]))] = found
        return total
    if start == 0:
        return found
    in_place = np.ndim(total) and total.flags.writeable  # rows that are repeated are a view, which is not
    return getattr(np, law)(total, found, out=total if in_place else None)


def _over_points(block, number, shape, dtype, inputs):
    """The `number` results of block(*inputs), each of `shape`, computed for a part of the points at a time."""
    count = math.prod(shape)
    if count <= _ENTRIES:
        return [_shaped(result, shape, dtype) for result in block(*inputs)]
    rows = -(-count // -(-count // (_ENTRIES // 4)))  # parts of one size; more cost more to hand over than they save
    flat = [array.reshape(-1) if array.ndim else array for array in inputs]
    results = [np.empty(count, dtype) for _ in range(number)]

    def part(start):
        here = slice(start, start + rows)
        found = block(*(array[here] if array.ndim else array for array in flat))
        for result, values in zip(results, found, strict=True):
            result[here] = values

    _THREADS.run(part, range(0, count, rows))
    return [result.reshape(shape) for result in results]


class _Threads:
    """The threads that parts run on, started when first needed; meanwhile BLAS keeps to the one thread that calls it.

    A signal handler, or a function that a part calls, may call the module again, and Ctrl-C may come anywhere. So no call
    waits for another, and what calls share changes in single steps: those of a queue, of a dict, and ``with lock``.
    """

    def __init__(self):
        self.count, self.pools = None, {}  # by process, since threads do not survive a fork

    def run(self, function, arguments, combine=lambda argument, found: None):
        """Call function(argument) for each argument, and combine(argument, what it returned) in their order.

        Every thread takes the next argument when it is done with one, this thread among them: waking another takes longer
        than many a part.
        """
        remaining, waiting, done, turn = iter(arguments), deque(arguments), {}, threading.Lock()
        wanted, over, settled, failed = threading.Lock(), SimpleQueue(), SimpleQueue(), []

        def take(finished=None, found=None):
            with turn:
                if finished is not None:
                    done[finished] = found
                while waiting and waiting[0] in done:
                    argument = waiting.popleft()
                    combine(argument, done.pop(argument))
                if not waiting:
                    over.put(None)
                return next(remaining, None)

        def work():
            try:
                argument = take()
                while argument is not None and wanted.locked():
                    argument = take(argument, function(argument))
            except BaseException as error:
                failed.append(error)
                deque(remaining, maxlen=0)  # the others stop too
                over.put(None)

        def settle():
            _settle(blas)
            settled.put(None)

        blas, tasks, others = self.ready(len(waiting) - 1)
        try:
            with wanted:
                _settle(blas, wanted)
                for _ in range(others):
                    tasks.put((contextvars.copy_context(), work))
                work()
                over.get()
            _settle(blas)
        except BaseException:  # Ctrl-C, perhaps again and again: but signals interrupt no other thread than this
            _thread.start_new_thread(settle, ())
            settled.get()
            raise
        if failed:
            raise failed.pop()

    def ready(self, most):
        """BLAS, the queue of what other threads are to do, and how many others there are, so many at most."""
        self.count = self.count or _default_count()
        process = os.getpid()
        blas, tasks, threads = self.pools.get(process) or self.pools.setdefault(process, (_blas(), SimpleQueue(), []))
        most = min(most, self.count - 1) if blas else 0  # BLAS has threads of its own, and ours would fight them
        with suppress(RuntimeError):  # there can be no more threads
            while len(threads) < most:  # a loop in C: one of this module would keep it in memory
                loop = starmap(contextvars.Context.run, iter(tasks.get, None))
                threads.append(_thread.start_new_thread(deque, (loop, 0)))
        return blas, tasks, min(most, len(threads))

    def __del__(self):
        for _, tasks, threads in self.pools.values():
            for _ in threads:
                tasks.put(None)


def _default_count():
    """How many threads there are to be: SYMDIFF_NUM_THREADS, or as many as cores."""
    given = os.environ.get("SYMDIFF_NUM_THREADS")
    if given is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not given.strip().isdecimal() or int(given) < 1:
        raise ValueError(f"SYMDIFF_NUM_THREADS is {given!r}, expected a whole number from 1")
    return int(given)


def _blas():
    """What the modules of a process, of all versions of symdiff, agree on: BLAS is one for all; None where nothing limits it.

    "calls" are locks, each locked while a call is at work; "before" are libraries with their threads, where BLAS is limited.
    """
    np.empty(4_000_000)  # once 32 MB were freed, glibc's malloc keeps what parts free, else each faults it in anew
    try:
        import threadpoolctl

        libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    except (AttributeError, ImportError):
        return None
    states = vars(threadpoolctl).setdefault("_symdiff_1", {})
    before = [
        pair for state in states.values() for pair in state["before"]
    ]  # a fork amid a call limits the child for good
    state = {"lock": threading.RLock(), "calls": [], "before": before, "libraries": libraries}
    return states.setdefault(os.getpid(), state)


def _settle(blas, call=None):
    """Let BLAS have one thread while calls are at work, this one among them, then as many as before.

    Where this is interrupted, or called amid itself, it need only be called again.
    """
    if blas is None:
        return
    with blas["lock"]:
        blas["calls"] = [other for other in (call, *blas["calls"]) if other and other.locked()]
        if not blas["calls"]:
            for library, threads in blas["before"]:
                _set_blas_threads(library, threads)
            blas["before"] = []
            return
        now = [] if blas["before"] else [(library, library.num_threads) for library in blas["libraries"]]
        blas["before"] = blas["before"] or now
        for library, _ in blas["before"]:
            _set_blas_threads(library, 1)


def _set_blas_threads(library, count):
    """Set how many threads a library has, whoever did so before: threadpoolctl 3.8 ignores all threads but one."""
    anyone_may = getattr(library, "clear_controlling_thread", lambda force: None)
    anyone_may(force=True)
    library.set_num_threads(count)
    anyone_may(force=True)


_ENTRIES = 262144  # of the widest array of a part: 2 MB of doubles
_THREADS = _Threads()


def set_threads(count):
    """Set how many threads work on parts of the samples: by default SYMDIFF_NUM_THREADS, or all cores there are."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count is {count!r}, expected a whole number from 1")
    _THREADS.count = int(count)


def _in_scratch(block):
    """The function of a block, lent arrays to compute in; a call amid it, say by a signal handler, is lent others."""

    def call(*arguments):
        idle = vars(_SCRATCH)
        scratch = idle.pop("arrays", None) or {}
        try:
            return block(scratch, *arguments)
        finally:
            idle["arrays"] = scratch

    return call


def _matmul_into(scratch, number, a, b):
    """a @ b, over the array of that number in scratch; in a new array where it is small, or too large to be kept."""
    if a.size * b.size < _LEAST // 8 or min(a.ndim, b.ndim) == 1:  # the result has no more entries than that
        return a @ b
    shape, dtype = (*(a.shape[:-2] or b.shape[:-2]), a.shape[-2], b.shape[-1]), np.result_type(a, b)
    size = math.prod(shape) * dtype.itemsize
    if size < _LEAST:
        return a @ b
    found = scratch.get(number)
    if found is None or found.nbytes < size:
        if size + sum(array.nbytes for other, array in scratch.items() if other != number) > _MOST:
            return a @ b
        found = scratch[number] = np.empty(size, np.uint8)
    return np.matmul(a, b, out=found[:size].view(dtype).reshape(shape))


_LEAST, _MOST = 65536, 67108864  # bytes of an array that is worth keeping, and of all that a thread keeps
_SCRATCH = threading.local()  # the arrays of each thread, while no function has them


def release_scratch():
    """Let go of the arrays that threads keep to compute in, 64 MB each at most; later calls make new ones."""
    global _SCRATCH
    _SCRATCH = threading.local()


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


_QUARTER = (
    1.5707963267341256,
    6.077100506303966e-11,
    2.0222662487959506e-21,
)  # pi/2: two parts of 33 bits, and the rest
_WAVES = np.array(
    [  # S and C by tools/fit_functions.py of symdiff
        [
            -0.1666666666666663,
            0.008333333333322113,
            -0.0001984126982958584,
            2.755731362029161e-06,
            -2.505074761248061e-08,
            1.5896222346913485e-10,
        ],
        [
            0.041666666666666595,
            -0.0013888888888873043,
            2.480158728884443e-05,
            -2.7557314177423484e-07,
            2.0875700611291606e-09,
            -1.1358525565146582e-11,
        ],
    ]
)


def _sin_cos(x):
    """sin(x) and cos(x), within 1 unit of rounding.

    With the nearest k, x = k pi/2 + r - rest (Cody and Waite 1980); sin(r) = r + r**3 S(r**2), and
    cos(r) = 1 - r**2/2 + r**4 C(r**2).
    """
    if x.dtype != np.float64 or x.size < 1000 or not -5e4 < x.min() <= x.max() < 5e4:
        return np.sin(x), np.cos(x)  # fast as they are, or the only ones that are right

    def part(v, sine, cosine, scratch):
        powers, (s, c), r, rest = scratch[:6], scratch[6:8], scratch[8], scratch[9]
        odd, half = scratch[10:].view(np.int64)
        k, first, second, product = powers[:4]
        np.multiply(v, 2 / np.pi, out=k)
        k += 1.5 * 2**52  # the last bits of the sum are k
        np.left_shift(k.view(np.int64), 63, out=odd)
        np.left_shift(k.view(np.int64), 62, out=half)
        half &= -(2**63)
        k -= 1.5 * 2**52
        np.multiply(k, _QUARTER[0], out=product)  # this and the next product are exact
        np.subtract(v, product, out=first)
        np.multiply(k, _QUARTER[1], out=product)
        np.subtract(first, product, out=second)
        first -= second
        first -= product  # what was lost in rounding the second
        k *= _QUARTER[2]
        k -= first
        np.subtract(second, k, out=r)
        np.subtract(r, second, out=rest)
        rest += k
        powers[0] = 1.0
        np.multiply(r, r, out=powers[1])
        np.multiply(powers[1], powers[1], out=powers[2])
        np.multiply(powers[2], powers[1:3], out=powers[3:5])
        np.multiply(powers[4], powers[1], out=powers[5])
        np.matmul(_WAVES, powers, out=scratch[6:8])
        c *= powers[2]
        c += np.multiply(r, rest, out=powers[0])
        s *= np.multiply(r, powers[1], out=powers[0])
        rest -= s
        np.subtract(r, rest, out=s)
        powers[1] *= 0.5
        np.subtract(1.0, powers[1], out=powers[2])
        np.subtract(1.0, powers[2], out=powers[3])
        powers[3] -= powers[1]  # what was lost in rounding that
        c += powers[3]
        c += powers[2]
        s, c, other = (
            s.view(np.int64),
            c.view(np.int64),
            rest.view(np.int64),
        )  # exchanged where k is odd, then their signs
        np.right_shift(odd, 63, out=other)
        other &= np.bitwise_xor(s, c, out=powers[0].view(np.int64))
        s ^= other
        c ^= other
        np.bitwise_xor(s, half, out=sine.view(np.int64))
        half ^= odd
        np.bitwise_xor(c, half, out=cosine.view(np.int64))

    return _in_parts(part, 2, 12, x)
