"""The device of the stand-in: one, with one stream."""

from __future__ import annotations

from types import SimpleNamespace

from cupy import _graph
from cupy._array import MemoryPointer, synchronise
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

    def __init__(self, device=0):
        self.id = int(device)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def __int__(self):
        return self.id

    def __eq__(self, other):
        return self.id == int(other)

    def __hash__(self):
        return self.id

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


def get_current_stream(device_id=-1):
    """The stream that work goes to."""
    return _STREAMS[-1]


def is_available():
    """Whether there is a device."""
    return True


def get_device_id():
    """The current device."""
    return 0


runtime = SimpleNamespace(
    CUDARuntimeError=RuntimeError,
    deviceSynchronize=synchronise,
    getDevice=lambda: 0,
    getDeviceCount=lambda: 1,
    is_hip=False,
    runtimeGetVersion=lambda: 12090,
)
__all__ = [
    "Device",
    "Graph",
    "MemoryPointer",
    "MemoryPool",
    "Stream",
    "get_current_stream",
    "get_device_id",
    "is_available",
    "runtime",
    "using_allocator",
]
