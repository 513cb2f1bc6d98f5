"""The first lessons of an automatic differentiation tutorial, each as a model."""

from sympy import Matrix, MatrixSymbol, symbols

import symdiff as sd

n, m = symbols("n m", integer=True, positive=True)
x, y, w, b = symbols("x y w b")
x1, x2 = symbols("x1 x2")
X, V = MatrixSymbol("X", n, m), MatrixSymbol("V", n, 1)
T = sd.Tensor("T", n)

# A function of scalars; x is a constant, so it gets no gradient. `symdiff show model.py:affine --graph affine.svg` draws
# it: inputs as round boxes, operations as square ones.
affine = sd.Model(w*x + b, params=[w, b], constants=[x])

# Without data a scalar model is a pointwise function: arrays go in, and arrays of that shape come out.
square = sd.Model(x**2 + 3, params=[x])

# Of a matrix, the gradient of a sum or a mean.
square_sum = sd.Model(sd.sum(V.applyfunc(lambda e: e**2 + 3)), params=[V])
scaled_mean = sd.Model(sd.mean(X.applyfunc(lambda e: 3*(e + 2)**2)), params=[X])

# Vectors have a Jacobian, and its products with a vector.
pair = sd.Model(outputs={"y": Matrix([x1**2 + 3*x2, x2**2 + 2*x1])}, params=[x1, x2])
double = sd.Model(outputs={"y": 2*V}, params=[V])

# What stop_gradient holds counts as a constant: here 4 where T is 1, so the gradient is 4 and not 6.
detached = sd.Model(sd.sum(sd.stop_gradient(T**2 + 3)*T), params=[T])

# A gradient is an expression again, so it makes a model again.
quartic = sd.Model(x**4, params=[x])
slope = sd.Model(sd.gradient(quartic)[x], params=[x])
curvature = sd.Model(sd.gradient(slope)[x], params=[x])

# Gradients of a sum over samples add up, batch by batch.
squared_error = sd.Model(sd.sum((w*x + b - y)**2), params=[w, b], data=[x, y])
