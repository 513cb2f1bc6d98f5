# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast
"""mixture: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    alpha  parameter, (K,)
    mu     parameter, (K, d)
    q      parameter, (K, d)
    L      parameter, (K, d, d)
    x      data, (n, d)
    below  constant, (d, d)

Closed form
    e1 = (Entries on a diagonal alone have no closed form in tensors)
    e2 = -einsum('ijk,ik->ij', e1, mu) + einsum('il,jkl->ijk', x, e1)
    e3 = -0.9189385332046728*d + log_softmax(alpha, axis=0) - sum(e2**2, axis=2)/2 + sum(q, axis=1)
    e4 = logsumexp(e3, axis=1)
    value = -sum(e4)/n
    responsibility = softmax(e3, axis=1)
    e5 = sum(responsibility, axis=0)
    grad.alpha = -e5/n + softmax(alpha, axis=0)*sum(e5)/n
    e6 = einsum('ijk,ij->ijk', e2, responsibility)
    e7 = sum(e6, axis=0)
    grad.mu = -einsum('ik,ikj->ij', e7, e1)/n
    e8 = -einsum('ij,ik->ijk', e7, mu) + einsum('lk,lij->ijk', x, e6)
    grad.q = -e5[:, None]/n + einsum('ijj->ij', e8)*exp(q)/n
    grad.L = below*e8/n

"""


import contextvars
import math
import os
import threading
from collections import deque
from concurrent import futures
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "mixture",
    "inputs": {
        "alpha": {"role": "parameter", "shape": ("K",), "dtype": "float"},
        "mu": {"role": "parameter", "shape": ("K", "d"), "dtype": "float"},
        "q": {"role": "parameter", "shape": ("K", "d"), "dtype": "float"},
        "L": {"role": "parameter", "shape": ("K", "d", "d"), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "below": {"role": "constant", "shape": ("d", "d"), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("alpha", "mu", "q", "L", "x", "below"),
        "grad": ("alpha", "mu", "q", "L", "x", "below"),
        "value_and_grad": ("alpha", "mu", "q", "L", "x", "below"),
        "responsibility": ("alpha", "mu", "q", "L", "x", "below"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    alpha: np.ndarray
    mu: np.ndarray
    q: np.ndarray
    L: np.ndarray


class ResponsibilityGrad(NamedTuple):
    """One array for each parameter of responsibility."""

    alpha: np.ndarray
    mu: np.ndarray
    q: np.ndarray
    L: np.ndarray


def value(alpha, mu, q, L, x, below):
    """Return the objective."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    t1 = -0.9189385332046728 * d
    max_alpha = np.maximum.reduce(alpha)
    t2 = np.where(np.abs(max_alpha) < np.inf, max_alpha, 0)
    t3 = alpha - (np.log(np.add.reduce(np.exp(alpha - t2))) + t2) + np.add.reduce(q, axis=1)
    t4 = _on_diagonal(np.exp(q), "ijj->ij", (K, d, d)) + below * L
    t5 = -np.einsum("ijk,ik->ij", t4, mu)
    (s1,) = _over_blocks(_value_block, n, K*d, (x,), (t4, t5, t3, t1), ("add",))
    value = -s1 / n
    return value


def _value_block(x, t4, t5, t3, t1):
    """The part of `value` that one block of samples has."""
    K = t4.shape[0]
    d = x.shape[1]
    rows = x.shape[0]
    t6 = _matmul_into(0, t4.reshape(K*d, d), x.T).reshape(K, d, rows).transpose(2, 0, 1)
    t6 += t5
    t7 = t3 - 0.5 * np.einsum("ijk,ijk->ij", t6, t6) + t1
    max_t7 = np.maximum.reduce(t7, axis=1)
    t8 = _masked(np.abs(max_t7) < np.inf, max_t7)
    s1 = np.add.reduce(np.log(np.add.reduce(np.exp(t7 - t8[:, None]), axis=1)) + t8)
    return (s1,)


def grad(alpha, mu, q, L, x, below):
    """Return the gradient of the objective by alpha, mu, q, L."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    # gradient by alpha
    t1 = -0.9189385332046728 * d
    max_alpha = np.maximum.reduce(alpha)
    t2 = np.where(np.abs(max_alpha) < np.inf, max_alpha, 0)
    t3 = np.exp(alpha - t2)
    t4 = np.add.reduce(t3)
    t5 = alpha - (np.log(t4) + t2) + np.add.reduce(q, axis=1)
    exp_q = np.exp(q)
    t6 = _on_diagonal(exp_q, "ijj->ij", (K, d, d)) + below * L
    t7 = -np.einsum("ijk,ik->ij", t6, mu)
    t8 = t3 / t4
    s1, s2, s3 = _over_blocks(_grad_block, n, K*d, (x,), (t6, t7, t5, t1), ("add", "add", "add"), sums=K*d*d)
    grad_alpha = np.add.reduce(s1) / n * t8 - s1 / n
    grad_mu = -np.einsum("ikj,ik->ij", t6, s2) / n
    # gradient by q
    t9 = s3 - mu[:, None, :] * s2[:, :, None]
    grad_q = exp_q * np.einsum("ijj->ij", t9) / n - s1[:, None] / n
    grad_L = below * t9 / n
    return Grad(grad_alpha, grad_mu, grad_q, grad_L)


def _grad_block(x, t6, t7, t5, t1):
    """The part of `grad` that one block of samples has."""
    K = t6.shape[0]
    d = x.shape[1]
    rows = x.shape[0]
    t9 = _matmul_into(0, t6.reshape(K*d, d), x.T).reshape(K, d, rows).transpose(2, 0, 1)
    t9 += t7
    t10 = t5 - 0.5 * np.einsum("ijk,ijk->ij", t9, t9) + t1
    max_t10 = np.maximum.reduce(t10, axis=1)
    t11 = np.subtract(t10, _masked(np.abs(max_t10) < np.inf, max_t10)[:, None], out=t10)
    t11 = np.exp(t11, out=t11)
    responsibility = np.divide(t11, np.add.reduce(t11, axis=1)[:, None], out=t11)
    t12 = np.multiply(responsibility[:, :, None], t9, out=t9)
    s1 = np.add.reduce(responsibility)
    s2 = np.add.reduce(t12)
    s3 = (x.T @ t12.reshape(rows, K*d)).reshape(d, K, d).transpose(1, 2, 0)
    return s1, s2, s3


def value_and_grad(alpha, mu, q, L, x, below):
    """Return the objective and its gradient by alpha, mu, q, L."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    n = x.shape[0]
    K = alpha.shape[0]
    # objective
    t1 = -0.9189385332046728 * d
    max_alpha = np.maximum.reduce(alpha)
    t2 = np.where(np.abs(max_alpha) < np.inf, max_alpha, 0)
    t3 = np.exp(alpha - t2)
    t4 = np.add.reduce(t3)
    t5 = alpha - (np.log(t4) + t2) + np.add.reduce(q, axis=1)
    exp_q = np.exp(q)
    t6 = _on_diagonal(exp_q, "ijj->ij", (K, d, d)) + below * L
    t7 = -np.einsum("ijk,ik->ij", t6, mu)
    t8 = t3 / t4
    s1, s2, s3, s4 = _over_blocks(_value_and_grad_block, n, K*d, (x,), (t6, t7, t5, t1), ("add",) * 4, sums=K*d*d)
    value = -s1 / n
    grad_alpha = np.add.reduce(s2) / n * t8 - s2 / n
    grad_mu = -np.einsum("ik,ikj->ij", s3, t6) / n
    # gradient by q
    t9 = s4 - s3[:, :, None] * mu[:, None, :]
    grad_q = exp_q * np.einsum("ijj->ij", t9) / n - s2[:, None] / n
    grad_L = below * t9 / n
    return value, Grad(grad_alpha, grad_mu, grad_q, grad_L)


def _value_and_grad_block(x, t6, t7, t5, t1):
    """The part of `value_and_grad` that one block of samples has."""
    K = t6.shape[0]
    d = x.shape[1]
    rows = x.shape[0]
    t9 = _matmul_into(0, t6.reshape(K*d, d), x.T).reshape(K, d, rows).transpose(2, 0, 1)
    t9 += t7
    t10 = t5 - 0.5 * np.einsum("ijk,ijk->ij", t9, t9) + t1
    max_t10 = np.maximum.reduce(t10, axis=1)
    t11 = _masked(np.abs(max_t10) < np.inf, max_t10)
    t12 = np.subtract(t10, t11[:, None], out=t10)
    t12 = np.exp(t12, out=t12)
    t13 = np.add.reduce(t12, axis=1)
    responsibility = np.divide(t12, t13[:, None], out=t12)
    t14 = np.multiply(responsibility[:, :, None], t9, out=t9)
    s1 = np.add.reduce(np.log(t13) + t11)
    s2 = np.add.reduce(responsibility)
    s3 = np.add.reduce(t14)
    s4 = (x.T @ t14.reshape(rows, K*d)).reshape(d, K, d).transpose(1, 2, 0)
    return s1, s2, s3, s4


def responsibility(alpha, mu, q, L, x, below):
    """Return responsibility."""
    alpha, mu, q, L, x, below = _arguments(alpha, mu, q, L, x, below)
    d = mu.shape[1]
    K = alpha.shape[0]
    n = x.shape[0]
    t1 = -0.9189385332046728 * d
    max_alpha = np.maximum.reduce(alpha)
    t2 = np.where(np.abs(max_alpha) < np.inf, max_alpha, 0)
    t3 = alpha - (np.log(np.add.reduce(np.exp(alpha - t2))) + t2) + np.add.reduce(q, axis=1)
    t4 = _on_diagonal(np.exp(q), "ijj->ij", (K, d, d)) + below * L
    t5 = -np.einsum("ijk,ik->ij", t4, mu)
    (responsibility,) = _over_blocks(_responsibility_block, n, K*d, (x,), (t4, t5, t3, t1), ("rows 0",))
    return responsibility


def _responsibility_block(x, t4, t5, t3, t1):
    """The part of `responsibility` that one block of samples has."""
    K = t4.shape[0]
    d = x.shape[1]
    rows = x.shape[0]
    t6 = _matmul_into(0, t4.reshape(K*d, d), x.T).reshape(K, d, rows).transpose(2, 0, 1)
    t6 += t5
    t7 = t3 - 0.5 * np.einsum("ijk,ijk->ij", t6, t6) + t1
    max_t7 = np.maximum.reduce(t7, axis=1)
    t8 = np.subtract(t7, _masked(np.abs(max_t7) < np.inf, max_t7)[:, None], out=t7)
    t8 = np.exp(t8, out=t8)
    responsibility = np.divide(t8, np.add.reduce(t8, axis=1)[:, None], out=t8)
    return (responsibility,)


def unpack(vec, *, K=None, d=None):
    """Split one vector into alpha, mu, q, L. One size may be left out: it follows from the length of the vector."""
    return Grad(*_unflatten(vec, ((lambda K, d: K,), (lambda K, d: K, lambda K, d: d), (lambda K, d: K, lambda K, d: d), (lambda K, d: K, lambda K, d: d, lambda K, d: d)), {"K": K, "d": d}))


def value_flat(vec, x, below, *, K=None):
    """As `value`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=np.shape(x)[1])
    return value(p.alpha, p.mu, p.q, p.L, x, below)


def grad_flat(vec, x, below, *, K=None):
    """As `grad`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=np.shape(x)[1])
    return pack(grad(p.alpha, p.mu, p.q, p.L, x, below))


def value_and_grad_flat(vec, x, below, *, K=None):
    """As `value_and_grad`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=np.shape(x)[1])
    value, gradient = value_and_grad(p.alpha, p.mu, p.q, p.L, x, below)
    return value, pack(gradient)


def responsibility_flat(vec, x, below, *, K=None):
    """As `responsibility`, of one vector that holds alpha, mu, q, L."""
    p = unpack(vec, K=K, d=np.shape(x)[1])
    return responsibility(p.alpha, p.mu, p.q, p.L, x, below)


def _arguments(alpha, mu, q, L, x, below):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(alpha) is type(mu) is type(q) is type(L) is type(x) is type(below) is np.ndarray
        and alpha.dtype is mu.dtype is q.dtype is L.dtype is x.dtype is below.dtype and alpha.dtype in _FLOATING
        and alpha.ndim == 1
        and mu.ndim == 2 and mu.shape == (alpha.shape[0], mu.shape[1])
        and q.shape == (alpha.shape[0], mu.shape[1])
        and L.shape == (alpha.shape[0], mu.shape[1], mu.shape[1])
        and x.ndim == 2 and x.shape == (x.shape[0], mu.shape[1])
        and below.shape == (mu.shape[1], mu.shape[1])
        and alpha.size and mu.size and q.size and L.size and x.size and below.size
    ):
        return alpha, mu, q, L, x, below
    return _convert(
        {
            "alpha": (("K",), "float"),
            "mu": (("K", "d"), "float"),
            "q": (("K", "d"), "float"),
            "L": (("K", "d", "d"), "float"),
            "x": (("n", "d"), "float"),
            "below": (("d", "d"), "float"),
        },
        (alpha, mu, q, L, x, below),
    )


def _convert(declared, arguments):
    """Return the arguments as arrays of one floating dtype; raise for the first that does not fit its declaration."""
    arrays = _typed({name: kind for name, (_, kind) in declared.items()}, arguments)
    sizes = {}
    for name, (shape, _) in declared.items():
        _fit(name, shape, arrays[name].shape, sizes)
    return arrays.values()


def _fit(name, shape, came, sizes):
    """Compare a shape with the declared one; the first array that has a size settles it for the others."""
    expected = []
    for dim, length in zip(shape, came):
        if isinstance(dim, str):
            expected.append(sizes.setdefault(dim, (name, length))[1])
        elif isinstance(dim, tuple):
            _, needs, compute = dim
            known = all(size in sizes for size in needs)
            expected.append(compute(*(sizes[size][1] for size in needs)) if known else length)
        else:
            expected.append(dim)
    if len(shape) != len(came) or tuple(expected) != came:
        spelled = ", ".join(dim[0] if isinstance(dim, tuple) else str(dim) for dim in shape)
        text = f"shape ({spelled}{',' if len(shape) == 1 else ''})" if shape else "a scalar"
        known = [f"{dim} = {sizes[dim][1]} from {sizes[dim][0]}" for dim in shape if sizes.get(dim, (name,))[0] != name]
        raise ValueError(f"{name} has shape {came}, expected {text}" + (f" with {', '.join(known)}" if known else ""))
    if 0 in came:
        raise ValueError(f"{name} has shape {came}: it holds no entries, expected at least one")


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


def _on_diagonal(values, diagonal, shape):
    """Zeros, but `values` on the diagonal that np.einsum(diagonal) views."""
    result = np.zeros(shape, values.dtype)
    np.einsum(diagonal, result)[...] = values
    return result


def _masked(condition, x):
    """x where the condition holds, else 0, whatever x is there: of large arrays by bits, in a third of the time."""
    if np.size(x) < 4096 or np.shape(condition) != np.shape(x):
        return np.where(condition, x, 0)
    kept = np.negative(condition.view(np.int8)).astype(f"i{x.itemsize}")  # all bits, or none
    return np.bitwise_and(kept, x.view(kept.dtype), out=kept).view(x.dtype)


def pack(parts):
    """Join arrays, such as the parts of a gradient, into one vector."""
    return np.concatenate([np.ravel(part) for part in parts])


def _unflatten(vec, shapes, sizes):
    """Split a copy of a vector into arrays; at most one size may be None: it follows from the length."""
    vec = np.array(vec)
    if vec.ndim != 1:
        raise ValueError(f"vec has shape {vec.shape}, expected one vector")
    unknown = [name for name, size in sizes.items() if size is None]
    if len(unknown) > 1:
        raise ValueError(f"the sizes {', '.join(unknown)} do not follow from vec: give all but one of them")

    def known_shapes(trial):
        known = {name: trial if size is None else size for name, size in sizes.items()}
        return [tuple(dim if isinstance(dim, int) else dim(**known) for dim in shape) for shape in shapes]

    trial = 1
    while unknown and sum(math.prod(shape) for shape in known_shapes(trial)) < vec.size:
        trial += 1
    parts, start = [], 0
    for shape in known_shapes(trial):
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


class _Threads:
    """The threads that parts run on, started when first needed; meanwhile BLAS keeps to the one thread that calls it.

    Of several callers one works at a time.
    """

    def __init__(self):
        self.lock, self.count, self.pool, self.blas = threading.Lock(), None, None, None

    def run(self, function, arguments, combine=lambda argument, found: None):
        """Call function(argument) for each argument, and combine(argument, what it returned) in their order.

        Every thread takes the next argument when it is done with one, this thread among them: waking another takes longer
        than many a part.
        """
        remaining, waiting, done, turn = iter(arguments), deque(arguments), {}, threading.Lock()

        def take(finished=None, found=None):
            with turn:
                if finished is not None:
                    done[finished] = found
                while waiting and waiting[0] in done:
                    argument = waiting.popleft()
                    combine(argument, done.pop(argument))
                return next(remaining, None)

        def work():
            try:
                argument = take()
                while argument is not None:
                    argument = take(argument, function(argument))
            except BaseException:
                deque(remaining, maxlen=0)  # the others stop too
                raise

        with self.lock:
            self.start()
            with self.blas.limit(limits=1, user_api="blas") if self.blas else nullcontext():
                others = range(min(self.count, len(waiting)) - 1)
                others = [self.pool.submit(contextvars.copy_context().run, work) for _ in others]
                try:
                    work()
                finally:
                    futures.wait(others)
                for other in others:
                    other.result()

    def start(self):
        if self.count is None:
            usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
            self.count = int(os.environ.get("SYMDIFF_NUM_THREADS") or usable)
        if self.blas is None:
            np.empty(4_000_000)  # once 32 MB were freed, glibc's malloc keeps what parts free, else each faults it in anew
            try:
                from threadpoolctl import ThreadpoolController

                self.blas = ThreadpoolController()
            except ImportError:  # BLAS has threads of its own, and ours would fight them
                self.blas, self.count = False, 1
        if self.pool is None and self.count > 1:
            self.pool = futures.ThreadPoolExecutor(self.count - 1)


_ENTRIES = 262144  # of the widest array of a part: 2 MB of doubles
_THREADS = _Threads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _THREADS.__init__())  # threads do not survive a fork


def set_threads(count):
    """Set how many threads work on parts of the samples: by default SYMDIFF_NUM_THREADS, or all cores there are."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count is {count!r}, expected a whole number from 1")
    with _THREADS.lock:
        _THREADS.count, _THREADS.pool = int(count) if _THREADS.blas is not False else 1, None


def _matmul_into(number, a, b):
    """a @ b, over what this thread keeps under a number; in a new array where it is small, or too large to be kept."""
    if min(a.ndim, b.ndim) == 1:
        return a @ b
    shape, dtype = (*(a.shape[:-2] or b.shape[:-2]), a.shape[-2], b.shape[-1]), np.result_type(a, b)
    size, kept = math.prod(shape) * dtype.itemsize, vars(_SCRATCH)
    if size < _LEAST:
        return a @ b
    found = kept.get(number)
    if found is None or found.nbytes < size:
        if size + sum(array.nbytes for other, array in kept.items() if other != number) > _MOST:
            return a @ b
        found = kept[number] = np.empty(size, np.uint8)
    return np.matmul(a, b, out=found[:size].view(dtype).reshape(shape))


_LEAST, _MOST = 65536, 67108864  # bytes of an array that is worth keeping, and of all that a thread keeps
_SCRATCH = threading.local()


def release_scratch():
    """Let go of the arrays that threads keep to compute in, 64 MB each at most; later calls make new ones."""
    global _SCRATCH
    _SCRATCH = threading.local()
