"""Special functions that NumPy lacks: one row each, with how `scipy.special` computes it.

An operation has SymPy's name and operands where SymPy has it. Its derivatives are in `diff.special`.
"""

from __future__ import annotations

from dataclasses import dataclass

from symdiff.graph import samples
from symdiff.graph.operation import Op


@dataclass(frozen=True)
class Special(Op):
    """A row.

    Attributes
    ----------
    template : the source, over operands ``{0}``, ``{1}`` and the array library ``{xp}``; every function it calls is one
        of `scipy.special`.
    double : whether SciPy answers in double precision whatever the operand's; so it does for several operands, if one is
        a Python number.
    """

    template: str = ""
    double: bool = False


def _row(
    template: str,
    arity: int = 1,
    safe: float | tuple[float | None, ...] | None = None,
    exponential: bool = False,
    increasing: bool = False,
) -> Special:
    operands = ", ".join(f"{{{i}}}" for i in range(arity))
    text = template if "(" in template else f"{template}({operands})"
    return Special(
        "pointwise",
        arity,
        cost=30,
        exponential=exponential,
        increasing=increasing,
        safe=safe,
        samplewise=samples.each,
        template=text,
        double=arity > 1,
    )


SPECIAL: dict[str, Special] = {
    # error functions; erf and erfc need no SciPy
    "erfi": _row("erfi", safe=0.0, exponential=True, increasing=True),
    "erfinv": _row("erfinv", safe=0.0),
    "erfcinv": _row("erfcinv", safe=1.0),
    # gamma and relatives
    "gamma": _row("gamma", safe=1.0, exponential=True),
    "loggamma": _row("loggamma", safe=1.0),  # NaN for a negative operand, where SymPy's is complex
    "digamma": _row("digamma", safe=1.0),
    "polygamma": _row("polygamma", 2, (None, 1.0)),  # (order, x)
    "beta": _row("beta", 2, (1.0, 1.0), exponential=True),
    "betainc_regularized": _row("betainc", 3, (1.0, 1.0, 0.5)),  # (a, b, x): from 0 to x
    "beta_density": _row("", 3, (1.0, 1.0, 0.5)),  # its derivative by x; written by `passes.densities`
    "gammainc": _row("gammainc", 2, (1.0, 1.0)),  # (a, x): lowergamma(a, x) / gamma(a)
    "gammaincc": _row("gammaincc", 2, (1.0, 1.0)),  # (a, x): uppergamma(a, x) / gamma(a)
    "gamma_density": _row("", 2, (1.0, 1.0)),  # the derivative of the first by x; written by `passes.densities`
    "lowergamma": _row("gamma({0}) * gammainc({0}, {1})", 2, (1.0, 1.0), exponential=True),
    "uppergamma": _row("gamma({0}) * gammaincc({0}, {1})", 2, (1.0, 1.0), exponential=True),
    "binomial": _row("binom", 2, (1.0, 1.0), exponential=True),
    "RisingFactorial": _row("poch", 2, (1.0, 1.0), exponential=True),
    # zeta functions
    "riemann_zeta": _row("zeta", safe=2.0),
    "zeta": _row("zeta", 2, (2.0, 2.0)),  # Hurwitz: (s, a)
    # Bessel functions: (order, x)
    "besselj": _row("jv", 2, (None, 1.0)),
    "bessely": _row("yv", 2, (None, 1.0)),
    "besseli": _row("iv", 2, (None, 1.0), exponential=True),
    "besselk": _row("kv", 2, (None, 1.0), exponential=True),
    "jn": _row("spherical_jn", 2, (None, 1.0)),
    "yn": _row("spherical_yn", 2, (None, 1.0)),
    "airyai": _row("airy({0})[0]", safe=0.0),
    "airyaiprime": _row("airy({0})[1]", safe=0.0),
    "airybi": _row("airy({0})[2]", safe=0.0),
    "airybiprime": _row("airy({0})[3]", safe=0.0),
    # elliptic integrals, by the parameter m = k**2
    "elliptic_k": _row("ellipk", safe=0.0),
    "elliptic_e": _row("ellipe", safe=0.0),
    "elliptic_f": _row("ellipkinc", 2, (None, 0.0)),  # (amplitude, m)
    "incomplete_e": _row("ellipeinc", 2, (None, 0.0)),  # (amplitude, m)
    "elliptic_pi": _row("", 2, (0.25, 0.5)),  # (n, m); written in Carlson's integrals by `passes.expand`
    "incomplete_pi": _row("", 3, (0.25, None, 0.5)),  # (n, amplitude, m); likewise
    "carlson_rf": _row("elliprf", 3, (1.0, 1.0, 1.0)),
    "carlson_rd": _row("elliprd", 3, (1.0, 1.0, 1.0)),
    "carlson_rj": _row("elliprj", 4, (1.0, 1.0, 1.0, 1.0)),
    # exponential, logarithmic and trigonometric integrals
    "Ei": _row("expi", safe=1.0),
    "expint": _row("expn", 2, (None, 1.0)),  # (whole order, x)
    "li": _row("expi({xp}.log({0}))", safe=2.0),
    "Si": _row("sici({0})[0]"),
    "Ci": _row("sici({0})[1]", safe=1.0),  # of |x|: `passes.expand` makes it NaN where x < 0
    "Shi": _row("shichi({0})[0]", safe=0.0, increasing=True),
    "Chi": _row("shichi({0})[1]", safe=1.0),  # likewise
    "fresnels": _row("fresnel({0})[0]"),
    "fresnelc": _row("fresnel({0})[1]"),
    # others
    "spence": _row("spence", safe=1.0),
    "dilogarithm": _row("", safe=0.0),  # polylog(2, x), from spence by `passes.expand`
    "hyp2f1": _row("hyp2f1", 4, (None, None, 1.0, 0.0)),
    "LambertW": _row("lambertw({0}, {1}).real", 2, (1.0, None)),  # (x, branch 0 or -1)
}
