"""The models of the 27 nonlinear regression problems of NIST's Statistical Reference Datasets, as NIST writes them.

Chwirut1 and 2, Gauss1 to 3 and Lanczos1 to 3 are one curve each, with other data.
"""

from sympy import atan, cos, exp, log, pi, sin, symbols

import symdiff as sd

x, x1, x2, y = symbols("x x1 x2 y")
b = b1, b2, b3, b4, b5, b6, b7, b8, b9 = symbols("b1:10")


def seasons(sine, cosine, period):
    """A wave of unknown amplitude and phase."""
    return cosine*cos(2*pi*x/period) + sine*sin(2*pi*x/period)


def peak(height, centre, width):
    """A bell curve."""
    return height*exp(-(x - centre)**2/width**2)


# Lower level of difficulty
misra1a = sd.Model(outputs={"residual": b1*(1 - exp(-b2*x)) - y}, params=b[:2], data=[x, y])
misra1b = sd.Model(outputs={"residual": b1*(1 - (1 + b2*x/2)**-2) - y}, params=b[:2], data=[x, y])
chwirut = sd.Model(outputs={"residual": exp(-b1*x)/(b2 + b3*x) - y}, params=b[:3], data=[x, y])
lanczos = sd.Model(
    outputs={"residual": b1*exp(-b2*x) + b3*exp(-b4*x) + b5*exp(-b6*x) - y}, params=b[:6], data=[x, y]
)
gauss = sd.Model(
    outputs={"residual": b1*exp(-b2*x) + peak(b3, b4, b5) + peak(b6, b7, b8) - y}, params=b[:8], data=[x, y]
)
danwood = sd.Model(outputs={"residual": b1*x**b2 - y}, params=b[:2], data=[x, y])

# Average level of difficulty
kirby2 = sd.Model(
    outputs={"residual": (b1 + b2*x + b3*x**2)/(1 + b4*x + b5*x**2) - y}, params=b[:5], data=[x, y]
)
hahn1 = sd.Model(
    outputs={"residual": (b1 + b2*x + b3*x**2 + b4*x**3)/(1 + b5*x + b6*x**2 + b7*x**3) - y},
    params=b[:7],
    data=[x, y],
)
nelson = sd.Model(outputs={"residual": b1 - b2*x1*exp(-b3*x2) - log(y)}, params=b[:3], data=[x1, x2, y])
mgh17 = sd.Model(outputs={"residual": b1 + b2*exp(-x*b4) + b3*exp(-x*b5) - y}, params=b[:5], data=[x, y])
misra1c = sd.Model(outputs={"residual": b1*(1 - (1 + 2*b2*x)**-0.5) - y}, params=b[:2], data=[x, y])
misra1d = sd.Model(outputs={"residual": b1*b2*x/(1 + b2*x) - y}, params=b[:2], data=[x, y])
roszman1 = sd.Model(outputs={"residual": b1 - b2*x - atan(b3/(x - b4))/pi - y}, params=b[:4], data=[x, y])
enso = sd.Model(
    outputs={"residual": b1 + seasons(b3, b2, 12) + seasons(b6, b5, b4) + seasons(b9, b8, b7) - y},
    params=b[:9],
    data=[x, y],
)

# Higher level of difficulty
mgh09 = sd.Model(outputs={"residual": b1*(x**2 + x*b2)/(x**2 + x*b3 + b4) - y}, params=b[:4], data=[x, y])
mgh10 = sd.Model(outputs={"residual": b1*exp(b2/(x + b3)) - y}, params=b[:3], data=[x, y])
thurber = sd.Model(
    outputs={"residual": (b1 + b2*x + b3*x**2 + b4*x**3)/(1 + b5*x + b6*x**2 + b7*x**3) - y},
    params=b[:7],
    data=[x, y],
)
boxbod = sd.Model(outputs={"residual": b1*(1 - exp(-b2*x)) - y}, params=b[:2], data=[x, y])
rat42 = sd.Model(outputs={"residual": b1/(1 + exp(b2 - b3*x)) - y}, params=b[:3], data=[x, y])
rat43 = sd.Model(outputs={"residual": b1/(1 + exp(b2 - b3*x))**(1/b4) - y}, params=b[:4], data=[x, y])
eckerle4 = sd.Model(outputs={"residual": b1/b2*exp(-((x - b3)/b2)**2/2) - y}, params=b[:3], data=[x, y])
bennett5 = sd.Model(outputs={"residual": b1*(b2 + x)**(-1/b3) - y}, params=b[:3], data=[x, y])
