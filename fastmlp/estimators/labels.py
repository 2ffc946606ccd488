"""Labels as targets: which classes there are, and the number of each."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target, unique_labels

from fastmlp.estimators.inputs import is_plain_labels

MANY_CLASSES = 0.5  # of the number of examples: scikit-learn then warns that this may be a regression problem


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels that a classifier knows.

    Attributes
    ----------
    kind : {"binary", "multiclass", "multilabel-indicator"}
        At most two classes; more; several labels for each example.
    classes : ndarray of shape (n_classes,)
        In ascending order.
    binarizer : LabelBinarizer or None
        That of several labels for each example.
    """

    kind: str
    classes: np.ndarray
    binarizer: LabelBinarizer | None = None

    @classmethod
    def in_(cls, y: Any) -> "Labels":
        """Find the labels in y; scikit-learn's error if it holds none."""
        if is_plain_labels(y):
            classes = np.unique(y)
            if len(classes) <= max(2, MANY_CLASSES * len(y)):
                return cls("multiclass" if len(classes) > 2 else "binary", classes)
        return cls.of_binarizer(LabelBinarizer().fit(y))

    @classmethod
    def among(cls, classes: np.ndarray, y: Any) -> "Labels":
        """Take all classes that ``partial_fit`` will see; y says whether examples have several labels."""
        if type_of_target(y).startswith("multilabel"):
            refuse_unknown(unique_labels(y), classes)
            return cls.in_(y)
        return cls("multiclass" if len(classes) > 2 else "binary", classes)

    @classmethod
    def of_binarizer(cls, binarizer: LabelBinarizer) -> "Labels":
        """Take the labels that a binarizer was fitted to."""
        is_several = binarizer.y_type_ == "multilabel-indicator"
        return cls(binarizer.y_type_, binarizer.classes_, binarizer if is_several else None)

    def to_binarizer(self) -> LabelBinarizer:
        """Return a binarizer fitted to the same labels."""
        binarizer = LabelBinarizer()
        binarizer.classes_, binarizer.y_type_ = self.classes, self.kind
        binarizer.sparse_input_ = self.binarizer is not None and self.binarizer.sparse_input_
        return binarizer

    @property
    def n_outputs(self) -> int:
        """Outputs of a network for these labels."""
        return 1 if self.kind == "binary" else len(self.classes)

    def encode(self, y: np.ndarray) -> np.ndarray | None:
        """Return y as class numbers (n, 1), bools (n, 1) or bools (n, n_labels); None if there are other labels."""
        if self.binarizer is not None:
            return self.binarizer.transform(y).astype(bool)
        if y.ndim != 1:
            return None
        number = np.searchsorted(self.classes, y)
        number[number == len(self.classes)] = 0
        if not np.all(self.classes[number] == y):
            return None
        return number[:, np.newaxis] == 1 if self.kind == "binary" else number[:, np.newaxis]

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """Return labels in the form of the user's y."""
        if self.binarizer is not None:
            return self.binarizer.inverse_transform(encoded)
        return self.classes[encoded[:, 0].astype(np.intp)]

    def check(self, y: Any, are_all_needed: bool) -> None:
        """Refuse labels that are not known and, if all are needed, a y that lacks one, with scikit-learn's words."""
        found = unique_labels(y)
        if are_all_needed and set(found) != set(self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes}, `y` has {found}"
            )
        refuse_unknown(found, self.classes)
        if self.binarizer is None and y.ndim == 2:
            raise ValueError("The object was not fitted with multilabel input.")


def refuse_unknown(found: np.ndarray, classes: np.ndarray) -> None:
    """Raise scikit-learn's error if some of the labels found are not among the classes."""
    if len(np.setdiff1d(found, classes, assume_unique=True)):
        raise ValueError(f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}. 'y' has {found}.")
