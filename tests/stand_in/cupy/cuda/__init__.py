"""The device of the stand-in: one, with one stream."""

from __future__ import annotations

import time
from types import SimpleNamespace

from cupy._array import MemoryPointer, synchronise


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

    def is_capturing(self):
        """Whether a graph is being recorded."""
        return False


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
    return 0


runtime = SimpleNamespace(
    CUDARuntimeError=RuntimeError,
    deviceSynchronize=synchronise,
    getDevice=lambda: 0,
    getDeviceCount=lambda: 1,
    getDeviceProperties=lambda device: {"name": b"stand-in"},
    is_hip=False,
    runtimeGetVersion=lambda: 12090,
)
__all__ = [
    "Device",
    "Event",
    "MemoryPointer",
    "Stream",
    "get_current_stream",
    "get_device_id",
    "get_elapsed_time",
    "is_available",
    "runtime",
]
