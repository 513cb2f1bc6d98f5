"""A damped oscillation a exp(-g t) cos(w t + p) + c, fitted to samples by the mean squared error."""

from sympy import cos, exp, symbols

import symdiff as sd

t, y = symbols("t y")
a, g, w, p, c = symbols("a g w p c")
displacement = a*exp(-g*t)*cos(w*t + p) + c

oscillator = sd.Model(
    sd.mean((displacement - y)**2), params=[a, g, w, p, c], data=[t, y], outputs={"displacement": displacement}
)
