"""Time per epoch of 2-10-5-1, full batch, against the number of examples."""

from measure import OURS, Options, Times
from peers import full_batch
from report import Result, markdown_table
from tables.seed_table import contenders_of
from workloads import Workload

COUNTS = (300, 1000, 3000, 10_000, 30_000, 100_000, 300_000)
EXAMPLES_PER_RUN, FEWEST_EPOCHS, MOST_CHECKED = 300_000, 4, 100
LEFT_OUT = ("NumPy notebook", "torch.compile")  # near NumPy; and one that compiles anew for every number


def workloads() -> list[Workload]:
    return [
        Workload(f"2-10-5-1, {n:,} examples", "float64", n, max(FEWEST_EPOCHS, EXAMPLES_PER_RUN // n)) for n in COUNTS
    ]


def measure(options: Options) -> Result:
    """Least times in one interleaved run."""
    trainers, _ = full_batch.load(exclude=LEFT_OUT)
    trainers = {OURS: full_batch.ours, **trainers}
    found, contenders = workloads(), []
    for workload in found:
        contenders += contenders_of(workload, trainers, min(MOST_CHECKED, workload.epochs))
    times = Times(contenders, options.share(10))
    seconds = {name: [times.best(workload, name) for workload in found] for name in trainers}
    rows = [[f"{n:,}", *(f"{seconds[name][i] * 1e6:.1f}" for name in trainers)] for i, n in enumerate(COUNTS)]
    caption = f"**Time per epoch against the number of examples**, us in float64, the least of {times.rounds} rounds."
    text = markdown_table(["examples", *trainers], rows, n_texts=0)
    return Result(f"{caption}\n\n{text}", curves={"counts": list(COUNTS), "seconds": seconds})
