"""Linear regression: a straight line through points, by the mean squared error."""

from sympy import MatrixSymbol, OneMatrix, symbols

import symdiff as sd

x, y = symbols("x y")
w, b = symbols("w b")
prediction = w*x + b

line = sd.Model(sd.mean((prediction - y)**2), params=[w, b], data=[x, y], outputs={"predict": prediction})

# The same in matrix algebra: n samples of d features in the rows of X, weights and bias as columns.
n, d = symbols("n d", integer=True, positive=True)
X, Y = MatrixSymbol("X", n, d), MatrixSymbol("Y", n, 1)
W, B = MatrixSymbol("W", d, 1), MatrixSymbol("B", 1, 1)
predictions = X*W + OneMatrix(n, 1)*B

plane = sd.Model(sd.mse(predictions, Y), params=[W, B], data=[X, Y], outputs={"predict": predictions})
