"""Source of the helper functions that run a function on parts of its data, and the threads they run on."""

from __future__ import annotations

THREADS: dict[str, str] = {
    "_over_blocks": '''\
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
''',
    "_over_points": '''\
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
''',
    "_Threads": '''\
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
''',
    "set_threads": '''\
def set_threads(count):
    """Set how many threads work on parts of the samples: by default SYMDIFF_NUM_THREADS, or all cores there are."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count is {count!r}, expected a whole number from 1")
    with _THREADS.lock:
        _THREADS.count, _THREADS.pool = int(count) if _THREADS.blas is not False else 1, None
''',
    "set_threads_unused": '''\
def set_threads(count):
    """Set how many threads the module's own loops may use; it has no such loops, so the count is only checked."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count is {count!r}, expected a whole number from 1")
''',
}
