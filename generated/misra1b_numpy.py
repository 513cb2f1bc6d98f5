# symdiff 0.1.0: --backend numpy --emit value,jacobian --math exact --style fast
"""misra1b: value and derivatives in closed form, written by symdiff; edit the model, not this.

Arguments
    b1  parameter, scalar
    b2  parameter, scalar
    x   data, (N,)
    y   data, (N,)

Closed form
    residual = b1*(1 - 1/(b2*x/2 + 1)**2) - y

"""


import _thread
import contextvars
import math
import os
import threading
from collections import deque
from contextlib import suppress
from itertools import starmap
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np


SIGNATURE = {
    "model": "misra1b",
    "inputs": {
        "b1": {"role": "parameter", "shape": (), "dtype": "float"},
        "b2": {"role": "parameter", "shape": (), "dtype": "float"},
        "x": {"role": "data", "shape": ("N",), "dtype": "float"},
        "y": {"role": "data", "shape": ("N",), "dtype": "float"},
    },
    "samples": "N",
    "pointwise": False,
    "functions": {
        "residual": ("b1", "b2", "x", "y"),
        "residual_jacobian": ("b1", "b2", "x", "y"),
    },
}


class ResidualGrad(NamedTuple):
    """One array for each parameter of residual."""

    b1: np.ndarray
    b2: np.ndarray


def residual(b1, b2, x, y):
    """Return residual."""
    b1, b2, x, y = _arguments_of_residual(b1, b2, x, y)
    N = x.shape[0]
    (residual,) = _over_blocks(_residual_block, N, 1, (x, y), (b2, b1), ("rows 0",))
    return residual


def _residual_block(x, y, b2, b1):
    """The part of `residual` that one block of samples has."""
    residual = b1 * (1 - 1 / (0.5 * b2 * x + 1)**2) - y
    return (residual,)


def residual_jacobian(b1, b2, x, y):
    """Return the derivatives of every entry of residual by b1, b2: each of shape residual.shape + parameter.shape."""
    b1, b2, x, y = _arguments_of_residual(b1, b2, x, y)
    N = x.shape[0]
    jacobian_b1, jacobian_b2 = _over_blocks(_residual_jacobian_block, N, 1, (x,), (b2, b1), ("rows 0", "rows 0"))
    return ResidualGrad(jacobian_b1, jacobian_b2)


def _residual_jacobian_block(x, b2, b1):
    """The part of `residual_jacobian` that one block of samples has."""
    t1 = 0.5 * b2 * x + 1
    jacobian_b1 = 1 - 1 / t1**2
    jacobian_b2 = b1 * (x * t1 / (t1**2)**2)
    return jacobian_b1, jacobian_b2


def unpack(vec):
    """Split one vector into b1, b2."""
    return ResidualGrad(*_unflatten(vec, ((), ()), {}))


def residual_flat(vec, x, y):
    """As `residual`, of one vector that holds b1, b2."""
    p = unpack(vec)
    return residual(p.b1, p.b2, x, y)


def residual_jacobian_flat(vec, x, y):
    """As `residual_jacobian`, of one vector that holds b1, b2."""
    p = unpack(vec)
    blocks = residual_jacobian(p.b1, p.b2, x, y)
    return np.concatenate([block.reshape(-1, a.size) for a, block in zip(p, blocks)], axis=1)


def _arguments_of_residual(b1, b2, x, y):
    """Return the arguments as arrays of one floating dtype; raise for one that does not fit."""
    if (
        type(x) is type(y) is np.ndarray
        and x.dtype is y.dtype and x.dtype in _FLOATING
        and x.ndim == 1
        and y.shape == (x.shape[0],)
        and x.size and y.size
    ):
        kind = x.dtype.type
        if type(b1) is type(b2) is kind:
            return b1, b2, x, y
        if (
            type(b1) in (kind, float)
            and type(b2) in (kind, float)
        ):
            return (kind(b1), kind(b2), x, y)
    return _convert(
        {
            "b1": ((), "float"),
            "b2": ((), "float"),
            "x": (("N",), "float"),
            "y": (("N",), "float"),
        },
        (b1, b2, x, y),
    )


# From here on symdiff 0.1.0's runtime: in every module that needs it the same, whatever the model.


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
