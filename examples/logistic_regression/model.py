"""Logistic regression with a quadratic penalty on the weights: n samples of d features."""

from sympy import MatrixSymbol, OneMatrix, symbols

import symdiff as sd

n, d = symbols("n d", integer=True, positive=True)
x, y = MatrixSymbol("x", n, d), MatrixSymbol("y", n, 1)
w = MatrixSymbol("w", d, 1)
b, penalty = symbols("b penalty")

p = sd.sigmoid(x*w + b*OneMatrix(n, 1))
logistic = sd.Model(
    sd.binary_cross_entropy(p, y) + penalty*sd.norm(w)**2,
    params=[w, b],
    data=[x, y],
    constants=[penalty],
    outputs={"probability": p},
)
