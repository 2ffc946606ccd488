"""Scripts that run against the playground's modules under Node."""

import json
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import fastmlp
from fastmlp import _kernels
from fastmlp.lab.playground.bundle import bundled

ENGINE = Path(fastmlp.__file__).parent / "lab" / "playground" / "engine.wasm"
DRIVER = Path(__file__).parent / "lab" / "engine_driver.mjs"
NODE = shutil.which("node")
# the log that the engine's normal numbers are made from; another may change their last place
HAS_GLIBCS_FUSED_LOG = "avx2" in _kernels.available_isas() and platform.libc_ver()[0] == "glibc"

needs_node = pytest.mark.skipif(NODE is None, reason="needs node on the PATH (Debian's nodejs)")


def in_node(script, modules=("engine.js",), **inputs):
    """What a script returns, with inputs as constants of these names; see engine_driver.mjs."""
    given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in inputs.items())
    with tempfile.NamedTemporaryFile("w", suffix=".js") as file:
        file.write(bundled("engine.js", *modules, keep_exports=True))
        file.flush()
        call = [NODE, DRIVER, ENGINE, file.name]
        done = subprocess.run(call, input=given + script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
