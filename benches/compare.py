"""Measure the tables of ratios against every installed peer, and draw their pictures.

Usage: python benches/compare.py [--only TABLE]... [--isa avx2|avx512] [--rounds N] [--quick] [--full]
       [--widths N,N,...] [--batches N,N,...] [--update-readme] [--images DIRECTORY]
"""

import argparse
import importlib
import os
import sys
from pathlib import Path

TABLES = {  # names on the command line: module and function that measure them
    "seed": ("tables.seed_table", "measure"),
    "training": ("tables.training_table", "measure"),
    "exponential": ("tables.training_table", "measure_exponential"),
    "one-row": ("tables.one_row", "measure"),
    "widths": ("tables.width_curve", "measure"),
    "examples": ("tables.examples_curve", "measure"),
    "threads": ("tables.threads_table", "measure"),
    "sparse": ("tables.sparse_table", "measure"),
    "watching": ("tables.watching_table", "measure"),
    "diagnosis": ("tables.diagnosis_table", "measure"),
    "estimators": ("tables.estimators_table", "measure"),
    "tabular": ("tables.tabular_table", "measure"),
    "busy": ("tables.busy_table", "measure"),
    "c-export": ("tables.c_export_table", "measure"),
    "browser": ("tables.browser_table", "measure"),
    "page": ("tables.page_table", "measure"),
    "sweep": ("tables.sweep_table", "measure"),
}
MARKERS = {  # tables between each pair of markers in docs/benchmarks.md
    "ratio": ("seed", "training", "exponential", "one-row", "threads"),
    "width": ("widths",),
    "sparse": ("sparse",),
    "watching": ("watching",),
    "diagnosis": ("diagnosis",),
    "estimators": ("estimators", "tabular", "busy"),
    "c-export": ("c-export",),
    "browser": ("browser", "page"),
    "sweep": ("sweep",),
}
SUMMARY = "speed"  # the markers in README.md
CORE_TYPES = {"avx2": "Haswell"}  # the OpenBLAS kernels of an instruction set below the machine's best
THREADS = ("OPENBLAS", "OMP", "MKL", "NUMBA", "FASTMLP")
ONE_THREAD = {
    **{f"{name}_NUM_THREADS": "1" for name in THREADS},
    "NPROC": "1",  # the size of XLA's own thread pool
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def numbers(text: str) -> tuple[int, ...]:
    """The argument of --widths and --batches."""
    return tuple(int(item) for item in text.split(","))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(TABLES), help="this table; may be repeated")
    parser.add_argument("--isa", choices=["avx2", "avx512"], help="our kernels; the machine's best without it")
    parser.add_argument("--rounds", type=int, default=60, help="of the seed table; others take a share")
    parser.add_argument("--quick", action="store_true", help="5 rounds: a look, not a measurement")
    parser.add_argument("--full", action="store_true", help="the matrix exponential's test loss after 10,000 epochs")
    parser.add_argument("--widths", type=numbers, help="of the table of widths, as 8,64,512")
    parser.add_argument("--batches", type=numbers, help="of the table of widths, as 32,256")
    parser.add_argument(
        "--update-readme",
        action="store_true",
        help="write the tables and pictures into the documents; those not run now from their last run",
    )
    parser.add_argument("--images", type=Path, help="draw the pictures there")
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


def require_markers() -> None:
    """Stop before measuring if there is no place for the tables."""
    import report

    places = [(report.README, SUMMARY), *((report.BENCHMARKS, name) for name in MARKERS)]
    for path, name in places:
        if not report.has_markers(path, name):
            begin, end = report.markers(name)
            sys.exit(f"{path.name} must have the lines {begin} and {end}, once and in this order")


def update_documents(isa: str) -> None:
    """Write all tables, as they were measured last, and their summary between the markers."""
    import report
    import summary

    results = {name: report.saved(isa, name) for names in MARKERS.values() for name in names}
    missing = [name for name, result in results.items() if result is None]
    if missing:
        sys.exit(f"not measured yet, so nothing was written: {', '.join(missing)}")
    for marker, names in MARKERS.items():
        heading = [report.header()] if marker == "ratio" else []
        tables = [results[name].markdown for name in names]
        report.put_between_markers(report.BENCHMARKS, marker, "\n\n".join([*heading, *tables]))
    ratios, widths = summary.all_ratios(results.values()), results["widths"].curves["widths"]
    text = summary.speed_summary(ratios, widths, f"{report.cpu_model()} with {isa} kernels")
    report.put_between_markers(report.README, SUMMARY, text)


def draw(isa: str, directory: Path) -> None:
    """Every picture whose tables have been measured."""
    import pictures
    import report

    results = {name: report.saved(isa, name) for name in TABLES}
    directory.mkdir(parents=True, exist_ok=True)
    pictures.draw_all({name: result for name, result in results.items() if result}, directory)


def main() -> None:
    arguments = parse_arguments()
    set_environment(arguments.isa)
    import report
    from measure import Options

    import fastmlp

    if arguments.update_readme:
        require_markers()
    isa = fastmlp.show_config(mode="dict")["isa"]
    rounds = 5 if arguments.quick else arguments.rounds
    options = Options(rounds, arguments.full, arguments.widths, arguments.batches)
    print(report.header(), flush=True)
    for name in arguments.only or TABLES:
        module, function = TABLES[name]
        result = getattr(importlib.import_module(module), function)(options)
        if name != "widths" or not (options.widths or options.batches):  # a part is not kept
            result.save(isa, name)
        print(f"\n{result.markdown}", flush=True)
    if arguments.update_readme:
        update_documents(isa)
    images = arguments.images or (report.IMAGES if arguments.update_readme else None)
    if images:
        draw(isa, images)


if __name__ == "__main__":
    main()
