"""Functions of the user's own: a SymPy class with `fdiff`, and a Python body that generated modules copy."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symdiff as sd
from symdiff.errors import ModelError, UnsupportedError

x, y = sp.symbols("x y", real=True)
OUTSIDE = 2.0


class Softsign(sp.Function):
    """x / (1 + |x|)."""

    nargs = 1

    def fdiff(self, argindex=1):
        return SoftsignSlope(self.args[0])


class SoftsignSlope(sp.Function):
    """1 / (1 + |x|)**2, itself registered."""

    nargs = 1

    def fdiff(self, argindex=1):
        (u,) = self.args
        return -2 * sp.sign(u) / (1 + sp.Abs(u)) ** 3


class Inverse(sp.Function):
    """1 / x, whose derivative holds the function itself."""

    nargs = 1

    def fdiff(self, argindex=1):
        return -(Inverse(self.args[0]) ** 2)


class Mixed(sp.Function):
    """x**2 y, without a derivative by y."""

    nargs = 2

    def fdiff(self, argindex=1):
        if argindex == 1:
            return 2 * self.args[0] * self.args[1]
        raise sp.core.function.ArgumentIndexError(self, argindex)


class Bare(sp.Function):
    """No derivative at all."""

    nargs = 1


class StraightThrough(sp.Function):
    """The second argument, with a derivative by the first alone."""

    nargs = 2

    def fdiff(self, argindex=1):
        return sp.Integer(2 - argindex)


class Unregistered(sp.Function):
    nargs = 1


def softsign(xp, u):
    """The library comes as the first argument."""
    return u / (1 + xp.abs(u))  # a comment stays


def softsign_slope(xp, u):
    return 1 / (1 + xp.abs(u)) ** 2


def inverse(xp, u):
    return xp.reciprocal(u)


def mixed(xp, u, v):
    return u**2 * v


def bare(xp, u):
    return u


def straight_through(xp, u, v):
    return v


sd.register(Softsign, softsign)
sd.register(SoftsignSlope, softsign_slope)
sd.register(Inverse, inverse, safe=1.0)
sd.register(Mixed, mixed)
sd.register(Bare, bare)
sd.register(StraightThrough, straight_through)


def compiled(expression, *params, emit=("value", "grad", "hessian")):
    return sd.compile(sd.Model(expression, params=params), cache=False, emit=emit)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_value_and_derivatives_of_every_order(dtype):
    module = compiled(Softsign(x) * y, x, y)
    u, v = np.array([-2.0, 0.5, 3.0], dtype), np.array([1.0, 2.0, 3.0], dtype)
    assert module.value(u, v).dtype == dtype
    np.testing.assert_allclose(module.value(u, v), u / (1 + abs(u)) * v, rtol=1e-6)
    np.testing.assert_allclose(module.grad(u, v).x, v / (1 + abs(u)) ** 2, rtol=1e-6)
    np.testing.assert_allclose(module.hessian(u, v).x.x, -2 * np.sign(u) * v / (1 + abs(u)) ** 3, rtol=1e-6)


def test_the_generated_module_stands_alone():
    source = compiled(Softsign(x), x).__loader__.source
    assert "def _user_Softsign(xp, u):" in source
    assert "# a comment stays" in source
    assert "import symdiff" not in source
    assert "import sympy" not in source


def test_a_derivative_may_hold_the_function_itself():
    third = compiled(sp.Derivative(Inverse(x), x).doit(), x)
    np.testing.assert_allclose(third.hessian(np.array([2.0])).x.x, [-6 / 16], rtol=1e-12)


def test_a_dead_branch_does_no_harm():
    module = compiled(sp.Piecewise((Inverse(x), x > 0), (x, True)), x)
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(module.grad(np.array([0.0, 2.0])).x, [1.0, -0.25])


def test_it_may_be_one_of_many_entries():
    X = sp.MatrixSymbol("X", 2, 3)
    module = sd.compile(sd.Model(sd.sum(X.applyfunc(Softsign)), params=[X]), cache=False)
    at = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(module.grad(at).X, 1 / (1 + at) ** 2)


@pytest.mark.parametrize("style", ["fast", "plain"])
def test_what_a_body_returns_as_it_came_is_copied(style):
    given = sp.Symbol("given")
    passed = StraightThrough(x * given, given)
    model = sd.Model(sd.sum(passed), outputs={"passed": passed}, params=[x], data=[given])
    module = sd.compile(model, cache=False, style=style)
    values = np.arange(5.0)
    np.testing.assert_array_equal(module.passed(2.0, values), values)
    assert not np.shares_memory(module.passed(2.0, values), values)
    assert module.grad(2.0, values).x == values.sum()


def test_a_missing_derivative_is_asked_for_only_where_it_is_needed():
    assert compiled(Mixed(x, y), x, y, emit="value").value(3.0, 2.0) == 18.0
    assert sd.compile(sd.Model(Mixed(x, y), params=[x], constants=[y]), cache=False).grad(3.0, 2.0).x == 12.0
    with pytest.raises(UnsupportedError, match=r"Mixed\.fdiff gives no derivative by argument 2(.|\n)*model: .*py:\d+"):
        compiled(Mixed(x, y), x, y)
    with pytest.raises(UnsupportedError, match="Bare has no derivative: give the class a method fdiff"):
        compiled(Bare(x), x)


def test_a_class_without_a_body_is_refused_with_what_to_do():
    with pytest.raises(UnsupportedError, match=r"sd.register\(Unregistered, body\)"):
        compiled(Unregistered(x), x)
    with pytest.raises(UnsupportedError, match="f is an undefined function"):
        compiled(sp.Function("f")(x), x)


def closure():
    inner = 3.0
    return lambda xp, u: u * inner


def nested():
    inner = 3.0

    def body(xp, u):
        return u * inner

    return body


def of_a_global(xp, u):
    return u * OUTSIDE


def annotated(xp, u: np.ndarray):
    return u


class Holder:
    def body(self, u):
        return u


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (closure(), "plain function"),
        (np.sin, "plain function"),
        (nested(), "it uses inner"),
        (of_a_global, "it uses OUTSIDE"),
        (annotated, "it uses np"),
        (Holder.body, "no method"),
        (Holder().body, "plain function"),
    ],
)
def test_a_body_that_needs_something_from_outside_is_refused(body, message):
    with pytest.raises(ModelError, match=message):
        sd.register(Unregistered, body)


def test_only_a_sympy_function_can_be_registered():
    with pytest.raises(ModelError, match=r"subclass of sympy\.Function"):
        sd.register(sp.Symbol, softsign)


def test_the_cache_follows_body_and_derivative(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMDIFF_CACHE_DIR", str(tmp_path / "cache"))

    def define(slope):
        class Line(sp.Function):
            nargs = 1

            def fdiff(self, argindex=1):
                return sp.Integer(slope)

        return Line

    def once(xp, u):
        return u

    def twice(xp, u):
        return 2 * u

    results = []
    for slope, body in ((1, once), (2, once), (2, twice)):
        cls = define(slope)
        sd.register(cls, body)
        module = sd.compile(sd.Model(cls(x), params=[x], name="line"))
        results.append((module.value(3.0), module.grad(3.0).x))
    assert results == [(3.0, 1.0), (3.0, 2.0), (6.0, 2.0)]
