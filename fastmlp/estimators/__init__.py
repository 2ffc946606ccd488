"""scikit-learn's MLPClassifier and MLPRegressor on the compiled engine: the same numbers, sooner, and more options."""

from fastmlp.estimators.classifier import MLPClassifier
from fastmlp.estimators.display import LossCurveDisplay
from fastmlp.estimators.regressor import MLPRegressor
from fastmlp.estimators.scales import UnscaledFeaturesWarning

__all__ = ["LossCurveDisplay", "MLPClassifier", "MLPRegressor", "UnscaledFeaturesWarning"]
