"""The few ratios that README shows, and the rows where a peer is faster, from the tables' results."""

from collections.abc import Iterable

from measure import OURS
from report import Result, cell, markdown_table
from tables.width_curve import PRODUCTS

PEERS = ("NumPy", "scikit-learn", "PyTorch", "JAX jit")
ROWS = (  # keys of the ratios: a small, a usual and a wide network
    "2-10-5-1, 300 examples, float64",
    "64-100-10 relu, digits, batch 200, float32",
    "784-512-256-10 relu, ten classes, batch 256, float32",
)


def speed_summary(ratios: dict[str, dict[str, float]], widths: list[dict], machine: str) -> str:
    """A row for each network of ROWS, then the machine and every row of all tables that we lose."""
    rows = [[name, *(cell(ratios[name].get(peer)) for peer in PEERS)] for name in ROWS]
    table = markdown_table(["time of a peer over ours", *PEERS], rows, n_texts=1)
    lost = [*lost_rows(ratios), *lost_widths(widths)]
    return f"{table}\n\nMeasured on {machine}. Peers that are faster: {'; '.join(lost) if lost else 'none'}."


def lost_rows(ratios: dict[str, dict[str, float]]) -> Iterable[str]:
    """Every peer that takes less time than ours, with its row and ratio."""
    for name, bars in ratios.items():
        for peer, ratio in bars.items():
            if ratio < 1:
                yield f"{peer} on {name} ({cell(ratio)})"


def lost_widths(points: list[dict]) -> Iterable[str]:
    """How many networks w-w-w take longer than NumPy's products alone, and the worst of them."""
    lost = [point for point in points if point[OURS] > point[PRODUCTS]]
    if not lost:
        return
    worst = max(lost, key=lambda point: point[OURS] / point[PRODUCTS])
    excess = worst[OURS] / worst[PRODUCTS] - 1
    yield (
        f"NumPy's five matrix products alone, compared with our whole gradient, on {len(lost)} of {len(points)} "
        f"networks w-w-w, at most by {excess:.0%} (w = {worst['width']}, batch {worst['batch']:,}, {worst['dtype']})"
    )


def all_ratios(results: Iterable[Result]) -> dict[str, dict[str, float]]:
    """The ratios of several tables as one."""
    return {name: bars for result in results for name, bars in result.ratios.items()}
