"""Tables as text, and what they hold."""

from pathlib import Path

import numpy as np

ROWS = [("1.5", "-2", "no"), ("0.25", "3e2", "yes"), ("-7", "1", "no")]
X = np.array([[1.5, -2], [0.25, 300], [-7, 1]])
HEADER = ("a", "b", "kind")


def written(rows=ROWS, header=HEADER, sep=",", end="\n"):
    return end.join(sep.join(row) for row in ([header] if header else []) + list(rows)) + end


def features(table):
    return np.concatenate(table.blocks)


def check_same(table):
    """The table of ROWS."""
    np.testing.assert_array_equal(features(table), X)
    assert (table.features, table.target, table.labels) == (["a", "b"], "kind", ["no", "yes"])
    assert table.y.tolist() == [0, 1, 0]


def csv_rows(n, labels, n_features=2):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, n_features))
    return [[*map(str, x), labels[int(x[0] > 0)]] for x in X.round(3)]


def write_csv(text, name="data.csv", encoding="utf-8"):
    Path(name).write_bytes(text.encode(encoding))
    return ["--data", name, "--target", "kind"]


def table(rows, header="a,b,kind", end="\n"):
    return end.join([header, *(",".join(row) for row in rows)]) + end
