"""`symdiff bench`: the time of a model's generated functions beside that of other libraries.

    inputs --> problem --> steps of symdiff and of the frameworks --> one call each, compared --> in turns, timed

The frameworks are given the same forward computation as for `symdiff compare`, and differentiate it themselves.
"""

from symdiff.bench.inputs import parse_sizes
from symdiff.bench.run import PEERS, bench
from symdiff.bench.timing import Contender, Timing

__all__ = ["PEERS", "Contender", "Timing", "bench", "parse_sizes"]
