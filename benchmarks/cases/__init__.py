"""The cases, in the order of the tables."""

from benchmarks.cases.black_scholes import BLACK_SCHOLES
from benchmarks.cases.hessian import HESSIAN
from benchmarks.cases.lenet import LENET
from benchmarks.cases.line import LINE
from benchmarks.cases.logistic import LOGISTIC
from benchmarks.cases.mixture import MIXTURES
from benchmarks.cases.net import NETS
from benchmarks.cases.oscillator import OSCILLATOR
from benchmarks.cases.softmax import SOFTMAX

CASES = {
    case.name: case for case in (LINE, *NETS, OSCILLATOR, LOGISTIC, SOFTMAX, *MIXTURES, BLACK_SCHOLES, HESSIAN, LENET)
}
