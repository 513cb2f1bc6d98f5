"""Ridge regression: least squares with a quadratic penalty on the weights; n samples of d features."""

from sympy import MatrixSymbol, OneMatrix, symbols

import symdiff as sd

n, d = symbols("n d", integer=True, positive=True)
x, y = MatrixSymbol("x", n, d), MatrixSymbol("y", n, 1)
w = MatrixSymbol("w", d, 1)
b, penalty = symbols("b penalty")

prediction = x*w + b*OneMatrix(n, 1)
ridge = sd.Model(
    sd.mse(prediction, y) + penalty*sd.norm(w)**2,
    params=[w, b],
    data=[x, y],
    constants=[penalty],
    outputs={"predict": prediction},
)
