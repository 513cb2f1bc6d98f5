"""The devices of the stand-in, alike, with one stream."""

from __future__ import annotations

import time
from types import SimpleNamespace

from cupy import _graph
from cupy._array import MemoryPointer
from cupy._device import OutOfMemoryError, current_device, free_memory, synchronise, working_on
from cupy._graph import Graph, MemoryPool, using_allocator


class Device:
    """A device with the limits of recent ones."""

    compute_capability = "90"
    attributes = {  # noqa: RUF012
        "MaxThreadsPerBlock": 1024,
        "MaxSharedMemoryPerBlock": 48 << 10,
        "MultiProcessorCount": 4,
        "WarpSize": 32,
    }

    def __init__(self, device=None):
        self.id = current_device() if device is None else int(device)
        self._working = []

    def __enter__(self):
        self._working.append(working_on(self.id))
        self._working[-1].__enter__()
        return self

    def __exit__(self, *error):
        self._working.pop().__exit__(*error)

    def __repr__(self):
        return f"<CUDA Device {self.id}>"

    def __int__(self):
        return self.id

    def __eq__(self, other):
        return self.id == int(other)

    def __hash__(self):
        return self.id

    @property
    def mem_info(self):
        """The bytes that are free, and all."""
        return free_memory(), 1 << 34

    def use(self):
        """Work on this device."""

    def synchronize(self):
        """Wait for all work."""
        synchronise()


class Stream:
    """Work in order; here all of it is done at once."""

    def __init__(self, null=False, non_blocking=False, ptds=False, priority=0):
        self.ptr = 0 if null else id(self)

    def __enter__(self):
        _STREAMS.append(self)
        return self

    def __exit__(self, *error):
        _STREAMS.remove(self)

    def use(self):
        """Work on this stream from here on."""
        _STREAMS.append(self)
        return self

    def synchronize(self):
        """Wait for all work."""
        synchronise()

    def begin_capture(self, mode=None):
        """Record a graph from here on."""
        if self.ptr == 0:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        if get_current_stream() is not self:
            raise NotImplementedError("the stand-in captures the current stream")
        _graph.begin()

    def end_capture(self):
        """The graph of what was done since."""
        return _graph.end(self)

    def is_capturing(self):
        """Whether a graph is being recorded."""
        return _graph.is_recording() and get_current_stream() is self


Stream.null = Stream(null=True)
_STREAMS = [Stream.null]


class Event:
    """A point in a stream: here, in time."""

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.at = None

    def record(self, stream=None):
        """Mark what the stream has done so far."""
        self.at = time.perf_counter()

    def synchronize(self):
        """Wait for it."""
        synchronise()


def get_elapsed_time(start_event, end_event):
    """The milliseconds between two events that were recorded."""
    return (end_event.at - start_event.at) * 1e3


def get_current_stream(device_id=-1):
    """The stream that work goes to."""
    return _STREAMS[-1]


def is_available():
    """Whether there is a device."""
    return True


def get_device_id():
    """The current device."""
    return current_device()


runtime = SimpleNamespace(
    CUDARuntimeError=RuntimeError,
    deviceSynchronize=synchronise,
    getDevice=current_device,
    getDeviceCount=lambda: 1,
    getDeviceProperties=lambda device: {"name": b"stand-in"},
    is_hip=False,
    runtimeGetVersion=lambda: 12090,
)
memory = SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
__all__ = [
    "Device",
    "Event",
    "Graph",
    "MemoryPointer",
    "MemoryPool",
    "Stream",
    "get_current_stream",
    "get_device_id",
    "get_elapsed_time",
    "is_available",
    "memory",
    "runtime",
    "using_allocator",
]
