"""The devices of the stand-in as a thread finds them: the current one, the memory it has, whether waiting is allowed."""

from __future__ import annotations

import contextlib
import threading

from cupy import _graph

_STATE = threading.local()


class DeviceSynchronized(RuntimeError):  # noqa: N818, as CuPy calls it
    """The host waited for the device where that was not allowed."""


@contextlib.contextmanager
def allow_synchronize(allow):
    """Whether the host may wait for the device, as it does for a number, an array on the host or a mask's length."""
    before, _STATE.allowed = getattr(_STATE, "allowed", True), allow
    try:
        yield
    finally:
        _STATE.allowed = before


def synchronise():
    """The host waits for the device here."""
    if _graph.is_recording():
        raise RuntimeError("the current stream is capturing, so synchronous API calls are disallowed")
    if not getattr(_STATE, "allowed", True):
        raise DeviceSynchronized("the host waits for the device here")


class OutOfMemoryError(MemoryError):
    """The device has less memory than is asked for."""


@contextlib.contextmanager
def memory_of(size):
    """The device has so many bytes, for each array."""
    before, _STATE.memory = free_memory(), size
    try:
        yield
    finally:
        _STATE.memory = before


def free_memory():
    """How many bytes the device has."""
    return getattr(_STATE, "memory", 1 << 33)


def take(size):
    """Memory for so many bytes, if there is."""
    _graph.take_memory()
    if size > free_memory():
        raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes")


def current_device():
    """The number of the device that work goes to."""
    return getattr(_STATE, "devices", [0])[-1]


@contextlib.contextmanager
def working_on(device):
    """Work goes to the device of that number."""
    before = getattr(_STATE, "devices", [0])
    _STATE.devices = [*before, device]
    try:
        yield
    finally:
        _STATE.devices = before
