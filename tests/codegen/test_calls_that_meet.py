"""Calls amid calls: from signal handlers, callbacks and other threads, after forks, at exit; interrupts at any point."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest
from sympy import HadamardPower, MatrixSymbol, symbols
from threadpoolctl import threadpool_info, threadpool_limits

import symdiff as sd

n, d, k = symbols("n d k", integer=True, positive=True)
X, W = MatrixSymbol("X", n, d), MatrixSymbol("W", d, k)
MODEL = sd.Model(sd.mean(HadamardPower(X * W + sd.exp(X * W), 2)), params=[W], data=[X], name="growth")
OTHER = sd.Model(sd.mean(HadamardPower(sd.tanh(X * W), 2)), params=[W], data=[X], name="bounded")
signals_only = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="the system has no such signal")
forks_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")


def drawn(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((8, 6)) / 10, rng.standard_normal((count, 8))


def in_parts(model=MODEL, threads=2):
    """A module that computes in many parts, and in scratch however small."""
    module = sd.compile(model, cache=False)
    module._ENTRIES, module._LEAST = 600, 0
    module.set_threads(threads)
    return module


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture(autouse=True)
def two_threads_of_blas():
    """Whatever a test does, BLAS has two threads after it, as before."""
    with threadpool_limits(2, "blas"):
        before = blas_threads()
        yield
        assert blas_threads() == before


class Interrupted(BaseException):
    """What the handler of a signal raises, as that of Ctrl-C raises KeyboardInterrupt."""


@pytest.fixture
def handled():
    """`handled(handler)` lets the signal SIGUSR1 call handler()."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, lambda *_: handler())
    signal.signal(signal.SIGUSR1, before)


# Calls amid a call


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("count", [40, 2_000])  # in one part, and in many
@pytest.mark.parametrize("by", ["a callback", "a thread that a callback waits for", "a signal"])
def test_a_module_may_be_called_amid_its_own_work(by, count, threads, handled):
    """An entry overflows in the middle of a part, and NumPy calls back."""
    module = in_parts(threads=threads)
    w, x = drawn(count)
    x[17] *= 2e4
    inside = [drawn(size, seed) for seed, size in ((1, 40), (2, 1_000))]
    expected = [module.grad(*given).W for given in inside]
    with np.errstate(over="ignore", invalid="ignore"):
        whole = module.grad(w, x).W
    found = []

    def again():
        found.extend(module.grad(*given).W for given in inside)

    def called(*_):
        if by == "a callback":
            again()
        elif by == "a signal":
            os.kill(os.getpid(), signal.SIGUSR1)
        else:
            thread = threading.Thread(target=again)
            thread.start()
            thread.join()

    if by == "a signal":
        if not hasattr(signal, "SIGUSR1"):
            pytest.skip("the system has no such signal")
        handled(again)
    with np.errstate(over="call", invalid="ignore", call=called):
        np.testing.assert_array_equal(module.grad(w, x).W, whole)
    assert found
    for number, other in enumerate(found):
        np.testing.assert_array_equal(other, expected[number % 2])


@signals_only
def test_a_signal_handler_may_call_the_module_at_any_point(handled):
    module = in_parts()
    given, inside = drawn(3_000), drawn(500, seed=1)
    expected, expected_inside = module.grad(*given).W, module.grad(*inside).W
    wrong = []
    handled(lambda: wrong.append(not np.array_equal(module.grad(*inside).W, expected_inside)))
    main, over = threading.main_thread().ident, threading.Event()

    def send():
        while not over.is_set():
            signal.pthread_kill(main, signal.SIGUSR1)
            time.sleep(0.002)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        found = [module.grad(*given).W for _ in range(40)]
    finally:
        over.set()
        sender.join()
    assert wrong
    assert not any(wrong)
    for other in found:
        np.testing.assert_array_equal(other, expected)


def test_scratch_may_be_released_amid_a_call():
    module = in_parts(threads=1)
    w, x = drawn(2_000)
    x[17] *= 2e4
    with np.errstate(over="ignore", invalid="ignore"):
        expected = module.grad(w, x).W
    with np.errstate(over="call", invalid="ignore", call=lambda *_: module.release_scratch()):
        np.testing.assert_array_equal(module.grad(w, x).W, expected)


# BLAS, which is one for all modules


@pytest.mark.parametrize("first_ends_first", [True, False])
def test_blas_has_one_thread_until_the_last_call_of_all_modules_ends(first_ends_first):
    one, other = in_parts(), in_parts(OTHER)
    inside, leave = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]
    seen = []

    def call(module, number):
        def part(argument):
            inside[number].set()
            assert leave[number].wait(60)
            seen.append(blas_threads())

        module._THREADS.run(part, range(1))

    callers = [threading.Thread(target=call, args=(module, i)) for i, module in enumerate((one, other))]
    for caller, event in zip(callers, inside, strict=True):
        caller.start()
        assert event.wait(60)
    for number in (0, 1) if first_ends_first else (1, 0):
        leave[number].set()
        callers[number].join()
    assert [set(counts) for counts in seen] == [{1}, {1}]
    assert set(blas_threads()) == {2}


def test_what_another_version_of_symdiff_holds_is_respected():
    """Versions agree on a dict of the module threadpoolctl, by process, and on what its entries mean."""
    import threadpoolctl

    module = in_parts()
    module.grad(*drawn(2_000))
    shared = threadpoolctl._symdiff_1[os.getpid()]
    assert shared["calls"] == shared["before"] == []
    call = threading.Lock()
    with call:  # a call of the other version begins
        shared["before"] = [(library, library.num_threads) for library in shared["libraries"]]
        shared["calls"] = [call]
        module._settle(shared)
        module.grad(*drawn(2_000))
        assert set(blas_threads()) == {1}
    module.grad(*drawn(2_000))


# Interrupts


@signals_only
def test_an_interrupt_at_any_point_leaves_all_as_it_was(handled):
    """The profiler is called wherever Python looks for signals: before and after each call."""
    module = in_parts()
    given = drawn(1_000)
    expected = module.grad(*given).W

    def interrupt():
        raise Interrupted

    handled(interrupt)
    for place in range(10_000):
        left = [place]

        def profile(_frame, event, _argument, left=left):
            if event in ("call", "c_return"):
                if left[0] == 0:
                    signal.raise_signal(signal.SIGUSR1)
                left[0] -= 1

        sys.setprofile(profile)
        try:
            module.grad(*given)
            break
        except Interrupted:
            pass
        finally:
            sys.setprofile(None)
        assert set(blas_threads()) == {2}, place
    assert place > 20
    np.testing.assert_array_equal(module.grad(*given).W, expected)


@signals_only
def test_bursts_of_interrupts_leave_all_as_it_was():
    module = in_parts()
    given = drawn(3_000)
    expected = module.grad(*given).W
    main, over = threading.main_thread().ident, threading.Event()

    def interrupt(_number, frame):
        while frame is not None:
            if frame.f_globals is vars(module):  # not amid this test itself
                raise Interrupted
            frame = frame.f_back

    def send():
        for number in range(150):
            for _ in range(1 + number % 4):
                signal.pthread_kill(main, signal.SIGUSR1)
                time.sleep(number % 3 * 2e-5)
            time.sleep(number % 7 * 5e-4)
        over.set()

    before = signal.signal(signal.SIGUSR1, interrupt)
    sender = threading.Thread(target=send)
    sender.start()
    caught = 0
    while not over.is_set():
        try:
            module.grad(*given)
        except Interrupted:
            caught += 1
    sender.join()
    assert caught
    np.testing.assert_array_equal(module.grad(*given).W, expected)  # and what puts BLAS right has come before
    signal.signal(signal.SIGUSR1, before)
    at_work = set()
    module._THREADS.run(lambda _: (at_work.add(threading.get_ident()), time.sleep(0.01)), range(20))
    assert len(at_work) == 2


# Processes


@forks_only
@pytest.mark.filterwarnings("ignore:.*fork")
def test_the_number_of_threads_survives_a_fork():
    module = in_parts(threads=3)
    given = drawn(2_000)
    expected = module.grad(*given).W
    child = os.fork()
    if child == 0:
        at_work = set()
        module._THREADS.run(lambda _: (at_work.add(threading.get_ident()), time.sleep(0.01)), range(30))
        right = np.array_equal(module.grad(*given).W, expected)
        os._exit(0 if right and len(at_work) == 3 else 1)
    assert os.waitpid(child, 0)[1] == 0


@forks_only
@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_fork_amid_a_call_leaves_blas_as_it_was():
    module, children = in_parts(), []

    def part(_argument):
        child = os.fork()
        if child == 0:
            module.grad(*drawn(2_000))
            os._exit(0 if set(blas_threads()) == {2} else 1)
        children.append(child)

    module._THREADS.run(part, range(1))
    assert os.waitpid(children[0], 0)[1] == 0


PROGRAM = """
import atexit, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import growth_numpy as module
module._ENTRIES = 600
rng = np.random.default_rng(0)
given = rng.standard_normal((8, 6)) / 10, rng.standard_normal((2_000, 8))
expected = module.grad(*given).W if sys.argv[2] == "used" else None

def at_exit():
    found = module.grad(*given).W
    print(found.shape if expected is None else np.array_equal(found, expected))

atexit.register(at_exit)
"""


def run(tmp_path, program, *arguments, **environment):
    (tmp_path / "growth_numpy.py").write_text(sd.compile(MODEL, cache=False).__loader__.source)
    return subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), *arguments],
        env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(("before", "printed"), [("used", "True\n"), ("not used", "(8, 6)\n")])
def test_a_call_at_exit(tmp_path, before, printed):
    finished = run(tmp_path, PROGRAM, before, SYMDIFF_NUM_THREADS="2")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, printed, "")


@pytest.mark.parametrize("given", ["abc", "0", "-1", "1.5", "", "²"])
def test_a_wrong_number_of_threads_in_the_environment_is_named(monkeypatch, given):
    module = in_parts()
    module._THREADS.count = None  # as it is at first
    monkeypatch.setenv("SYMDIFF_NUM_THREADS", given)
    with pytest.raises(ValueError, match=f"SYMDIFF_NUM_THREADS is '{given}', expected a whole number from 1"):
        module.grad(*drawn(2_000))
    monkeypatch.setenv("SYMDIFF_NUM_THREADS", "2")
    module.grad(*drawn(2_000))
    assert module._THREADS.count == 2


def test_without_threadpoolctl_the_caller_computes_alone(monkeypatch):
    expected = in_parts().grad(*drawn(2_000)).W
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    module, at_work = in_parts(), set()
    np.testing.assert_array_equal(module.grad(*drawn(2_000)).W, expected)
    module._THREADS.run(lambda _: at_work.add(threading.get_ident()), range(20))
    assert at_work == {threading.get_ident()}


# What is kept


def test_a_module_that_nothing_uses_any_more_is_let_go_with_its_threads():
    module = in_parts(threads=3)
    result = module.grad(*drawn(2_000))
    reference, module = weakref.ref(module), None
    gc.collect()
    assert reference() is not None  # its result could be pickled
    threads = [ident for _, _, idents in reference()._THREADS.pools.values() for ident in idents]
    assert len(threads) == 2
    queues = [tasks for _, tasks, _ in reference()._THREADS.pools.values()]
    del result
    gc.collect()
    assert reference() is None
    for _ in range(1_000):  # each thread takes one None and ends
        if all(queue.empty() for queue in queues):
            break
        time.sleep(0.01)
    assert all(queue.empty() for queue in queues)
