"""The order of the examples in an epoch.

``MLP.train(shuffle=...)`` also takes an order source, a function ``source(epoch, out)``.  It fills ``out``, an
ndarray of intp of shape (n_examples,), with the indices of the examples in the order in which the epoch's batches take
them.  ``epoch`` counts over all trainings of a model.  A source is called before the epochs run, for as many epochs as
one compiled call makes.  Indices may repeat or be left out.
"""

from collections.abc import Callable

import numpy as np

from fastmlp import _kernels, checks

BLOCK = 1 << 20  # draws between two looks at signals, some ms
MOST_KEPT = 1 << 17  # indices: twice what one compiled call asks for

OrderSource = Callable[[int, np.ndarray], object]


def order_of(seed: int, epoch: int, n_examples: int, out: np.ndarray | None = None) -> np.ndarray:
    """Compute the order of the examples in one epoch, a permutation.

    With ``draws = numpy.random.default_rng((seed, epoch)).random(n_examples)``, entry i of 0, 1, ..., from the last
    to the first, is swapped with entry ``int(draws[i] * (i + 1))``.

    Parameters
    ----------
    seed : int
        Seed of the training, at least 0.
    epoch : int
        Number of the epoch, counted over all trainings of a model; at least 0.
    n_examples : int
        Number of examples.
    out : ndarray of intp of shape (n_examples,), default=None
        Array for the result.

    Returns
    -------
    ndarray of intp of shape (n_examples,)
        ``out``, or a new array.

    References
    ----------
    Durstenfeld 1964, Algorithm 235: random permutation.

    Examples
    --------
    >>> from fastmlp.training import order_of
    >>> order_of(seed=0, epoch=2, n_examples=5)
    array([2, 3, 1, 4, 0])
    """
    entropy = (checks.integer("seed", seed, minimum=0), checks.integer("epoch", epoch, minimum=0))
    n = checks.integer("n_examples", n_examples, minimum=0)
    if out is None:
        checks.check_memory("n_examples", 16 * n)
        out = np.empty(n, np.intp)
    elif type(out) is not np.ndarray or out.dtype != np.intp or out.shape != (n,) or not out.flags.carray:
        raise ValueError(f"out must be a contiguous, writeable array of intp of shape ({n},), got {checks.shown(out)}")
    generator = np.random.default_rng(entropy)
    if n <= BLOCK:
        draws = generator.random(n)
    else:
        draws = np.empty(n)
        for start in range(0, n, BLOCK):
            generator.random(out=draws[start : start + BLOCK])
    _kernels.draw_order(out, draws)
    return out


class CumulativeOrders:
    """scikit-learn's orders: each epoch shuffles the order of the one before it.

    Parameters
    ----------
    random_state : numpy.random.RandomState
        Source of the shuffles, drawn from as ``sklearn.utils.shuffle`` does.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmlp.training import CumulativeOrders
    >>> source, order = CumulativeOrders(np.random.RandomState(0)), np.empty(4, np.intp)
    >>> for epoch in range(2):
    ...     source(epoch, order)
    ...     print(order)
    [2 3 1 0]
    [2 1 3 0]
    """

    def __init__(self, random_state: np.random.RandomState) -> None:
        if not isinstance(random_state, np.random.RandomState):
            raise TypeError(f"random_state must be a numpy.random.RandomState, got {checks.shown(random_state)}")
        self.random_state = random_state
        self.order = np.empty(0, np.intp)  # drawn last
        self.drawn: dict[int, np.ndarray] = {}  # by epoch: a training that ended early asks again for those it left

    def __call__(self, epoch: int, out: np.ndarray) -> None:
        if len(self.drawn.get(epoch, ())) != len(out):
            shuffled = np.arange(len(out))
            self.random_state.shuffle(shuffled)
            if len(self.order) != len(out):
                self.order = np.arange(len(out))
            self.order = self.drawn[epoch] = self.order[shuffled]
            while len(self.drawn) * len(out) > MOST_KEPT and len(self.drawn) > 1:
                del self.drawn[min(self.drawn)]
        out[:] = self.drawn[epoch]
