"""``gpu.md``: what every step needs on a GPU, counted, and what the compiler says of its kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.examples import example
from benchmarks.gpu.cases import CASES, DTYPE
from benchmarks.gpu.count import count, planned
from benchmarks.gpu.kernels import ARCHITECTURES, nvrtc, resources, sources
from benchmarks.report import Rows, line, table
from symdiff.model import Model

HEAD = """\
# What a step needs on a GPU

Nothing here was run on a GPU: there was none, so no time and no speed follows from these figures. They are counted, and
`python -m benchmarks.gpu --count` writes them again; `make bench-gpu` is for a machine that has a GPU.

- **Launches** are the kernels of the generated module, **library calls** what it leaves to CuPy: products of matrices, and in
  LeNet windows and pooling too. Such a call may be several kernels. Both are steps of the plan.
- **Read** and **written** are the bytes that these move: each array that a kernel or a call takes, once for each of them,
  whatever caches do, and each result. Not counted: what blocks leave for the last of them to add up (1024 numbers at most
  for a sum over all entries), and copies that CuPy makes of an array whose axes are transposed before a kernel
  reads it (in the mixture and in LeNet).
- **Least bytes** are the arguments once and the results once: what any program must move, whatever it keeps in between.
- **Operations** are those of `symdiff compile`: an elementwise one counts 1 an entry, a product of matrices 2 for each term,
  of X^T X only one half.
"""
KERNELS = """\
For each kernel the registers of a thread, the bytes of shared memory of a block that its source fixes, and the bytes of
registers that are spilled to memory, as NVRTC {version} compiles it with the options that CuPy gives. Blocks have 256 threads.
"""


@dataclass(frozen=True)
class Row:
    """A step of the tables."""

    title: str
    model: Callable[[], Model]
    function: str
    sizes: Mapping[str, int]
    dtype: type = np.float64


def _example(folder: str, name: str, title: str, dtype: type = np.float64, **sizes: int) -> Row:
    return Row(title, partial(example, folder, name), "value_and_grad", sizes, dtype)


EXAMPLES = (
    _example("linear_regression", "line", "line", N=11),
    _example("linear_regression", "plane", "line by matrices", n=11, d=1),
    _example("two_layer_net", "net", "two-layer net", n=64, d=1000, k=100, o=10),
    _example("logistic_regression", "logistic", "logistic regression, tumours", n=426, d=30),
    _example("damped_oscillator", "oscillator", "damped oscillator", N=100_000),
    _example("gaussian_mixture", "mixture", "mixture of Gaussians", n=2000, K=4, d=3),
    _example("lenet", "lenet", "LeNet", np.float32, n=64),
)
ROWS = (*EXAMPLES, *(Row(one.case.title, one.case.model, one.function, one.sizes, DTYPE) for one in CASES))


def report() -> Rows:
    """The whole page."""
    return [*HEAD.splitlines(), "", "## Steps", "", *steps(), "", "## Kernels", "", *kernels()]


def steps() -> Rows:
    """Launches, bytes and operations of each step."""
    heads = ["step", "sizes", "launches", "library calls", "read", "written", "least bytes"]
    rows = table([*heads, "bytes / least", "operations"])
    for row in ROWS:
        sizes = ", ".join(f"{name} = {number:,}" for name, number in row.sizes.items())
        found = count(planned(row.model(), row.function), row.sizes, np.dtype(row.dtype).itemsize)
        cells = [row.title, f"{sizes}, {row.dtype.__name__}", str(found.launches), str(found.calls)]
        cells += [amount(found.read), amount(found.written), amount(found.least), f"{found.bytes / found.least:.2f}"]
        rows.append(line([*cells, amount(found.operations, "")]))
    return rows


def kernels() -> Rows:
    """What each kernel needs, by the compiler; steps that differ in sizes alone share their kernels."""
    if nvrtc.MISSING:
        return [f"Not there: {nvrtc.MISSING}."]
    heads = [f"{name}: {what}" for name in ARCHITECTURES for what in ("registers", "shared", "spilled")]
    rows = table(["kernel", "dtype", *heads])
    for title, name, dtype, code in listed():
        needed = [str(number) for found in resources(code) for number in found]
        rows.append(line([f"{title}: `{name}`", dtype.__name__, *needed]))
    return [*KERNELS.format(version=nvrtc.VERSION).splitlines(), "", *rows]


def write(path: Path) -> None:
    """Write the page."""
    path.write_text("\n".join(report()) + "\n", encoding="utf-8")


def listed() -> Iterator[tuple[str, str, type, str]]:
    """The title, name, dtype and source of every kernel, those that steps share once."""
    seen: set[tuple[str, str]] = set()
    for row in ROWS:
        for name, code in sources(row.model(), row.function, row.dtype).items():
            if (name, code) not in seen:
                seen.add((name, code))
                yield row.title, name, row.dtype, code


def amount(number: int, unit: str = "B") -> str:
    """A number of bytes or operations, with three digits."""
    scales: Sequence[tuple[str, int]] = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3))
    prefix, scale = next((pair for pair in scales if number >= pair[1]), ("", 1))
    return f"{float(f'{number / scale:.3g}'):g} {prefix}{unit}".rstrip()
