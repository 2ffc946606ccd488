"""Print the ratio table: peers' times over ours, from one interleaved run on one thread.

Usage: python benches/compare.py [--isa avx2|avx512] [--rounds N] [--quick] [--update-readme]
"""

import argparse
import os
import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- ratio table: begin -->", "<!-- ratio table: end -->"
PACKAGES = ("numpy", "scikit-learn", "torch", "jax", "numba")
CORE_TYPES = {"avx2": "Haswell"}  # the OpenBLAS kernels of an instruction set below the machine's best
ONE_THREAD = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"),
    "NPROC": "1",  # the size of XLA's own thread pool
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--isa", choices=["avx2", "avx512"], help="our kernels; the machine's best without it")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="5 rounds: a look, not a measurement")
    parser.add_argument("--update-readme", action="store_true", help="write the table into README.md")
    return parser.parse_args()


def set_environment(isa: str | None) -> None:
    """Threads, our kernels and OpenBLAS's, all of which are read when NumPy or fastmlp is imported."""
    os.environ.update(ONE_THREAD)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)  # NumPy at its best
    if isa:
        os.environ["FASTMLP_ISA"] = isa
    if isa in CORE_TYPES:
        os.environ["OPENBLAS_CORETYPE"] = CORE_TYPES[isa]


def cpu_model() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def header(times, absent: dict[str, str]) -> str:
    """What was measured, where and how, in the lines above the table."""
    from threadpoolctl import threadpool_info

    import fastmlp

    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    kernels = sorted({f"{pool['internal_api']} {pool['version']} ({pool.get('architecture')})" for pool in blas})
    isa = fastmlp.show_config(mode="dict")["isa"]
    text = (
        f"fastmlp {fastmlp.__version__} with its {isa} kernels, {versions()}, {', '.join(kernels)}; {cpu_model()}, "
        f"{platform.system()}, {max(pool['num_threads'] for pool in blas)} thread.\n"
        f"A ratio is the peer's CPU time over ours, the median of {times.rounds} interleaved rounds: above 1 "
        "fastmlp is faster. Our microseconds are the least of all rounds. The limit is the time that the FLOPs "
        f"take at the rate of NumPy's `A @ A` (512 x 512) in the same rounds: {times.gemm_rate('float64'):.0f} "
        f"GFLOP/s in float64, {times.gemm_rate('float32'):.0f} in float32."
    )
    if os.environ.get("OPENBLAS_CORETYPE"):
        core = os.environ["OPENBLAS_CORETYPE"]
        text += (
            f"\nOpenBLAS runs its {core} kernels, as the limit of this instruction set asks: NumPy, scikit-learn and "
        )
        text += "Numba have them for their products too. All else of the peers uses what the processor has."
    if absent:
        text += "\nLeft out: " + "; ".join(f"{name} ({reason})" for name, reason in absent.items()) + "."
    return text


def cell(ratio: float | None) -> str:
    """Three digits, or nothing for a peer that took no part."""
    return "" if ratio is None else f"{ratio:.{1 if ratio >= 10 else 2}f}"


def table(times, peer_names: list[str]) -> str:
    """The ratios in Markdown."""
    from workloads import NOTEBOOK, PUBLISHED, TRAININGS

    columns = ["workload", "dtype", *(f"{name} / ours" for name in peer_names), "ours, us per epoch", "x gemm limit"]
    lines = ["| " + " | ".join(columns) + " |", "| --- | --- |" + " ---: |" * (len(columns) - 2)]
    for workload in (*TRAININGS, PUBLISHED, NOTEBOOK):
        ratios = [times.ratio(workload, name) for name in peer_names]
        cells = [workload.name, workload.dtype, *map(cell, ratios)]
        cells += [f"{times.best(workload) * 1e6:.2f}", f"{times.times_limit(workload):.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figures(times) -> str:
    """What no row shows: float64 over float32, and how time grows with the examples."""
    from workloads import LARGE_F64, SEED_F32, SEED_F64

    growth = LARGE_F64.n_examples / SEED_F64.n_examples
    return (
        "(1) The published code computes the loss in every iteration and prints every thousandth; ours computes those "
        "it prints. In the rows above only scikit-learn, which cannot do without, computes a loss in every epoch.\n\n"
        f"Ours, float64 over float32: {times.ratio_of_ours(SEED_F64, SEED_F32):.2f}. Ours, 30,000 examples over "
        f"{growth:.0f} times 300: {times.ratio_of_ours(LARGE_F64, SEED_F64) / growth:.2f}."
    )


def update_readme(text: str) -> None:
    """Put `text` between README.md's markers, the file whole or not at all."""
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=README.parent, delete=False) as file:
        file.write(f"{before}{BEGIN}\n{text}\n{END}{after}")
    Path(file.name).chmod(README.stat().st_mode)
    Path(file.name).replace(README)  # os.replace: whole or not at all


def require_markers() -> None:
    """Stop before measuring if there is no place for the table."""
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        sys.exit(f"README.md must have the lines {BEGIN} and {END}, once and in this order")


def main() -> None:
    arguments = parse_arguments()
    if arguments.update_readme:
        require_markers()
    set_environment(arguments.isa)
    from measure import Times, all_contenders
    from peers import PEERS

    contenders, absent = all_contenders()
    times = Times(contenders, 5 if arguments.quick else arguments.rounds)
    peer_names = [name for name in PEERS if name not in absent]
    text = "\n\n".join([header(times, absent), table(times, peer_names), figures(times)])
    print(text)
    if arguments.update_readme:
        update_readme(text)


if __name__ == "__main__":
    main()
