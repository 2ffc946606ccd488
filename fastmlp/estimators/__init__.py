"""scikit-learn's MLPClassifier and MLPRegressor on the compiled engine: the same numbers, sooner, and more options."""

from fastmlp.estimators.classifier import MLPClassifier
from fastmlp.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
