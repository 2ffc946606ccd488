"""What a table's module returns, how it is kept between runs, and how it gets into the documents."""

import json
import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
BENCHMARKS = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images"
RESULTS = ROOT / "build" / "benches"
PACKAGES = ("numpy", "scikit-learn", "torch", "jax", "numba")


@dataclass(frozen=True)
class Result:
    """One measured table.

    Attributes
    ----------
    markdown : str
        As the documents show it.
    ratios : dict
        By workload and peer, the peer's time over ours: the bars of the picture.
    curves : dict
        By the picture's panel, whatever it draws.
    """

    markdown: str
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    curves: dict[str, Any] = field(default_factory=dict)

    def save(self, isa: str, name: str) -> None:
        write_whole(RESULTS / isa / f"{name}.json", json.dumps(asdict(self), indent=1))


def saved(isa: str, name: str) -> Result | None:
    """The last measurement of a table with these kernels on this machine, if there is one."""
    path = RESULTS / isa / f"{name}.json"
    return Result(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


# ---- Markdown


def cell(value: float | None) -> str:
    """Three digits, or nothing for a contender that took no part."""
    if value is None:
        return ""
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]], n_texts: int = 2) -> str:
    """A table whose first `n_texts` columns hold text, the others numbers."""
    rule = "| " + " | ".join(["---"] * n_texts + ["---:"] * (len(columns) - n_texts)) + " |"
    return "\n".join(["| " + " | ".join(columns) + " |", rule, *("| " + " | ".join(row) + " |" for row in rows)])


def left_out(absent: dict[str, str]) -> str:
    """A sentence on the peers that took no part, or nothing."""
    if not absent:
        return ""
    return " Left out: " + "; ".join(f"{name} ({reason})" for name, reason in absent.items()) + "."


# ---- what was measured, where


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


def header() -> str:
    """Versions, kernels and processor, and what a ratio is: the lines above all tables."""
    import scipy.linalg  # noqa: F401  # whose BLAS scikit-learn and Numba use
    from threadpoolctl import threadpool_info

    import fastmlp

    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    kernels = sorted({f"{pool['internal_api']} {pool['version']} ({pool.get('architecture')})" for pool in blas})
    isa = fastmlp.show_config(mode="dict")["isa"]
    text = (
        f"fastmlp {fastmlp.__version__} with its {isa} kernels, {versions()}, {', '.join(kernels)}; {cpu_model()}, "
        f"{platform.system()}.\n"
        "A ratio is the peer's CPU time over ours, the median of interleaved rounds on one thread: above 1 fastmlp is "
        "faster. Our own times are the least of all rounds. The limit is the time that the FLOPs take at the rate of "
        "NumPy's `A @ A` (512 x 512) in the same rounds."
    )
    core = os.environ.get("OPENBLAS_CORETYPE")
    if core:
        text += (
            f"\nOpenBLAS runs its {core} kernels, as the limit of this instruction set asks: NumPy, scikit-learn and "
            "Numba have them for their products too. All else of the peers uses what the processor has."
        )
    return text


# ---- the documents


def has_markers(path: Path, name: str) -> bool:
    """Whether a document has the place for a table, once and the right way round."""
    begin, end = markers(name)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return text.count(begin) == text.count(end) == 1 and text.index(begin) < text.index(end)


def markers(name: str) -> tuple[str, str]:
    return f"<!-- {name} table: begin -->", f"<!-- {name} table: end -->"


def put_between_markers(path: Path, name: str, text: str) -> None:
    """Replace what stands between a document's markers."""
    begin, end = markers(name)
    before, rest = path.read_text(encoding="utf-8").split(begin)
    write_whole(path, f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}")


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all; one that exists keeps its permissions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).chmod(path.stat().st_mode if path.exists() else 0o644)
    Path(file.name).replace(path)
