"""Lets the benchmarks find their siblings, and keeps everything to one thread; read before NumPy is imported."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "FASTMLP_NUM_THREADS"):
    os.environ[name] = "1"
