"""One row through the C source that `to_c` writes, by GCC and by Clang, beside emlearn's and `predict_one`."""

import ctypes
import platform
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import OURS, Contender, Options, Times, repeated
from report import Result, markdown_table

from fastmlp import MLP

COMPILERS = ("gcc", "clang")
OPTIONS = {"x86_64": ["-mavx2", "-mfma"]}.get(platform.machine(), [])
NETWORKS = (  # widths, hidden activation; a single layer is what RTNeural's figures are for
    ((16, 16), "relu"),
    ((64, 64), "relu"),
    ((16, 16, 16), "tanh"),
    ((64, 64, 64), "tanh"),
    ((2, 10, 5, 1), "relu"),
)
CALLS, CALLS_OF_PYTHON = 20_000, 500
TARGETS = {(16, 16): 40, (64, 64): 600}  # nanoseconds
QUOTED = (
    "Quoted, not measured here: RTNeural's networks of fixed shape take 18 ns for 16-16 and 270 to 310 ns for 64-64 on "
    "an i7-8700B; emlearn's README names 2 kB of flash and 50 bytes of RAM as the least of its models, and no time."
)
EMLEARN = "emlearn"
EMLEARN_ATOL = 1e-3  # its weights have six decimals
EMLEARN_SOURCE = """
#include "network.h"
void one_row(const float *inputs, float *outputs) {{ peer_regress(inputs, {n_inputs}, outputs, {n_outputs}); }}
"""
EMLEARN_DRIVER = """
void one_row(const float *inputs, float *outputs);
float inputs[{n_inputs}], outputs[{n_outputs}];
void run(int calls)
{{
    for (int i = 0; i < calls; i++) {{
        one_row(inputs, outputs);
        inputs[0] = outputs[0] * 1e-3f;
    }}
}}
"""
DRIVER = """
#include "net.h"
{real} inputs[{n_inputs}], outputs[{n_outputs}], scratch[{n_scratch}];
void run(int calls)
{{
    for (int i = 0; i < calls; i++) {{
        net_predict(inputs, outputs, scratch);
        inputs[0] = outputs[0] * ({real})1e-3; /* each call waits for the one before */
    }}
}}
int test(void) {{ return net_self_test(outputs, scratch); }}
"""


def compiled(model: MLP, compiler: str, folder: Path) -> Callable[[int], None]:
    """The function that predicts so many rows, after the self-test passed."""
    model.to_c(folder / "net.c")
    dims, real = model.plan.layer_dims, {"float32": "float", "float64": "double"}[model.plan.dtype.name]
    n_scratch = max(1, sum(dims[1:-1]))
    text = DRIVER.format(real=real, n_inputs=dims[0], n_outputs=dims[-1], n_scratch=n_scratch)
    (folder / "driver.c").write_text(text)
    library = folder / "net.so"
    sources = [str(folder / "net.c"), str(folder / "driver.c")]
    command = [compiler, "-std=c99", "-O3", *OPTIONS, "-shared", "-fPIC", *sources, "-o", str(library)]
    subprocess.run(command, check=True)
    functions = ctypes.CDLL(str(library))
    if functions.test() != 0:
        raise AssertionError(f"{dims}, {compiler}: the self-test failed")
    return functions.run


def emlearn_compiled(model: MLP, compiler: str, folder: Path) -> Callable[[int], None] | None:
    """The same of emlearn's inline C, after its outputs were found to be ours; None for what it does not have."""
    dims = model.plan.layer_dims
    if model.plan.dtype != np.float32 or len(dims) == 2:
        return None
    try:
        import emlearn
    except ImportError:
        return None
    from sklearn.neural_network import MLPRegressor

    peer = MLPRegressor(hidden_layer_sizes=dims[1:-1], activation=model.plan.activations[0], max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one iteration cannot converge
        peer.fit(np.zeros((2, dims[0])), np.zeros((2, dims[-1])).squeeze())
    peer.coefs_, peer.intercepts_ = [W.T.copy() for W in model.weights], [b.copy() for b in model.biases]
    emlearn.convert(peer, method="inline", dtype="float").save(file=str(folder / "network.h"), name="peer")
    sizes = {"n_inputs": dims[0], "n_outputs": dims[-1]}
    (folder / "peer.c").write_text(EMLEARN_SOURCE.format(**sizes))
    (folder / "driver.c").write_text(EMLEARN_DRIVER.format(**sizes))
    sources, library = [str(folder / "peer.c"), str(folder / "driver.c")], folder / "peer.so"
    includes = [f"-I{Path(emlearn.__file__).parent}"]
    command = [
        compiler,
        "-std=gnu99",
        "-w",
        "-O3",
        *OPTIONS,
        *includes,
        "-shared",
        "-fPIC",
        *sources,
        "-lm",
        "-o",
        str(library),
    ]
    subprocess.run(command, check=True)
    functions = ctypes.CDLL(str(library))
    x, outputs = np.linspace(-1, 1, dims[0], dtype=np.float32), np.empty(dims[-1], np.float32)
    functions.one_row(*(array.ctypes.data_as(ctypes.c_void_p) for array in (x, outputs)))
    np.testing.assert_allclose(outputs, model.predict_one(x), atol=EMLEARN_ATOL)
    return functions.run


def nanoseconds(times: Times, workload: tuple, name: str) -> str:
    return f"{times.best(workload, name) * 1e9:.0f}" if times.took_part(workload, name) else ""


def measure(options: Options) -> Result:
    """Nanoseconds per row."""
    found = [name for name in COMPILERS if shutil.which(name)]
    contenders = []
    with tempfile.TemporaryDirectory() as root:
        for dtype in ("float32", "float64"):
            for dims, activation in NETWORKS:
                model = MLP(dims, activation=activation, loss="squared_error", dtype=dtype, seed=0)
                x, workload = np.zeros(dims[0], dtype), (dims, activation, dtype)
                call = repeated(lambda model=model, x=x: model.predict_one(x), CALLS_OF_PYTHON)
                contenders.append(Contender(workload, OURS, call, CALLS_OF_PYTHON))
                for compiler in found:
                    folder = Path(tempfile.mkdtemp(dir=root))
                    run = compiled(model, compiler, folder)
                    contenders.append(Contender(workload, compiler, lambda run=run: run(CALLS), CALLS))
                run = emlearn_compiled(model, found[0], Path(tempfile.mkdtemp(dir=root)))
                if run is not None:
                    contenders.append(Contender(workload, EMLEARN, lambda run=run: run(CALLS), CALLS))
        times = Times(contenders, options.share(2))
    rows = [
        [
            "-".join(map(str, dims)) + (f" {activation}" if len(dims) > 2 else ""),
            dtype,
            *(nanoseconds(times, (dims, activation, dtype), name) for name in (*found, EMLEARN, OURS)),
            str(TARGETS.get(dims, "")),
        ]
        for dtype in ("float32", "float64")
        for dims, activation in NETWORKS
    ]
    caption = (
        f"**One row through exported C**, compiled with `-std=c99 -O3 {' '.join(OPTIONS)}`, each the least of "
        f"{times.rounds} rounds; a network of two widths is one dense layer. emlearn's inline C, in float32 and for "
        f"networks with a hidden layer, has the same options. {QUOTED}"
    )
    names = [f"{name}, ns" for name in found] + [f"emlearn with {found[0]}, ns"]
    columns = ["network", "dtype", *names, "`predict_one` from Python, ns", "target, ns"]
    return Result(f"{caption}\n\n{markdown_table(columns, rows)}")
