"""Softmax regression: a linear score for each of c classes, from n samples of d features."""

from sympy import symbols

import symdiff as sd

n, d, c = symbols("n d c", integer=True, positive=True)
x, label = sd.Tensor("x", (n, d)), sd.Tensor("label", n, dtype=int)
w, b = sd.Tensor("w", (d, c)), sd.Tensor("b", c)
penalty = symbols("penalty")

scores = x @ w + b
softmax = sd.Model(
    sd.cross_entropy(scores, label) + penalty*sd.sum(w**2),
    params=[w, b],
    data=[x, label],
    constants=[penalty],
    outputs={"probability": sd.softmax(scores)},
)
