"""Our models beside scikit-learn's, and the sample data of the tests that compare them."""

import warnings

import numpy as np
import sklearn
from sklearn import neural_network
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import scale
from sklearn.utils.fixes import parse_version

import fastmlp

X, y = scale(load_iris().data), load_iris().target
LABELS = np.array(["setosa", "versicolor", "virginica"])[y]
X_REGRESSION, y_REGRESSION = (scale(array)[::3] for array in load_diabetes(return_X_y=True))
X_REGRESSION = scale(X_REGRESSION)


def is_since(version):
    """Whether the installed scikit-learn is this version or a later one."""
    return parse_version(sklearn.__version__) >= parse_version(version)


def pair(name, **options):
    """Return our model and scikit-learn's with the same arguments."""
    options = {"hidden_layer_sizes": (6,), "random_state": 0, "max_iter": 8, "learning_rate_init": 0.02, **options}
    return [getattr(library, name)(**options) for library in (fastmlp, neural_network)]


def results(function, *args):
    """Return what a function gives for our model and for scikit-learn's, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a model has not converged
        return [function(*of_library) for of_library in zip(*args, strict=True)]


def outcome(function, *args, **kwargs):
    """Return what a call gives and the categories and texts of its warnings, or the type and text of its error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = function(*args, **kwargs)
        except Exception as error:
            answer = type(error), str(error)
    # SciPy before 1.15 writes one word of L-BFGS's message otherwise
    return answer, [(warning.category, str(warning.message).replace("NO. of", "NO. OF")) for warning in caught]


def assert_same(ours, theirs, atol=1e-6):
    """The same numbers to ``atol``, and the same of everything else."""
    if isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other, atol)
    elif isinstance(theirs, (float, np.floating)):
        np.testing.assert_allclose(ours, theirs, rtol=atol, atol=atol)
    elif isinstance(theirs, np.ndarray) and theirs.dtype.kind == "f":
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=atol, atol=atol)
    elif isinstance(theirs, np.ndarray):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    else:
        assert ours == theirs
