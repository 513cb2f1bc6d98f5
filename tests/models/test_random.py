"""Random models of every dialect: values and all derivatives, in both precisions, as their meaning entry by entry has them.

`make fuzz` tries as many as one likes, and makes what fails smaller.
"""

from __future__ import annotations

import warnings

import pytest
from fuzz.cases import DIALECTS, make
from fuzz.check import check

EACH, PARTS = 12, 10  # models of a test, and tests of a dialect


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("dialect", DIALECTS)
def test_random_models_are_as_they_mean(dialect, part):
    found = []
    for seed in range(EACH * part, EACH * (part + 1)):
        with warnings.catch_warnings():
            outcome = check(make(seed, dialect))
        if outcome.is_finding:
            found.append(f"python -m fuzz --only {seed} --dialect {dialect}: {outcome.kind}: {outcome.message}")
    assert not found, "\n".join(found)
