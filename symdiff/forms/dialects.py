"""The closed forms of a model, in the dialect its symbols are of: of tensors or of indices where it declares any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from symdiff.forms.closed_form import closed_forms
from symdiff.forms.indexed import free, index_forms
from symdiff.forms.tensor import tensor_forms
from symdiff.functions.tensor import Tensor
from symdiff.graph.node import Node
from symdiff.graph.program import Declarations

_DIALECTS = ((Tensor, tensor_forms), (sp.IndexedBase, index_forms))  # the first of which a model declares a symbol


def forms(roots: Sequence[Node], declarations: Declarations, named: Mapping[Node, str] | None = None) -> list[Any]:
    """The expression of each root, or a `NoForm`; nodes in `named` stand under those names elsewhere."""
    return _writer(declarations)(roots, declarations, named)


def indices(root: Node, declarations: Declarations) -> tuple[Any, ...]:
    """The free indices in the form of a root, one for each axis; none in a dialect that writes whole arrays."""
    return tuple(free(root, declarations)) if _writer(declarations) is index_forms else ()


def _writer(declarations: Declarations) -> Any:
    symbols = [entry.symbol for entry in declarations.inputs]
    found = (writer for cls, writer in _DIALECTS if any(isinstance(symbol, cls) for symbol in symbols))
    return next(found, closed_forms)
