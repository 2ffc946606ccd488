"""What an :class:`fastmlp.MLP` can be written as for other programs."""

import os
from typing import IO, Any

from fastmlp import files
from fastmlp.export import c_source, onnx_graph
from fastmlp.training.occupancy import Occupancy


class Exportable:
    """The exports of an :class:`fastmlp.MLP`."""

    occupancy: Occupancy

    def to_c(self, path: str | bytes | os.PathLike[Any], *, prefix: str | None = None, dtype: Any = None) -> None:
        """Write the network as a C99 source file and its header, which need neither libraries nor ``malloc``.

        The function ``<prefix>_predict`` computes what :meth:`predict_one` does, for networks with one class as their
        answer ``<prefix>_class`` computes its index, and ``<prefix>_self_test`` compares a few outputs with ours.  The
        header describes them and states all memory in bytes.

        Parameters
        ----------
        path : str or path
            Of the source file, which ends in ``.c``; the header goes beside it.  Each is written whole or not at all.
        prefix : str, default=None
            Of all names in the header; None takes the file's name.
        dtype : {"float32", "float64"}, default=None
            Of all numbers; None takes the network's.

        Raises
        ------
        OSError
            If a file cannot be written.
        TypeError, ValueError
            If an argument is wrong, or the parameters are not finite in the dtype.

        Notes
        -----
        Compiled with ``-std=c99`` the results have the bits of the kernels: of "baseline" or, where the compiler may
        fuse multiply-adds as with ``-mfma``, of "avx2".

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from fastmlp import MLP
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     MLP([2, 10, 5, 1], seed=3).to_c(pathlib.Path(folder) / "circles.c", dtype="float32")
        ...     sorted(path.name for path in pathlib.Path(folder).iterdir())
        ['circles.c', 'circles.h']
        """
        self.occupancy.refuse_changing("to_c")
        c_source.write(path, self, prefix=prefix, dtype=dtype)

    def to_onnx(self, file: str | bytes | os.PathLike[Any] | IO[bytes]) -> None:
        """Write the network as an ONNX model, which needs the package ``onnx`` (extra ``onnx``).

        Its input ``inputs`` has shape (n, n_features), its output ``outputs`` shape (n, n_outputs): the probabilities,
        or the values that are predicted, in the network's dtype.  Classes are indices of columns; there are no labels.

        Parameters
        ----------
        file : str, path or binary file
            A path is written whole or not at all.

        Raises
        ------
        ImportError
            If ``onnx`` is not installed.
        OSError, TypeError, ValueError
            If the file cannot be written, or the parameters are not finite.
        """
        self.occupancy.refuse_changing("to_onnx")
        model = onnx_graph.serialized(self)
        files.write_to("file", file, lambda opened: opened.write(model))
