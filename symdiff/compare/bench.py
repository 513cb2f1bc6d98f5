"""All sides at one problem, asked for every result of every function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from symdiff.compare.calls import ask, timed
from symdiff.compare.frameworks import FRAMEWORKS
from symdiff.compare.judge import Numbers, Row, differences, judge
from symdiff.compare.probes import Probe, probes
from symdiff.compare.problem import Array, Call, Problem, Root
from symdiff.compare.slow import Differences, Exact
from symdiff.graph.inputs import Input
from symdiff.graph.node import topological
from symdiff.graph.size import evaluate
from symdiff.passes.operations import operations
from symdiff.reference import NoReferenceError

PEERS = (*FRAMEWORKS, "finite-difference", "mpmath")

# Work of the slow interpreter, in operations of numbers: what a comparison aims at, and what it takes at most.
AIM = 600_000
MOST = 15_000_000
NODE = 30  # operations that walking one node costs as much as
FIRST, SECOND = 12, 24  # evaluations that an entry of a first or second derivative and its scale take

Timed = tuple[Array, float]


class Bench:
    """The module, and the peers it is held against."""

    def __init__(self, module: ModuleType, problem: Problem, against: tuple[str, ...], backend: str) -> None:
        self.module, self.problem, self.against, self.backend = module, problem, against, backend
        self.frameworks = {name: FRAMEWORKS[name](problem) for name in against if name in FRAMEWORKS}
        self.exact = {root.name: Exact(problem, root) for root in problem.roots}
        self.differences = {root.name: Differences(problem, root) for root in problem.roots}
        self.out_of_reach = {root.name: reason for root in problem.roots if (reason := self._out_of_reach(root))}

    def rows(self) -> Iterator[Row]:
        """One row for each result and peer."""
        for call in self.problem.calls():
            answer = ask(self.module, self.problem, call, self.backend)
            if answer.failure:
                yield from (Row(call.function, "", peer, False, note=answer.failure) for peer in self.against)
                continue
            peers = {}
            for name, framework in self.frameworks.items():
                if call.root.name not in framework.lacks:
                    peers[name] = timed(lambda framework=framework: framework.arrays(call))  # type: ignore[misc]
            for i, label in enumerate(self.problem.labels(call)):
                theirs = {name: (arrays[i], seconds) for name, (arrays, seconds) in peers.items()}
                yield from self._result(call, label, answer.arrays[i], answer.seconds, theirs)

    def _result(
        self, call: Call, label: tuple[Input, ...], ours: Array, seconds: float, peers: Mapping[str, Timed]
    ) -> Iterator[Row]:
        """The rows of one result."""
        common: dict[str, Any] = {
            "function": call.function,
            "parameter": ".".join(entry.name for entry in label),
            "seconds": seconds,
            "of": ours.size,
        }
        slow = call.root.name not in self.out_of_reach
        chosen: list[Probe] = []
        if slow:
            suspects = [int(np.argmax(np.abs(ours - theirs))) for theirs, _ in peers.values()]
            chosen = probes(self.problem, call, label, self._limit(call), suspects)
            exact, scale, spent = self.exact[call.root.name].probe(chosen)
            mine = _read(chosen, ours)
        for name in self.against:
            if name in peers:
                theirs, taken = peers[name]
                numbers = Numbers(mine, _read(chosen, theirs), exact, scale) if slow else Numbers(ours, theirs)
                found = {**differences(ours, theirs), **judge(numbers, self.problem.dtype, name)}
            elif name in FRAMEWORKS or not slow:
                note = self.out_of_reach.get(call.root.name, "")
                if name in FRAMEWORKS:
                    note = self.frameworks[name].lacks[call.root.name]
                yield Row(peer=name, agrees=None, note=note, **common)
                continue
            else:
                theirs, taken = (exact, spent) if name == "mpmath" else self.differences[call.root.name].probe(chosen)
                numbers = Numbers(mine, theirs, exact, scale)
                found = {**differences(mine, theirs), **judge(numbers, self.problem.dtype, name)}
            yield Row(peer=name, peer_seconds=taken, **common, **found)

    def _limit(self, call: Call) -> int:
        """How many columns of a result are held against high precision."""
        root = call.root
        parameters = max(1, len(root.wrt))
        evaluations = AIM / (self._cost(root) * len(self.problem.roots))
        second = 0.25 if root.name == "value" else 0.0
        share = {
            "hvp": second / SECOND / parameters,
            "hessian": second / SECOND / (parameters * (parameters + 1) / 2),
        }.get(call.kind, (1 - 2 * second) / FIRST / parameters)
        return max(1, int(evaluations * share))

    def _cost(self, root: Root) -> int:
        """Of one evaluation by the slow interpreter, in operations of numbers."""
        count = evaluate(operations([root.node]), self.problem.sizes)
        return count + NODE * len(topological([root.node]))

    def _out_of_reach(self, root: Root) -> str:
        """Why there is no high precision for a root; empty where there is."""
        parameters = len(root.wrt)
        evaluations = FIRST + 2 * FIRST * parameters
        if root.name == "value":
            evaluations += SECOND * parameters + SECOND * parameters * (parameters + 1) // 2
        if evaluations * self._cost(root) > MOST:
            return f"{self._cost(root):,} operations are too many for high precision"
        try:
            self.exact[root.name].value()
        except NoReferenceError as error:
            return str(error)
        return ""


def _read(chosen: list[Probe], result: Array) -> Array:
    return np.concatenate([probe.read(result) for probe in chosen])
