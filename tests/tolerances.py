"""The one table of tolerances, keyed by (family, dtype); its oracles are wider than the kernels.

"ulp" entries count units in the last place of the exact value; the others are relative to the
largest entry of the array compared.
"""

TOLERANCES = {
    ("elementary ulp", "float64"): 2,
    ("elementary ulp", "float32"): 2,
    ("activation ulp", "float64"): 8,
    ("activation ulp", "float32"): 8,
    ("activation", "float64"): 1e-12,
    ("activation", "float32"): 2e-5,
    ("derivative", "float64"): 1e-14,  # absolute: no derivative exceeds 1.2
    ("derivative", "float32"): 2e-6,
    ("loss ulp", "float64"): 4,
    ("loss ulp", "float32"): 4,
    ("mean loss", "float64"): 1e-14,
    ("mean loss", "float32"): 1e-6,
    ("dense", "float64"): 1e-13,
    ("dense", "float32"): 1e-5,
    ("step", "float64"): 1e-12,
    ("step", "float32"): 1e-5,
    ("training", "float64"): 1e-9,
    ("training", "float32"): 1e-4,
}


def tolerance(family, dtype):
    return TOLERANCES[family, str(dtype)]


def relative_error(got, expected):
    """The largest difference over the largest entry; 0 for equal arrays, zeros included."""
    difference = abs(got.astype("longdouble") - expected.astype("longdouble")).max()
    return 0.0 if difference == 0 else float(difference / abs(expected.astype("longdouble")).max())
