"""Functions run on parts of their data, and the threads they run on."""

from __future__ import annotations

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

from symdiff.codegen.runtime.numpy.arrays import _shaped


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
