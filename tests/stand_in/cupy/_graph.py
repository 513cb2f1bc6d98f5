"""CUDA graphs: while a stream is captured nothing is computed; to launch the graph computes all that was recorded."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

_STATE = threading.local()
Work = Callable[[], object]


class Graph:
    """Recorded work; made by capturing a stream."""

    def __init__(self, works: list[Work], stream: object) -> None:
        self._works = works

    def launch(self, stream: object = None) -> None:
        """Do the work."""
        if is_recording():
            raise NotImplementedError("the stand-in has no graphs within graphs")
        for work in self._works:
            work()


class MemoryPool:
    """Memory that only those get who ask it."""

    def malloc(self, size: int) -> None:
        """Some of it; here only its name counts."""

    def free_all_blocks(self) -> None:
        """Hand back what nobody uses."""


@contextlib.contextmanager
def using_allocator(allocator: Callable | None = None):
    """Memory comes from there, in this thread."""
    before, _STATE.allocator = getattr(_STATE, "allocator", None), allocator
    try:
        yield
    finally:
        _STATE.allocator = before


def begin() -> None:
    """Record what comes, and do nothing of it."""
    if is_recording():
        raise RuntimeError("cudaErrorIllegalState: the stream is being captured")
    _STATE.works = []


def end(stream: object) -> Graph:
    """What was recorded."""
    if not is_recording():
        raise RuntimeError("cudaErrorIllegalState: the stream is not being captured")
    works, _STATE.works = _STATE.works, None
    return Graph(works, stream)


def is_recording() -> bool:
    """Whether a stream is being captured."""
    return getattr(_STATE, "works", None) is not None


def submit(work: Work) -> None:
    """Do it, or record it."""
    if is_recording():
        _STATE.works.append(work)
    else:
        work()


def take_memory() -> None:
    """Memory of all, freed after a capture, would be given to others while the graph still writes to it."""
    if is_recording() and getattr(_STATE, "allocator", None) is None:
        raise RuntimeError("a graph takes memory that may be given to others")


def refuse(library: str) -> None:
    """Of CUDA's libraries CuPy calls none while it captures."""
    if is_recording():
        raise NotImplementedError(f"calling {library} API during stream capture is currently unsupported")
