"""Saving, loading, pickling and copying of a model."""

import copy
import os
from typing import IO, Any, Self

import numpy as np

from fastmlp import _kernels, files
from fastmlp.engine.plan import Plan
from fastmlp.export import archive, npz, pickles
from fastmlp.losses import Loss
from fastmlp.training import TrainingState
from fastmlp.training.occupancy import Occupancy


class Persistent:
    """What outlives the process of an :class:`fastmlp.MLP`, which has the attributes below."""

    plan: Plan
    loss: Loss
    initialization: Any
    seed: Any
    training_state: TrainingState
    occupancy: Occupancy
    _parameters: np.ndarray
    _engine_of_one: _kernels.Engine | None

    def __copy__(self) -> Self:
        """Return a model of its own, as :func:`copy.deepcopy` does: two models never share parameters."""
        return copy.deepcopy(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a model of its own; both have the same initialization, which need not be a thing to copy."""
        memo[id(self.initialization)] = self.initialization
        other = type(self).__new__(type(self))
        other._take(copy.deepcopy(self._lasting(), memo))
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds; an initialization that cannot be pickled is left out, with its seed."""
        return pickles.state_of(self._lasting())

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a pickle; ValueError names the version that pickled it if this one cannot read it."""
        self._take(pickles.attributes_of(state))

    def _lasting(self) -> dict[str, Any]:
        """Return the attributes that copies have too: all but the engine and the occupancy."""
        self.occupancy.refuse_changing("copying")
        return {name: value for name, value in self.__dict__.items() if name not in ("_engine_of_one", "occupancy")}

    def _take(self, attributes: dict[str, Any]) -> None:
        self.__dict__.update(attributes, _engine_of_one=None, occupancy=Occupancy())

    def save(self, file: str | bytes | os.PathLike[Any] | IO[bytes]) -> None:
        """Write the model and its training state to a file in NumPy's ``.npz`` format.

        A path is written completely or not at all; a power failure may bring the old file back.  The file holds the
        parameters, also those that are not finite, a few inputs with their outputs, and the version of fastmlp, but not
        the initialization and the seed that the parameters were drawn with.

        Parameters
        ----------
        file : str, path or binary file
            A path is taken as it is, without adding an extension. An existing file is replaced and keeps its
            permissions. An open file is written from its present position and stays open; it needs no method but
            ``write``.

        Raises
        ------
        OSError
            If the file cannot be written, or the path exists and is not a regular file.
        TypeError, ValueError
            If ``file`` is no path, or an open file that takes no bytes.

        Examples
        --------
        >>> import io
        >>> from fastmlp import MLP
        >>> file = io.BytesIO()
        >>> MLP([2, 3, 1], seed=0).save(file)
        >>> _ = file.seek(0)
        >>> MLP.load(file)
        MLP([2, 3, 1], activation=['relu'], loss='log_loss', dtype='float64')
        """
        self.occupancy.refuse_changing("save")
        contents = archive.contents_of(self)
        files.write_to("file", file, lambda opened: npz.write(opened, contents))

    @classmethod
    def load(cls, file: str | bytes | os.PathLike[Any] | IO[bytes]) -> Self:
        """Read a model written by :meth:`save`.

        Loading needs no more memory than the file has bytes, times a small number: entries are not compressed, and the
        sizes that they declare are compared with each other and with the file before they are read.

        Parameters
        ----------
        file : str, path or binary file
            An open file is read from its present position to its end and stays open.

        Returns
        -------
        MLP
            A model with the saved parameters, widths, activations, loss, dtype and training state.

        Raises
        ------
        ValueError
            If the file holds no such model, or one of a later version of fastmlp that this one cannot read, or the
            model does not give the outputs that the file holds for a few inputs, but for rounding. Nothing in the file
            is ever executed.
        OSError
            If the file cannot be read.
        MemoryError
            If there is no room for the parameters and the moments of the optimizer.
        TypeError
            If ``file`` is no path, or is open in text mode.
        """
        with files.opened_for_reading("file", file) as (opened, name):
            contents = archive.read(opened, name, archive.network_in)
        return cls._from(contents, name)

    @classmethod
    def _from(cls, contents: archive.Contents, name: str) -> Self:
        """Return a model of parts read from the file ``name``, after it gave the outputs that the file holds."""
        model = cls.__new__(cls)
        model._take(
            {
                "loss": contents.loss,
                "plan": contents.plan,
                "initialization": "he",
                "seed": None,
                "_parameters": contents.parameters,
                "training_state": contents.training_state,
            }
        )
        if contents.samples is not None:
            contents.samples.check(model, name)
        return model
