"""How much memory a call needs beyond what its process holds before it."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress

RESET_PEAK = "5"  # what /proc/self/clear_refs takes to forget the peak so far


def peak_of(call: Callable[[], object]) -> int | None:
    """Bytes of resident memory that a call has at its peak over what is resident before it.

    Its result counts. None where the system has no peak that can be reset, which Linux has in ``/proc/self``.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what the allocator keeps for later would hide what the call takes
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write(RESET_PEAK)
        before = _resident("VmRSS")
        result = call()  # held, so that it is still there when the peak is read
        peak = _resident("VmHWM")
    except OSError:
        return None
    del result
    return max(0, peak - before)


def _resident(key: str) -> int:
    """A size in ``/proc/self/status``, in bytes."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(key + ":"))
    return 1024 * int(line.split()[1])
