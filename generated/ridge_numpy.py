# symdiff 0.1.0: --backend numpy --emit value,grad,value_and_grad --math exact --style fast
"""ridge: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    w        parameter, (d, 1)
    b        parameter, scalar
    x        data, (n, d)
    y        data, (n, 1)
    penalty  constant, scalar

Closed form
    predict = b + x*w
    e1 = predict - y
    value = penalty*sum(w∘**2) + sum(e1∘**2)/n
    grad.w = (2/n)*x.T*e1 + (2*penalty)*w
    grad.b = 2*sum(e1)/n

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
    "model": "ridge",
    "inputs": {
        "w": {"role": "parameter", "shape": ("d", 1), "dtype": "float"},
        "b": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("n", "d"), "dtype": "float"},
        "y": {"role": "data", "shape": ("n", 1), "dtype": "float"},
        "penalty": {"role": "constant", "shape": (), "dtype": "float"},
    },
    "samples": "n",
    "pointwise": False,
    "functions": {
        "value": ("w", "b", "x", "y", "penalty"),
        "grad": ("w", "b", "x", "y", "penalty"),
        "value_and_grad": ("w", "b", "x", "y", "penalty"),
        "predict": ("w", "b", "x"),
    },
}


class Grad(NamedTuple):
    """One array for each parameter of the objective."""

    w: np.ndarray
    b: np.ndarray


class PredictGrad(NamedTuple):
    """One array for each parameter of predict."""

    w: np.ndarray
    b: np.ndarray


def value(w, b, x, y, penalty):
    """Return the objective."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    t1 = penalty * np.vdot(w, w)
    (s1,) = _over_blocks(_value_block, n, 1, (y, x), (w, b), ("add",))
    value = s1 / n + t1
    return value


def _value_block(y, x, w, b):
    """The part of `value` that one block of samples has."""
    predict = _matmul_into(0, x, w)
    predict += b
    t2 = np.subtract(predict, y, out=predict)
    s1 = np.vdot(t2, t2)
    return (s1,)


def grad(w, b, x, y, penalty):
    """Return the gradient of the objective by w, b."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    d = w.shape[0]
    # gradient by w
    t1 = penalty * w
    s1, s2 = _over_blocks(_grad_block, n, 1, (y, x), (w, b), ("add", "add"))
    grad_w = 2 * (s1 / n + t1)
    grad_b = 2 * s2 / n
    return Grad(grad_w, grad_b)


def _grad_block(y, x, w, b):
    """The part of `grad` that one block of samples has."""
    predict = _matmul_into(0, x, w)
    predict += b
    t2 = np.subtract(predict, y, out=predict)
    s1 = x.T @ t2
    s2 = np.add.reduce(t2[:, 0])
    return s1, s2


def value_and_grad(w, b, x, y, penalty):
    """Return the objective and its gradient by w, b."""
    w, b, x, y, penalty = _arguments(w, b, x, y, penalty)
    n = x.shape[0]
    d = w.shape[0]
    t1 = penalty * np.vdot(w, w)
    # gradient by w
    t2 = penalty * w
    s1, s2, s3 = _over_blocks(_value_and_grad_block, n, 1, (y, x), (w, b), ("add", "add", "add"))
    value = s1 / n + t1
    grad_w = 2 * (s2 / n + t2)
    grad_b = 2 * s3 / n
    return value, Grad(grad_w, grad_b)


def _value_and_grad_block(y, x, w, b):
    """The part of `value_and_grad` that one block of samples has."""
    predict = _matmul_into(0, x, w)
    predict += b
    t3 = np.subtract(predict, y, out=predict)
    s1 = np.vdot(t3, t3)
    s2 = x.T @ t3
    s3 = np.add.reduce(t3[:, 0])
    return s1, s2, s3


def predict(w, b, x):
    """Return predict."""
    w, b, x = _arguments_of_predict(w, b, x)
    n = x.shape[0]
    (predict,) = _over_blocks(_predict_block, n, 1, (x,), (w, b), ("rows 0",))
    return predict


def _predict_block(x, w, b):
    """The part of `predict` that one block of samples has."""
    predict = x @ w
    predict += b
    return (predict,)


def unpack(vec, *, d=None):
    """Split one vector into w, b. One size may be left out: it follows from the length of the vector."""
    return Grad(*_unflatten(vec, ((lambda d: d, 1), ()), {"d": d}))


def value_flat(vec, x, y, penalty):
    """As `value`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    return value(p.w, p.b, x, y, penalty)


def grad_flat(vec, x, y, penalty):
    """As `grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    return pack(grad(p.w, p.b, x, y, penalty))


def value_and_grad_flat(vec, x, y, penalty):
    """As `value_and_grad`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    value, gradient = value_and_grad(p.w, p.b, x, y, penalty)
    return value, pack(gradient)


def predict_flat(vec, x):
    """As `predict`, of one vector that holds w, b."""
    p = unpack(vec, d=np.shape(x)[1])
    return predict(p.w, p.b, x)


def _arguments(w, b, x, y, penalty):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w) is type(x) is type(y) is np.ndarray
        and w.dtype is x.dtype is y.dtype and w.dtype in _FLOATING
        and w.ndim == 2 and w.shape == (w.shape[0], 1)
        and x.ndim == 2 and x.shape == (x.shape[0], w.shape[0])
        and y.shape == (x.shape[0], 1)
        and w.size and x.size and y.size
    ):
        kind = w.dtype.type
        if type(b) is type(penalty) is kind:
            return w, b, x, y, penalty
        if (
            type(b) in (kind, float)
            and type(penalty) in (kind, float)
        ):
            return (w, kind(b), x, y, kind(penalty))
    return _convert(
        {
            "w": (("d", 1), "float"),
            "b": ((), "float"),
            "x": (("n", "d"), "float"),
            "y": (("n", 1), "float"),
            "penalty": ((), "float"),
        },
        (w, b, x, y, penalty),
    )


def _arguments_of_predict(w, b, x):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(w) is type(x) is np.ndarray
        and w.dtype is x.dtype and w.dtype in _FLOATING
        and w.ndim == 2 and w.shape == (w.shape[0], 1)
        and x.ndim == 2 and x.shape == (x.shape[0], w.shape[0])
        and w.size and x.size
    ):
        kind = w.dtype.type
        if type(b) is kind:
            return w, b, x
        if (
            type(b) in (kind, float)
        ):
            return (w, kind(b), x)
    return _convert(
        {
            "w": (("d", 1), "float"),
            "b": ((), "float"),
            "x": (("n", "d"), "float"),
        },
        (w, b, x),
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
