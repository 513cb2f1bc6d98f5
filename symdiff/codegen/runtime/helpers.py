"""Source of the small functions a generated module may need; only those it uses are written into it.

They are written for NumPy and hold no logic of any model.
"""

from __future__ import annotations

from symdiff.codegen.runtime import error_functions, scratch, sines
from symdiff.codegen.runtime.threads import THREADS
from symdiff.codegen.runtime.windows import WINDOWS

TYPES = '''\
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
'''

SHAPES = '''\
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
        known = [f"{size} = {sizes[size][1]} from {sizes[size][0]}" for size in used if sizes.get(size, (name,))[0] != name]
        raise ValueError(f"{name} has shape {came}, expected {text}" + (f" with {', '.join(known)}" if known else ""))
    if 0 in came:
        raise ValueError(f"{name} has shape {came}: it holds no entries, expected at least one")
'''

ONE_SHAPE = '''\
def _convert(names, arguments):
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
'''

DIRECTION = '''\
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
'''

COTANGENT = '''\
def _cotangent(name, given, shape, dtype):
    """A cotangent as an array of the output's shape."""
    array = _array(name, given)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}, the shape of the output")
    return array.astype(dtype, copy=False)[()]
'''

HELPERS: dict[str, str] = {
    "_on_diagonal": '''\
def _on_diagonal(values, diagonal, shape):
    """Zeros, but `values` on the diagonal that np.einsum(diagonal) views."""
    result = np.zeros(shape, values.dtype)
    np.einsum(diagonal, result)[...] = values
    return result
''',
    "_place": '''\
def _place(values, where, shape, dtype):
    """Zeros, but `values` at `where`."""
    result = np.zeros(shape, dtype)
    result[where] = values
    return result
''',
    **WINDOWS,
    "_positions": '''\
def _positions(positions, length):
    """Positions as indices; raise where one does not fit an axis of that length."""
    positions = np.asarray(positions).astype(np.intp, copy=False)
    if positions.size and not 0 <= positions.min() <= positions.max() < length:
        raise IndexError(f"positions from {positions.min()} to {positions.max()} do not fit an axis of {length} entries")
    return positions
''',
    "_one_hot": '''\
def _one_hot(positions, length, dtype):
    """Along a new last axis 1 at each position, counted from 0, else 0."""
    positions = _positions(positions, length)
    result = np.zeros((*positions.shape, length), dtype)
    np.put_along_axis(result, positions[..., None], 1, -1)
    return result
''',
    "_flat_positions": '''\
def _flat_positions(positions, rows, own, length):
    """Positions in rows of a length, numbered by `rows` axes before the last `own`, as positions in all rows joined."""
    positions = _positions(positions, length)
    counts = positions.shape[positions.ndim - own - rows : positions.ndim - own]
    return positions + length * np.arange(math.prod(counts)).reshape(counts + (1,) * own)
''',
    "_take": '''\
def _take(x, positions, axis):
    """The entries of x at positions, counted from 0, along an axis."""
    return np.take(x, _positions(positions, x.shape[axis]), axis)
''',
    "_scatter": '''\
def _scatter(values, positions, axis, length):
    """The transpose of `_take`: zeros of a length along the axis, with each value added at its position."""
    positions = np.asarray(positions).astype(np.intp, copy=False)
    result = np.zeros((*values.shape[:axis], length, *values.shape[axis + positions.ndim :]), values.dtype)
    np.add.at(result, (slice(None),) * axis + (positions,), values)
    return result
''',
    "_masked": '''\
def _masked(condition, x):
    """x where the condition holds, else 0, whatever x is there: of large arrays by bits, in a third of the time."""
    if np.size(x) < 4096 or np.shape(condition) != np.shape(x):
        return np.where(condition, x, 0)
    kept = np.negative(condition.view(np.int8)).astype(f"i{x.itemsize}")  # all bits, or none
    return np.bitwise_and(kept, x.view(kept.dtype), out=kept).view(x.dtype)
''',
    "_solve_triangular": '''\
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
''',
    "_inverse_lower": '''\
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
''',
    "_cofactors": '''\
def _cofactors(a):
    """det(a) a^-T; by singular values, of which each cofactor lacks one, where either does not exist or is out of range."""
    det, inverse = _det_and_inverse(a)
    if det is not None:
        return det[..., None, None] * inverse.swapaxes(-1, -2)
    left, values, right, sign = _singular_values(a)
    with np.errstate(over="ignore", under="ignore"):
        others = sign[..., None] * _prod_others(values, axes=(values.ndim - 1,))
        return (left * others[..., None, :]) @ right
''',
    "_cofactor_factors": '''\
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
''',
    "_det_and_inverse": '''\
def _det_and_inverse(a):
    """det(a) and a^-1; None twice where one of a batch is singular or under- or overflows."""
    try:
        with np.errstate(all="ignore"):
            det, inverse = np.linalg.det(a), np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return None, None
    in_range = (abs(det) > np.finfo(a.dtype).tiny).all() and np.isfinite(det).all() and np.isfinite(inverse).all()
    return (det, inverse) if in_range else (None, None)
''',
    "_singular_values": '''\
def _singular_values(a):
    """U, s and V^T of a = U diag(s) V^T, and det U det V: NaN where an entry of a is not finite."""
    finite = np.isfinite(a).all(axis=(-2, -1))
    left, values, right = np.linalg.svd(np.where(finite[..., None, None], a, 0))
    return left, values, right, np.where(finite, np.linalg.det(left) * np.linalg.det(right), np.nan)
''',
    "_cholesky": '''\
def _cholesky(a):
    """The lower Cholesky factor of the symmetric part of a."""
    return np.linalg.cholesky((a + a.swapaxes(-1, -2)) / 2)
''',
    "_triangle": '''\
def _triangle(x, on_diagonal):
    """The lower triangle of x, with its diagonal scaled."""
    result = np.tril(x)
    np.einsum("...ii->...i", result)[...] *= on_diagonal
    return result
''',
    "_logdet": '''\
def _logdet(a):
    """The logarithm of the determinant; NaN where that is negative."""
    sign, logarithm = np.linalg.slogdet(a)
    return np.where(sign < 0, np.nan, logarithm)[()]
''',
    "_checked": '''\
def _checked(function, name, *matrices):
    """function(*matrices), whose error names the matrix."""
    try:
        return function(*matrices)
    except np.linalg.LinAlgError as error:
        raise np.linalg.LinAlgError(f"{error}: {name}") from None
''',
    "_prod_others": '''\
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
''',
    "_prod_others_tangent": '''\
def _prod_others_tangent(x, v, axes):
    """The derivative of the products of all other entries, in the direction v."""
    return _products(v, x, axes, order=1)
''',
    "_shaped": '''\
def _shaped(result, shape, dtype):
    """A result that may not depend on every argument, at the shape of them all, in memory of its own."""
    result = np.asarray(result, dtype)
    return np.broadcast_to(result, shape).copy() if shape else result[()]
''',
    "pack": '''\
def pack(parts):
    """Join arrays, such as the parts of a gradient, into one vector."""
    return np.concatenate([np.ravel(part) for part in parts])
''',
    "_unflatten": '''\
def _unflatten(vec, shapes, sizes):
    """Split a copy of a vector into arrays; at most one size may be None: it follows from the length."""
    vec = np.array(vec)
    if vec.ndim != 1:
        raise ValueError(f"vec has shape {vec.shape}, expected one vector")
    unknown = [name for name, size in sizes.items() if size is None]
    if len(unknown) > 1:
        raise ValueError(f"the sizes {', '.join(unknown)} do not follow from vec: give all but one of them")

    def shapes_at(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim if isinstance(dim, int) else dim(**known) for dim in shape) for shape in shapes]

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
''',
    **THREADS,
    **scratch.HELPERS,
    **error_functions.HELPERS,
    **sines.HELPERS,
}

REQUIRES = {
    **error_functions.REQUIRES,
    **sines.REQUIRES,
    **scratch.REQUIRES,
    "_cofactors": ("_det_and_inverse", "_singular_values", "_prod_others"),
    "_cofactor_factors": ("_det_and_inverse", "_singular_values", "_prod_others"),
    "_prod_others_tangent": ("_prod_others",),
    "_add_windows": ("_windows",),
    "_pick_first_max": ("_first_largest",),
    "_place_first_max": ("_first_largest",),
    "_one_hot": ("_positions",),
    "_flat_positions": ("_positions",),
    "_take": ("_positions",),
    "_over_blocks": ("_Threads",),
    "_over_points": ("_Threads", "_shaped"),
}
