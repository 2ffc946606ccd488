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
export LD_PRELOAD="$runtime $(gcc -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc
export PYTHONPATH=$PWD FASTMLP_SANITIZED=1
"$python" -m pytest -q tests/test_step.py tests/test_layerwise.py tests/test_elementary.py tests/test_loss.py \
    tests/test_bits.py tests/test_interrupts_threads.py tests/test_network*.py tests/test_notebook*.py tests/test_lab.py
