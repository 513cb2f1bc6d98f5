"""Every example with ``--backend cupy`` trains there as on NumPy; without a GPU, on the stand-in for CuPy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import compile_examples
import numpy as np
import pytest
from as_cupy import stand_in

ROOT = Path(__file__).resolve().parents[2]
Result = tuple[list, list]  # numbers that are compared, of the parameters and of the losses


@pytest.fixture(scope="module")
def cp() -> Iterator[ModuleType]:
    """The stand-in for CuPy, as what the committed modules import."""
    with stand_in() as cupy:
        try:
            cupy.compile_all([('extern "C" __global__ void nothing() {}', "nothing")])
        except cupy.CompilerMissing as error:
            pytest.skip(str(error))
        yield cupy


def oscillator(train: ModuleType, backend: str, patch: pytest.MonkeyPatch) -> Result:
    return train.main(steps=20, n=700, backend=backend)


def mixture(train: ModuleType, backend: str, patch: pytest.MonkeyPatch) -> Result:
    shares, means, likelihoods = train.main(n=80, iterations=4, backend=backend)
    assert isinstance(means, np.ndarray)
    return [*shares, *means.ravel()], likelihoods


def lenet(train: ModuleType, backend: str, patch: pytest.MonkeyPatch) -> Result:
    """Two steps on six images."""
    image, label, image_test, label_test = train.digits()
    patch.setattr(train, "digits", lambda: (image[:6], label[:6], image_test[:3], label_test[:3]))
    params, right = train.main(epochs=1, batch=3, backend=backend)
    return [float(p.sum()) for p in params], [right]


def line(train: ModuleType, backend: str, patch: pytest.MonkeyPatch) -> Result:
    w, b, losses = train.main(epochs=100, backend=backend)
    _, _, by_columns = train.main_matrix(epochs=100, backend=backend)
    assert by_columns == pytest.approx(losses, rel=1e-9)
    return [float(w), float(b)], [*losses.values()]


def logistic(train: ModuleType, backend: str, patch: pytest.MonkeyPatch) -> Result:
    """A tenth of the tumours."""
    parts = train.tumours()
    patch.setattr(train, "tumours", lambda: tuple(part[:40] for part in parts))
    w, b, right = train.main(backend=backend)
    return [*w.ravel(), b], [right]


def net(train: ModuleType, backend: str, patch: pytest.MonkeyPatch) -> Result:
    return [], train.main(steps=20, backend=backend)


TRAINED: dict[str, tuple[Callable[..., Result], float]] = {  # with the largest difference between the backends
    "damped_oscillator": (oscillator, 1e-11),
    "gaussian_mixture": (mixture, 1e-7),
    "lenet": (lenet, 1e-4),  # in single precision
    "linear_regression": (line, 1e-12),
    "logistic_regression": (logistic, 1e-5),
    "two_layer_net": (net, 1e-12),
}


@pytest.mark.parametrize("name", compile_examples.ON_A_GPU)
def test_an_example_trains_on_either_backend(
    cp: ModuleType, name: str, example: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run, tolerance = TRAINED[name]
    on_device, on_host = (run(example(name, "train"), backend, monkeypatch) for backend in ("cupy", "numpy"))
    for one, other in zip(on_device, on_host, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", compile_examples.ON_A_GPU)
def test_one_flag_names_the_backend(name: str) -> None:
    script = ROOT / "examples" / name / "train.py"
    asked = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True)
    assert "--backend {numpy,cupy}" in asked.stdout
