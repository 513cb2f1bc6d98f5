"""A two-layer ReLU network and its squared error: n samples, d inputs, k hidden units, o outputs."""

from sympy import HadamardPower, MatrixSymbol, symbols

import symdiff as sd

n, d, k, o = symbols("n d k o", integer=True, positive=True)
x, y = MatrixSymbol("x", n, d), MatrixSymbol("y", n, o)
w1, w2 = MatrixSymbol("w1", d, k), MatrixSymbol("w2", k, o)

h = sd.relu(x*w1)
net = sd.Model(sd.sum(HadamardPower(h*w2 - y, 2)), params=[w1, w2], data=[x, y], named={"h": h})
