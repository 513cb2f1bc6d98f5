"""`symdiff compare --data`: inputs that are not finite, and files that are no .npz files."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import symbols

import symdiff as sd
from symdiff.compare import compare, compare_module
from symdiff.compiler import generate
from symdiff.errors import ComparisonError
from symdiff.loader import load_source
from symdiff.options import EMIT, Options

w, b, x, y = symbols("w b x y")
LINE = sd.Model(sd.mean((w * x + b - y) ** 2), params=[w, b], data=[x, y], name="line")
PEERS = ("torch", "jax", "finite-difference", "mpmath")


def test_nan_agrees_with_nan(tmp_path):
    given = {"w": 1.0, "b": 2.0, "x": np.array([1.0, np.nan]), "y": np.ones(2)}
    for changed in ({}, {"w": np.nan}, {"b": np.inf}):
        np.savez(tmp_path / "nan.npz", **(given | changed))
        found = compare(LINE, against=PEERS, data=tmp_path / "nan.npz")
        assert found.agrees, [row for row in found.rows if row.agrees is False]
        assert any(row.agrees for row in found.rows if row.function == "grad")
    values = [row for row in compare(LINE, data=given).rows if row.function == "value"]
    assert [row.agrees for row in values] == [True] * len(values)


def test_a_finite_number_where_the_value_is_nan_is_wrong():
    wrong = load_source(
        generate(LINE, Options.create(emit=EMIT)).source.replace(
            "/ N\n    return value\n", "/ N\n    return np.float64(1)\n"
        ),
        "nan_less",
        "<nan_less>",
    )
    data = {"w": 1.0, "b": np.nan, "x": np.ones(2), "y": np.ones(2)}
    found = compare_module(wrong, LINE, data=data)
    assert {row.agrees for row in found.rows if row.function == "value"} == {False}


@pytest.mark.parametrize("content", [b"hello", b"", b"PK\x03\x04", None, "objects"])
def test_what_is_no_npz_file_is_refused_in_our_words(tmp_path, content):
    path = tmp_path / "data.npz"
    if content is None:
        np.save(tmp_path / "data.npy", np.ones(3))
        (tmp_path / "data.npy").rename(path)
    elif content == "objects":
        np.savez(path, w=np.array([None, 1]), b=1.0, x=np.ones(2), y=np.ones(2))
    else:
        path.write_bytes(content)
    with pytest.raises(ComparisonError, match=r"data.npz .*np.savez\(") as caught:
        compare(LINE, data=path)
    assert "pickle" not in str(caught.value)
