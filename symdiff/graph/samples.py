"""Which operations treat samples one by one, so that one block of samples is computed by itself.

The functions of a node and the number of samples are for `Op.samplewise`. They are asked of nodes with at most one sample
axis in the result and in each operand, no other size of which depends on the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symdiff.graph.contraction import Contraction
from symdiff.graph.item import Window
from symdiff.graph.node import Node
from symdiff.graph.size import Size


def carries(node: Node, samples: Size | None) -> bool:
    """Whether a node has the sample axis."""
    return samples is not None and samples in node.shape


def depends(sizes: object, samples: Size) -> bool:
    """Whether the number of samples is anywhere in sizes, positions or tuples of them: a block has fewer."""
    if isinstance(sizes, Size):
        return samples.names[0] in sizes.names
    if isinstance(sizes, Window):
        return depends((sizes.start, sizes.terms), samples)
    return isinstance(sizes, (tuple, list)) and any(depends(part, samples) for part in sizes)


def mixes(node: Node, samples: Size) -> bool:
    """Never, as far as is known."""
    return False


def each(node: Node, samples: Size) -> bool:
    """Always: of each entry by itself, or a reduction of each sample by itself or of all samples."""
    return True


def contracted(node: Node, samples: Size) -> bool:
    """Whether all operands with samples have them along one label."""
    work = Contraction.of(node)
    found = [label for label, dim in work.sizes.items() if dim == samples]
    return len(found) <= 1 and all(found[0] in labels for x, labels in work.operands if carries(x, samples))


def kept(node: Node, samples: Size) -> bool:
    """Whether operands and result have the sample axis, of an operation that leaves all axes as they are."""
    return carries(node, samples) and any(carries(x, samples) for x in node.args)


def before(own: Callable[[Node], int]) -> Callable[[Node, Size], bool]:
    """Of an operation on so many last axes of the result: whether the sample axis stands before them."""
    return lambda node, samples: kept(node, samples) and node.shape.index(samples) < node.ndim - own(node)


def before_windows(node: Node, samples: Size) -> bool:
    """Of an operation on windows: whether the sample axis of all operands stands before those."""
    apart = before(lambda node: len(node.attributes[0]))(node, samples) and not depends(node.attributes, samples)
    return apart and all(carries(x, samples) for x in node.args)


def before_matrices(node: Node, samples: Size) -> bool:
    """Of an operation on matrices: whether samples are a batch of them."""
    return carries(node, samples) and all(samples in x.shape[:-2] for x in node.args)


def picked(node: Node, samples: Size) -> bool:
    """Of `index`: whether all samples are taken, in order."""
    return kept(node, samples) and _leaves_whole(node.attributes[0], node.args[0], samples)


def placed(node: Node, samples: Size) -> bool:
    """Of `place`: likewise."""
    return kept(node, samples) and _leaves_whole(node.attributes[0], node, samples)


def taken(node: Node, samples: Size) -> bool:
    """Of `take`: whether positions alone have samples."""
    return kept(node, samples) and not carries(node.args[0], samples)


def _leaves_whole(items: Sequence[object], whole: Node, samples: Size) -> bool:
    """Whether items of the last axes of `whole` leave its sample axis as it is and do not depend on it elsewhere."""
    if not carries(whole, samples):
        return False
    own = whole.shape.index(samples) - (whole.ndim - len(items))
    others = [item for axis, item in enumerate(items) if axis != own]
    return (own < 0 or items[own] == (0, samples, 1)) and not depends(others, samples)
