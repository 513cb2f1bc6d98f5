"""Every pass of the compiler is followed by the verifier, in all tests: those of the pipeline, and the steps within one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from symdiff.graph.node import topological
from symdiff.passes.algebra import contract
from symdiff.passes.verify import verify

STEPS = ("_merge", "distribute", "_split", "in_pairs", "_shared", "_solved", "squares")
"""Of `passes.algebra.contract`."""


@contextmanager
def every_pass_verified() -> Iterator[None]:
    """What each pass returns is verified, while this lasts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMDIFF_VERIFY", "1")
        for name in STEPS:
            patch.setattr(contract, name, _verified(getattr(contract, name), name))
        yield


def _verified(step: Any, name: str) -> Any:
    def run(roots: Any, *rest: Any) -> Any:
        found = step(roots, *rest)
        try:
            verify(topological(found))
        except Exception as error:
            error.add_note(f"after the pass {name}")
            raise
        return found

    return run
