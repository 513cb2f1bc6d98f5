"""All sides at one problem, asked for every result of every function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from symdiff.compare.calls import ask, timed
from symdiff.compare.frameworks import FRAMEWORKS
from symdiff.compare.judge import Numbers, Row, differences, judge
from symdiff.compare.probes import Probe, probes, read
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


@dataclass(frozen=True)
class Result:
    """One array that a function of the module returned."""

    call: Call
    label: tuple[Input, ...]
    array: Array
    seconds: float
    dtype: np.dtype[Any]

    def row(self, **fields: Any) -> Row:
        """A row about it."""
        parameter = ".".join(entry.name for entry in self.label)
        known: dict[str, Any] = {"dtype": self.dtype.name, "seconds": self.seconds, "of": self.array.size}
        return Row(function=self.call.function, parameter=parameter, **known, **fields)


class Bench:
    """The module, and the peers it is held against."""

    def __init__(self, module: ModuleType, problem: Problem, against: tuple[str, ...], backend: str) -> None:
        self.module, self.problem, self.against, self.backend = module, problem, against, backend
        self.frameworks = {name: FRAMEWORKS[name](problem) for name in against if name in FRAMEWORKS}
        self.exact = {root.name: Exact(problem, root) for root in problem.roots}
        self.differences = {root.name: Differences(problem, root) for root in problem.roots}
        self.out_of_reach = {root.name: reason for root in problem.roots if (reason := self._out_of_reach(root))}

    def rows(self) -> Iterator[Row]:
        """One row for each result and peer; against high precision, one more in single precision."""
        for call in self.problem.calls():
            yield from self._call(self.problem, call, self.against)
        single = self.problem.single() if "mpmath" in self.against else None
        if single:
            for call in single.calls():
                if call.root.name not in self.out_of_reach:
                    yield from self._call(single, call, ("mpmath",))

    def _call(self, problem: Problem, call: Call, against: Sequence[str]) -> Iterator[Row]:
        """The rows of one function."""
        answer = ask(self.module, problem, call, self.backend)
        if answer.failure:
            for name in against:
                yield Row(call.function, "", name, False, problem.dtype.name, note=answer.failure)
            return
        peers: dict[str, tuple[list[Array], float]] = {}
        for name in against:
            if name in self.frameworks and call.root.name not in self.frameworks[name].lacks:
                peers[name] = timed(partial(self.frameworks[name].arrays, call))
        for i, label in enumerate(problem.labels(call)):
            result = Result(call, label, answer.arrays[i], answer.seconds, problem.dtype)
            theirs = {name: (arrays[i], seconds) for name, (arrays, seconds) in peers.items()}
            yield from self._result(result, theirs, against)

    def _result(self, result: Result, peers: Mapping[str, Timed], against: Sequence[str]) -> Iterator[Row]:
        """The rows of one result."""
        call = result.call
        chosen: list[Probe] | None = None
        if call.root.name not in self.out_of_reach:
            suspects = [int(np.argmax(np.abs(result.array - array))) for array, _ in peers.values()]
            chosen = probes(self.problem, call, result.label, self._limit(call), suspects)
        for name in against:
            if name in peers:
                array, seconds = peers[name]
                peer = array if chosen is None else read(chosen, array)
                found = self._judged(result, name, peer, chosen) | differences(result.array, array)
            elif name in FRAMEWORKS or chosen is None:
                lacks = self.frameworks[name].lacks if name in FRAMEWORKS else self.out_of_reach
                yield result.row(peer=name, agrees=None, note=lacks[call.root.name])
                continue
            elif name == "mpmath":
                peer, _, seconds = self.exact[call.root.name].probe(chosen)
                found = self._judged(result, name, peer, chosen) | differences(read(chosen, result.array), peer)
            else:
                peer, seconds = self.differences[call.root.name].probe(chosen)
                found = self._judged(result, name, peer, chosen) | differences(read(chosen, result.array), peer)
            yield result.row(peer=name, peer_seconds=seconds, **found)

    def _judged(self, result: Result, name: str, peer: Array, chosen: list[Probe] | None) -> dict[str, Any]:
        """The verdict on a result, given the peer's numbers: at the probes where there are any, else all."""
        if chosen is None:
            return judge(Numbers(result.array, peer), result.dtype, name)
        oracle = self.exact[result.call.root.name]
        exact, scale, _ = oracle.probe(chosen)
        if name == "mpmath":
            peer = exact
        return judge(Numbers(read(chosen, result.array), peer, exact, scale, oracle.floor()), result.dtype, name)

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
