"""Many models in one call: every function of a module for a batch of values of some inputs, along a new leading axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from symdiff.errors import ModelError
from symdiff.graph.inputs import Input, Unit
from symdiff.graph.labelled import Labelled
from symdiff.graph.leaves import parameter
from symdiff.graph.lift import lift
from symdiff.graph.node import Node, topological
from symdiff.graph.program import Program
from symdiff.graph.size import Size, names_of
from symdiff.options import Options
from symdiff.passes.algebra.contract import in_pairs


@dataclass(frozen=True)
class Batch:
    """The leading axis of a batch.

    Attributes
    ----------
    size : of the axis.
    inputs : node of an input that has a value for each of the batch -> the node of all of them.
    """

    size: Size
    inputs: Mapping[Node, Node]

    def of_inputs(self, inputs: Sequence[Input]) -> tuple[Input, ...]:
        """Inputs with the leading axis where they have it."""
        return tuple(
            replace(entry, node=self.inputs[entry.node], has_axes=True) if entry.node in self.inputs else entry
            for entry in inputs
        )

    def of_function(self, unit: Unit, graphs: Labelled) -> tuple[Unit, Labelled]:
        """A function and its graphs for all of the batch at once; as they are where it takes none of those inputs.

        All results have the leading axis, and so have a cotangent, and a direction by inputs that have it.
        """
        if not any(entry.node in self.inputs for entry in unit.inputs):
            return unit, graphs
        lifted = dict(self.inputs)
        for bundle in unit.bundles:
            one_by_one = bundle.role == "direction"  # a part for each input that the function differentiates by
            for k, node in enumerate(bundle.nodes):
                if not one_by_one or unit.wrt[k].node in self.inputs:
                    lifted[node] = self._lifted(node)
        bundles = tuple(
            replace(bundle, nodes=tuple(lifted.get(node, node) for node in bundle.nodes)) for bundle in unit.bundles
        )
        inputs, wrt = self.of_inputs(unit.inputs), self.of_inputs(unit.wrt)
        unit = replace(unit, inputs=inputs, wrt=wrt, bundles=bundles)
        return unit, self._of_graphs(graphs, lifted)

    def _of_graphs(self, graphs: Labelled, lifted: Mapping[Node, Node]) -> Labelled:
        labelled = [*dict.fromkeys((*graphs.names, *graphs.words))]
        found = in_pairs(lift([*graphs.roots, *labelled], lifted, (self.size,)), None)
        reached = _depending(labelled, lifted)
        count = len(graphs.roots)
        new = {
            old: node if old in reached else old for old, node in zip(labelled, found[count:], strict=True)
        }  # what is the same for all of the batch is computed once
        names, words = ({new[node]: label for node, label in of.items()} for of in (graphs.names, graphs.words))
        return Labelled(tuple(found[:count]), names, words)

    def _lifted(self, node: Node) -> Node:
        return parameter(node.attributes[0], (self.size, *node.shape), node.dtype)


def batch_of(model: Program, options: Options) -> Batch | None:
    """The batch that options ask for; `ModelError` where the model cannot have it."""
    if options.batch is None:
        return None
    declared = model.declarations
    if declared.pointwise:
        raise ModelError(
            "The model is pointwise: its arguments may be arrays of any one shape as they are, so it needs no batch.",
            place=model.place,
        )
    taken = {entry.name for entry in declared.inputs} | {str(size) for size in declared.sizes.values()}
    taken.update(names_of(dim for entry in declared.inputs for dim in entry.node.shape))
    if options.batch in taken:
        raise ModelError(
            f"batch={options.batch!r} is a name of the model's already: choose another.", place=model.place
        )
    size = Size.named(options.batch)
    known = {label: entry for entry in declared.inputs for label in (entry.name, str(entry.symbol))}
    over = options.over or tuple(entry.name for entry in declared.inputs if entry.role == "parameter")
    missing = [name for name in over if name not in known]
    if missing or not over:
        wrong = (
            f"over names {', '.join(missing)}, which the model does not declare" if over else "the model has no params"
        )
        raise ModelError(f"{wrong}: it has {', '.join(entry.name for entry in declared.inputs)}.", place=model.place)
    nodes = [known[name].node for name in over]
    return Batch(size, {node: parameter(node.attributes[0], (size, *node.shape), node.dtype) for node in nodes})


def _depending(nodes: Sequence[Node], inputs: Mapping[Node, Node]) -> set[Node]:
    """What depends on inputs of the batch."""
    found: set[Node] = set(inputs)
    for node in topological(nodes):
        if any(operand in found for operand in node.args):
            found.add(node)
    return found
