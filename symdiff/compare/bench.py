"""All sides at one problem, asked for every result of every function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from symdiff.compare.calls import Answer, ask
from symdiff.compare.frameworks import FRAMEWORKS
from symdiff.compare.judge import Numbers, Row, differences, errors, judge, largest
from symdiff.compare.probes import Probe, probes, read
from symdiff.compare.problem import Array, Call, Problem, Root
from symdiff.compare.slow import Differences, Exact
from symdiff.graph.node import topological
from symdiff.graph.results import Array as Part
from symdiff.graph.size import evaluate
from symdiff.passes.algebra.operations import operations
from symdiff.reference import NoReferenceError

PEERS = (*FRAMEWORKS, "finite-difference", "mpmath")

# Work of the slow interpreter, in operations of numbers: what a comparison aims at, and what it takes at most.
AIM = 150_000
MOST = 6_000_000
SILENT = "where inputs are NaN or infinite there is no derivative to compare with"
NODE = 30  # operations that walking one node costs as much as
FIRST, SECOND = 12, 24  # evaluations that an entry of a first or second derivative and its scale take


@dataclass(frozen=True)
class Result:
    """One array that a function of the module returned."""

    call: Call
    part: Part
    array: Array
    seconds: float
    dtype: np.dtype[Any]

    def row(self, **fields: Any) -> Row:
        """A row about it."""
        parameter = ".".join(self.part.by)
        known: dict[str, Any] = {"dtype": self.dtype.name, "seconds": self.seconds, "of": self.array.size}
        return Row(function=self.call.function, parameter=parameter, **known, **fields)


@dataclass(frozen=True)
class Side:
    """The module in one precision."""

    answer: Answer
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Evidence:
    """What high precision says of a result.

    Attributes
    ----------
    chosen : the probes that were computed.
    numbers : the module's at the probes, the exact ones as its peer's, and their scales.
    seconds : what it took.
    """

    chosen: list[Probe]
    numbers: Numbers
    seconds: float

    @classmethod
    def gather(cls, oracle: Exact, chosen: list[Probe], result: Result, twin: Array | None) -> Evidence:
        """Compute the probes; `twin` is the result in the other precision."""
        exact, scale, seconds = oracle.probe(chosen)
        own = 0.0
        if twin is not None:
            shown = errors(read(chosen, twin), exact)
            own = largest(shown[np.isfinite(shown)]) * float(np.finfo(result.dtype).eps / np.finfo(twin.dtype).eps)
        numbers = Numbers(read(chosen, result.array), exact, exact, scale, oracle.floor(), own)
        return cls(chosen, numbers, seconds)

    def against(self, array: Array) -> Numbers:
        """The numbers with a framework's, which rounds as the module does: nothing else is excused."""
        return replace(self.numbers, peer=read(self.chosen, array), own=0.0)


class Bench:
    """The module, and the peers it is held against."""

    def __init__(self, module: ModuleType, problem: Problem, against: tuple[str, ...], backend: str) -> None:
        self.module, self.problem, self.against, self.backend = module, problem, against, backend
        self.finite = all(np.isfinite(array).all() for array in problem.values.values())
        self.frameworks = {name: FRAMEWORKS[name](problem) for name in against if name in FRAMEWORKS}
        self.exact = {root.name: Exact(problem, root) for root in problem.roots}
        self.differences = {root.name: Differences(problem, root) for root in problem.roots}
        self.out_of_reach = {root.name: reason for root in problem.roots if (reason := self._out_of_reach(root))}

    def rows(self) -> Iterator[Row]:
        """One row for each result and peer; against high precision, one more in single precision."""
        other = np.dtype(np.float32 if self.problem.dtype == np.float64 else np.float64)
        twin = self.problem.cast(other)
        answers = [
            (call, ask(self.module, self.problem, call, self.backend), ask(self.module, twin, call, self.backend))
            for call in self.problem.calls()
        ]
        for call, answer, cast in answers:
            yield from self._call(call, Side(answer, self.problem.dtype), Side(cast, other), self.against)
        if "mpmath" in self.against and other == np.float32 and twin.equals(self.problem):
            for call, answer, cast in answers:
                if call.root.name not in self.out_of_reach:
                    yield from self._call(call, Side(cast, other), Side(answer, self.problem.dtype), ("mpmath",))

    def _call(self, call: Call, side: Side, other: Side, against: Sequence[str]) -> Iterator[Row]:
        """The rows of one function, as it answered in one precision and in the other."""
        if side.answer.failure:
            for name in against:
                yield Row(call.function, "", name, False, side.dtype.name, note=side.answer.failure)
            return
        peers = {name: self.frameworks[name].answer(call) for name in against if name in self.frameworks}
        for i, part in enumerate(call.parts):
            result = Result(call, part, side.answer.arrays[i], side.answer.seconds, side.dtype)
            twin = None if other.answer.failure else other.answer.arrays[i]
            theirs = {name: replace(peer, arrays=peer.arrays[i : i + 1]) for name, peer in peers.items()}
            yield from self._result(result, twin, theirs, against)

    def _result(
        self, result: Result, twin: Array | None, peers: Mapping[str, Answer], against: Sequence[str]
    ) -> Iterator[Row]:
        """The rows of one result, given the same in the other precision and the frameworks'."""
        name = result.call.root.name
        evidence, reason = None, self.out_of_reach.get(name, "")
        if not reason:
            found = [array for answer in peers.values() for array in answer.arrays]
            suspects = [int(np.argmax(errors(result.array, array))) for array in found]
            chosen = probes(self.problem, result.call, result.part, self._limit(result.call), suspects)
            evidence = Evidence.gather(self.exact[name], chosen, result, twin)
            if self._is_silent(result, evidence.numbers.module, evidence.numbers.peer):
                evidence, reason = None, SILENT
        for peer in against:
            note = peers[peer].failure if peer in peers else reason
            if not note and peer in peers and self._is_silent(result, result.array, peers[peer].arrays[0]):
                note = SILENT
            if note:
                yield result.row(peer=peer, agrees=None, note=note)
                continue
            yield result.row(peer=peer, **self._verdict(result, peer, peers.get(peer), evidence))

    def _is_silent(self, result: Result, module: Array, peer: Array) -> bool:
        """Whether a peer has no derivative where the module has one, for want of finite inputs."""
        return not (self.finite or result.part.order == 0) and bool(
            np.any(np.isnan(peer.astype(float)) & ~np.isnan(module))
        )

    def _verdict(self, result: Result, peer: str, answer: Answer | None, evidence: Evidence | None) -> dict[str, Any]:
        """The fields of a row of a peer that has an answer."""
        if answer:
            numbers = evidence.against(answer.arrays[0]) if evidence else Numbers(result.array, answer.arrays[0])
            seconds, compared = answer.seconds, differences(result.array, answer.arrays[0])
        else:
            assert evidence is not None
            numbers, seconds = evidence.numbers, evidence.seconds
            if peer != "mpmath":
                theirs, seconds = self.differences[result.call.root.name].probe(evidence.chosen)
                numbers = replace(numbers, peer=theirs)
            compared = differences(numbers.module, numbers.peer, numbers.floor)
        return {"peer_seconds": seconds, **compared, **judge(numbers, result.dtype, peer)}

    def _limit(self, call: Call) -> int:
        """How many columns of a result are held against high precision."""
        root = call.root
        parameters = max(1, len(root.wrt))
        evaluations = AIM / (self._cost(root) * len(self.problem.roots))
        second = 0.25 if root.output is None else 0.0
        share = (1 - 2 * second) / FIRST / parameters
        if any(part.order == 2 for part in call.parts):
            pairs = parameters * (parameters + 1) / 2  # a Hessian is symmetric
            share = second / SECOND / (pairs if any(part.is_whole for part in call.parts) else parameters)
        return max(1, int(evaluations * share))

    def _cost(self, root: Root) -> int:
        """Of one evaluation by the slow interpreter, in operations of numbers."""
        count = evaluate(operations([root.node]), self.problem.sizes)
        return count + NODE * len(topological([root.node]))

    def _out_of_reach(self, root: Root) -> str:
        """Why there is no high precision for a root; empty where there is."""
        parameters = len(root.wrt)
        evaluations = FIRST + 2 * FIRST * parameters
        if root.output is None:
            evaluations += SECOND * parameters + SECOND * parameters * (parameters + 1) // 2
        if evaluations * self._cost(root) > MOST:
            return f"{self._cost(root):,} operations are too many for high precision"
        try:
            self.exact[root.name].value()
        except NoReferenceError as error:
            return str(error)
        return ""
