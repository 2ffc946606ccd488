"""The engine of the playground in Node, a browser's engine without the browser, beside the native baseline kernels."""

import hashlib
import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measure import Options
from report import Result, cell, markdown_table
from training_workloads import DIGITS, TRAININGS
from workloads import ACTIVATIONS, LAYER_DIMS, LEARNING_RATE, SEED_F64

import fastmlp
from fastmlp import MLP, _kernels
from fastmlp.training import TrainingState

DRIVER = Path(__file__).parents[2] / "tests" / "lab" / "engine_driver.mjs"
PLAYGROUND = Path(fastmlp.__file__).parent / "lab" / "playground"
ADAM = {"method": "adam", "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
SCRIPT = """
const [dims, activations, loss] = network;
const model = engine.model(dims, activations, loss);
model.setOptimizer(optimizer, rate);
model.setData(X, y, { batchSize });
const seconds = [];
for (let run = 0; run < 2; run++) {  // compiled during the first
    model.restart();
    model.parameters = start;
    const before = process.cpuUsage();
    model.train(epochs, { lossEvery: epochs });
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
}
return [seconds[1], hash(model.parameters)];
"""


@dataclass(frozen=True)
class Case:
    """A training in both engines."""

    name: str
    model: MLP
    start: np.ndarray
    data: tuple[np.ndarray, np.ndarray]
    options: dict[str, Any]

    def native(self) -> tuple[float, str]:
        """CPU seconds, and the hash of the parameters."""
        self.model.parameters[:] = self.start
        self.model.training_state = TrainingState()
        before = time.process_time()
        self.model.train(*self.data, report_every=self.options["epochs"], n_threads=1, seed=0, **self.options)
        seconds = time.process_time() - before
        return seconds, hashlib.sha256(self.model.parameters.tobytes()).hexdigest()

    def in_node(self) -> tuple[float, str]:
        """The same of the WebAssembly."""
        inputs = {
            "network": [self.model.plan.layer_dims, self.model.plan.activations, self.model.loss.name],
            "optimizer": ADAM if self.options["optimizer"] == "adam" else {},
            "rate": self.options["learning_rate"],
            "batchSize": self.options["batch_size"],
            "epochs": self.options["epochs"],
            "start": self.start.tolist(),
            "X": self.data[0].ravel().tolist(),
            "y": self.data[1].tolist(),
        }
        given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in inputs.items())
        call = ["node", DRIVER, PLAYGROUND / "engine.wasm", PLAYGROUND / "web" / "engine.js"]
        done = subprocess.run(call, input=given + SCRIPT, check=True, stdout=subprocess.PIPE, text=True)
        seconds, hashed = json.loads(done.stdout)
        return seconds, hashed


def cases() -> list[Case]:
    X, Y = SEED_F64.data
    options = {"epochs": 15_000, "batch_size": None, "optimizer": "sgd", "learning_rate": LEARNING_RATE}
    model = MLP(LAYER_DIMS, activation=ACTIVATIONS[0])
    found = [Case(f"{SEED_F64.name}, 15,000 iterations", model, SEED_F64.start, (X.T, Y[0]), options)]
    digits = next(w for w in TRAININGS if w.name == DIGITS[0] and w.dtype == "float64")
    options = {"epochs": 5, "batch_size": digits.batch_size, "optimizer": "adam", "learning_rate": 1e-3}
    return [*found, Case(f"{digits.name}, Adam, 5 epochs", digits.model(), digits.start, digits.data, options)]


def measure(options: Options) -> Result:
    """CPU time in Node over that of the native baseline kernels, once both have the same bits."""
    if shutil.which("node") is None:
        return Result("**In the browser**: not measured, there is no node here.")
    version = subprocess.run(["node", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    rounds, before, rows = options.share(4), _kernels.current_isa(), []
    _kernels.select_isa("baseline")
    for case in cases():
        found = []
        for _ in range(rounds):
            (native, native_bits), (node, node_bits) = case.native(), case.in_node()
            if native_bits != node_bits:
                raise AssertionError(f"{case.name}: the engines trained to different bits")
            found.append((native, node))
        seconds = np.array(found)
        ratio = float(np.median(seconds[:, 1] / seconds[:, 0]))
        rows.append([case.name, *(f"{least * 1e3:.3g}" for least in seconds.min(axis=0)), cell(ratio)])
    _kernels.select_isa(before)
    caption = (
        f"**In the browser**: CPU time of the playground's engine in Node {version} over that of the native baseline "
        f"kernels (SSE2), float64, one thread, the median of {rounds} rounds in turn; both trained to the same bits."
    )
    columns = ["training", "native, ms", "Node, ms", "Node / native"]
    return Result(f"{caption}\n\n{markdown_table(columns, rows, n_texts=1)}")
