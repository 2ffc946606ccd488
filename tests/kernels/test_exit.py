"""The interpreter exits while daemon threads are in the middle of compiled calls."""

import subprocess
import sys

import pytest

TRAIN_UNTIL_EXIT = """
import os, sys, threading, time
sys.path[:0] = {path!r}
import numpy as np
from test_interrupts_threads import SHARINGS, Training

layer_dims, n_examples, batch, _ = SHARINGS["{name}"]
trainings = [Training(layer_dims, n_examples, batch=batch, n_threads={n_threads}) for _ in range(3)]
threads = os.listdir("/proc/self/task")

class LastObject:
    def __del__(self, wait=time.sleep, listed=os.listdir, count=len, write=os.write, before=len(threads)):
        wait(0.3)
        write(1, b"%d" % (count(listed("/proc/self/task")) - before))

sys.last_object = LastObject()  # dropped late: by then the interpreter ends every other thread that asks for the GIL
for training in trainings:
    threading.Thread(target=training.train, args=(10**6,), daemon=True).start()
example = np.zeros(layer_dims[0])
while any(training.engine.predict_one(training.parameters, example, True) is not None for training in trainings):
    time.sleep(0.01)  # an engine in use predicts nothing
while len(os.listdir("/proc/self/task")) < len(threads) + 3 * {n_threads}:
    time.sleep(0.01)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads as Linux does")
@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("name", ["chunks", "rows"])
def test_calls_of_daemon_threads_go_on_until_the_process_ends(name, n_threads):
    """If the calling thread ended, the others would crash sooner or later: they use its stack."""
    script = TRAIN_UNTIL_EXIT.format(path=[p for p in sys.path if p], name=name, n_threads=n_threads)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout, run.stderr) == (0, str(3 * n_threads), "")
