"""The catalogue of cases: every row is a model and the same in PyTorch; whatever holds of all models is tried on all rows."""

from catalogue import functions, indices, linalg, matrices, scalars, tensors
from catalogue.case import KINDS, Case

ALL = [*scalars.ROWS, *matrices.ROWS, *linalg.ROWS, *indices.ROWS, *tensors.ROWS, *functions.ROWS]

__all__ = ["ALL", "KINDS", "Case"]
