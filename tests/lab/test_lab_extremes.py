"""Values at the ends of what floats hold, and texts of any kind, warn nobody and break nothing."""

import io

import numpy as np
import pytest

from fastmlp import MLP, initializers
from fastmlp.datasets import circles
from fastmlp.lab import boundary_frames, compare_initializers, diagnose, gradient_check, write_report
from fastmlp.lab.pictures import heat_map
from fastmlp.lab.theory import length_law

X, Y = circles(40, seed=1)
LARGEST = np.finfo(np.float64).max


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_sums_that_overflow_in_bounded_activations_have_a_gradient(activation):
    network = MLP([2, 5, 4, 1], activation=activation, initialization=initializers.get("he"), seed=0)
    found = gradient_check(network, np.where(X > 0, LARGEST, -LARGEST), Y)
    assert found.n_checked + found.n_at_kinks == network.parameters.size


def test_the_law_of_a_length_may_have_an_infinite_variance():
    assert length_law([2, *[1] * 5000, 1]).relative_variance == np.inf


@pytest.mark.parametrize(
    ("size", "scale", "bias", "of"), [(1.0, 1.0, 1e17, "preactivation"), (1e-200, 1e150, 0.0, "activation")]
)
def test_histograms_have_bins_also_where_values_differ_by_rounding(size, scale, bias, of):
    drawn = initializers.get("random", scale=scale)
    network = MLP([2, 5, 4, 1], activation="logistic", initialization=drawn, seed=0)
    for biases in network.biases:
        biases[:] = bias
    counts, edges = diagnose(network, size * X, Y, histograms=30).histograms[of]
    assert (np.diff(edges) > 0).all()
    assert counts.sum(axis=1).tolist() == [40 * 5, 40 * 4, 40]


def test_histograms_that_no_memory_holds_are_refused():
    with pytest.raises(MemoryError, match="histograms needs"):
        diagnose(MLP([2, 5, 1], seed=0), X, Y, histograms=10**12)


@pytest.mark.parametrize("targets", [np.where(X[:, 0] > 0, LARGEST, -LARGEST), 1e-320 * np.arange(40)])
def test_frames_of_targets_of_any_size_have_bytes_of_their_own(targets):
    found = boundary_frames(X, targets, [2, 3, 1], epochs=6, loss="squared_error")
    assert found.targets[[targets.argmin(), targets.argmax()]].tolist() == [0, 254]
    assert not (found.targets == 255).any()


def test_a_command_that_is_no_text_is_refused():
    found = compare_initializers(X, Y, [2, 3, 1], seeds=2, epochs=3, progress=False)
    with pytest.raises(TypeError, match="command must be a str, got 0"):
        write_report(found, io.BytesIO(), command=0)


@pytest.mark.parametrize("label", ["$\\frac{$", "{{$title}} ${title}", "a\nb\tc", "\ud800", "\0nul"])
def test_labels_of_a_map_are_drawn_as_they_are(label):
    ax = heat_map(np.eye(2), [1, 2], [1, 2], labels=(label, label, label))
    ax.figure.savefig(io.BytesIO(), format="svg")
