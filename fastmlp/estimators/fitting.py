"""What holds for every fit: one at a time on an estimator, and one that fails changes nothing."""

import contextlib
import dataclasses
import functools
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])
_FITTED: dict[int, tuple[int]] = {}  # the estimators that are being fitted, by id, with the claim of each call


def alone(method: Method) -> Method:
    """Decorate a fit method: while it runs, another fit of the same estimator is refused by a RuntimeError."""

    @functools.wraps(method)
    def wrapper(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        claim = (threading.get_ident(),)
        try:
            if _FITTED.setdefault(id(estimator), claim) is not claim:
                raise RuntimeError(
                    f"{method.__name__} was called while this {type(estimator).__name__} is being fitted, in another "
                    "thread or by a callback"
                )
            return method(estimator, *args, **kwargs)
        finally:
            if _FITTED.get(id(estimator)) is claim:
                del _FITTED[id(estimator)]

    return wrapper  # type: ignore[return-value]


def _lose_other_threads() -> None:
    """Drop, in a forked child, the claims of threads that are not in it; a network in their hands guards itself."""
    for key, (thread,) in list(_FITTED.items()):
        if thread != threading.get_ident():
            del _FITTED[key]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_lose_other_threads)


@contextlib.contextmanager
def unchanged_if_failed(estimator: Any, copies_parameters: bool) -> Iterator[None]:
    """Put all attributes back if an error prevents the fit.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
    copies_parameters : bool
        Whether errors may occur after a change of parameters that the estimator has already; otherwise they are not
        copied, which takes as long as a small ``partial_fit``.
    """
    before = vars(estimator).copy()
    n_epochs = len(before.get("loss_curve_", ()))
    network, stopping = before.get("_network"), before.get("_stopping")
    if network is not None and stopping is not None:
        state, rule = dataclasses.replace(network.training_state), dataclasses.replace(stopping)
        state.plateau = dataclasses.replace(state.plateau)
        if copies_parameters:
            parameters, state.moments = network.parameters.copy(), state.moments.copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        if n_epochs:
            del before["loss_curve_"][n_epochs:]
        if network is not None and stopping is not None:
            network.training_state = state
            vars(stopping).update(vars(rule))
            if copies_parameters:
                network.parameters[:] = parameters
        raise
