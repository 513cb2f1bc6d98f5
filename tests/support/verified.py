"""Every pass of the compiler is followed by the verifier, in all tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from symdiff import compiler, derive, formulas
from symdiff.graph.node import topological
from symdiff.passes.algebra import contract
from symdiff.passes.verify import verify

PASSES: dict[ModuleType, tuple[str, ...]] = {
    derive: ("guard", "simplify", "stabilise", "pool_first", "order_contractions"),
    contract: ("_merge", "distribute", "_split", "in_pairs", "_shared", "_solved", "squares"),
    compiler: ("simplify", "balance", "expand", "fast_math", "order_contractions", "place_factors", "in_pairs"),
    formulas: ("simplify", "order_contractions"),
}


@contextmanager
def every_pass_verified() -> Iterator[None]:
    """What each pass returns is verified, while this lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for module, names in PASSES.items():
            for name in names:
                patch.setattr(module, name, _verified(getattr(module, name), name))
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
