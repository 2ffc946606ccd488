#!/usr/bin/env bash
# Build the extension with AddressSanitizer and UBSan in a folder of its own and run the tests on it.
# Usage: tests/run_sanitized.sh [python]
set -euo pipefail
python=${1:-python}
cd "$(dirname "$0")/.."
copy=build/sanitize
rm -rf "$copy"
mkdir -p "$copy"
cp -r fastmlp tests setup.py pyproject.toml README.md LICENSE "$copy"
cd "$copy"
rm -f fastmlp/*.so
FASTMLP_SANITIZE=1 "$python" setup.py -q build_ext --inplace
runtime=$(gcc -print-file-name=libasan.so)
# Python's own allocations at exit are not ours; malloc is needed to see past the ends of its small objects
export LD_PRELOAD="$runtime $(gcc -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 PYTHONMALLOC=malloc
export PYTHONPATH=$PWD
# left out: what measures memory, the WebAssembly, the examples (a kernel of their own), and subprocesses without these variables
"$python" -m pytest -q tests --ignore=tests/kernels/test_memory.py --ignore=tests/lab/test_table_memory.py \
    --ignore=tests/test_example_notebook.py --ignore=tests/test_package.py --ignore=tests/test_gate.py \
    --ignore=tests/notebook/test_notebook_script.py --ignore=tests/lab/test_playground_engine.py
