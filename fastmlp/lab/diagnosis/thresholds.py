"""The thresholds of the verdicts, each with its reason: the only place where they stand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A limit that a verdict depends on.

    Attributes
    ----------
    name : str
    value : float
    verdict : str
        The verdict that it decides.
    rule : str
        What is compared with it.
    reason : str
        Why it has this value.
    """

    name: str
    value: float
    verdict: str
    rule: str
    reason: str


THRESHOLDS = {
    threshold.name: threshold
    for threshold in (
        Threshold(
            "growth",
            100.0,
            "exploding",
            "root mean square of a hidden layer's pre-activations, over that of the first layer or 1",
            "of 300 He networks 30 layers deep and only 16 units wide, none grew by more than 11",
        ),
        Threshold(
            "size",
            1000.0,
            "exploding",
            "root mean square of a hidden layer's pre-activations",
            "images from 0 to 255 give about 200 under He; learning rates for larger inputs are too small for biases",
        ),
        Threshold(
            "far_outputs",
            100.0,
            "exploding",
            "root mean square of a regression's outputs, over that of the targets or 1",
            "the first loss is then 10,000 times that of predicting 0",
        ),
        Threshold(
            "gradient_growth",
            1000.0,
            "exploding",
            "Jacobian norm of a hidden layer, over that of the last hidden layer",
            "one learning rate cannot suit layers whose gradients differ by 1,000",
        ),
        Threshold(
            "vanishing",
            1e-3,
            "vanishing",
            "Jacobian norm of a hidden layer over that of the last hidden layer, or the root mean square of its "
            "pre-activations over that of the first",
            "one learning rate cannot suit layers whose gradients differ by 1,000; six logistic layers under Glorot do",
        ),
        Threshold(
            "dead_share",
            0.9,
            "dead",
            "share of a hidden layer's units that are constant over all examples",
            "deep in a healthy ReLU network the examples align, and about half of the units are off for all; in 300 He "
            "networks 30 layers deep and 32 units wide, it was up to 0.78",
        ),
        Threshold(
            "saturated_share",
            0.5,
            "saturated",
            "share of a hidden layer's outputs, or of the network's, that are saturated",
            "most of the layer then passes no gradient; with Glorot's weights under 0.05 are saturated",
        ),
        Threshold(
            "flat_slope",
            0.05,
            "saturated",
            "slope of the activation at a pre-activation, over its largest: saturated below",
            "two such layers pass 1/400 of a gradient; tanh has this slope at 2.2, logistic at 4.4",
        ),
        Threshold(
            "saturated_logit",
            10.0,
            "saturated",
            "magnitude of a logit, with softmax the margin of the largest, of an example on the wrong side",
            "the slope of the sigmoid is below 5e-5 there; on the right side, it is what a trained network should do",
        ),
        Threshold(
            "wrong_share",
            0.25,
            "saturated",
            "share of outputs that are saturated on the wrong side, if y is given",
            "a network that guesses is wrong on half of two classes; label noise and rare classes stay below",
        ),
        Threshold(
            "certain_logit",
            30.0,
            "saturated",
            "magnitude of a logit, with softmax the margin of the largest, if y is not given",
            "a loss of 1e-13: few trained networks go beyond for most examples; pass y, and right answers are no fault",
        ),
        Threshold(
            "large_features",
            10.0,
            "dead, vanishing, exploding, saturated",
            "root mean square of a feature beyond which features may be the cause",
            "initializations assume features of about 1; they are the cause if standardized ones have no such fault",
        ),
    )
}


def threshold(name: str) -> float:
    """Return the value of a threshold.

    Examples
    --------
    >>> from fastmlp.lab.diagnosis.thresholds import threshold
    >>> threshold("vanishing")
    0.001
    """
    return THRESHOLDS[name].value
