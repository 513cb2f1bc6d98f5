"""Liveness: which variables are needed after a statement, in one region and in the regions inside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symdiff.codegen.expression import names_in
from symdiff.codegen.program import Assign, For, Return, Statement, While


def live_after(region: Sequence[Statement], wanted: Iterable[str] = ()) -> list[set[str]]:
    """For each statement of a region the variables that are read after it; what is `wanted` is read at the end.

    A variable that is given a value twice counts as needed in between, which is safe. A loop is one statement here.
    """
    later, found = set(wanted), []
    for statement in reversed(region):
        found.append(set(later))
        later |= reads(statement)
    return found[::-1]


def reads(statement: Statement) -> set[str]:
    """The variables that a statement reads, with the regions inside it."""
    match statement:
        case Assign(target=target, expression=expression, operator=operator):
            return {*names_in(expression), *(names_in(target) if operator else ())}
        case For(count=count, body=body):
            return {*names_in(count), *(name for inner in body for name in reads(inner))}
        case While(condition=condition, body=body):
            return {*names_in(condition), *(name for inner in body for name in reads(inner))}
        case Return(expression=expression):
            return {*names_in(expression)}
    return set()  # a check of sizes, which reads no array


def assigned(statement: Statement) -> set[str]:
    """The variables that a statement may give a value, with the regions inside it."""
    match statement:
        case Assign(target=target):
            return {*names_in(target)}
        case For(variable=variable, body=body):
            return {variable, *(name for inner in body for name in assigned(inner))}
        case While(body=body):
            return {name for inner in body for name in assigned(inner)}
    return set()


def carried(loop: For | While) -> set[str]:
    """The variables that an iteration reads before it sets them: from before the loop, or from the iteration before."""
    known = {loop.variable} if isinstance(loop, For) else set()
    found = {*names_in(loop.condition)} if isinstance(loop, While) else set()
    for statement in loop.body:
        found |= reads(statement) - known
        known |= assigned(statement) if isinstance(statement, Assign) else set()  # an inner loop may run no iteration
    return found
