"""Matrix factorisation: a table of which some entries are known, as a product of two thin matrices."""

from sympy import HadamardProduct, MatrixSymbol, symbols

import symdiff as sd

n, m, k = symbols("n m k", integer=True, positive=True)
table, known = MatrixSymbol("table", n, m), MatrixSymbol("known", n, m)  # known: 1 where the entry is known, else 0
rows, columns = MatrixSymbol("rows", n, k), MatrixSymbol("columns", m, k)
penalty = symbols("penalty")

factorization = sd.Model(
    sd.norm(HadamardProduct(known, rows*columns.T - table))**2/2 + penalty*(sd.norm(rows)**2 + sd.norm(columns)**2)/2,
    params=[rows, columns],
    constants=[table, known, penalty],
)
