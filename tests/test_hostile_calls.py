"""What could crash the process or corrupt memory, called on purpose: every call must raise or answer."""

import os
import stat
import threading

import numpy as np
import pytest

from fastmlp import MLP, _kernels, files
from fastmlp.lab import diagnose, run_study

Z = np.zeros
ONE = ("logistic",)


@pytest.mark.parametrize(
    "call",
    [
        lambda: _kernels.forward(Z((2, 5)), [Z((1, 2))], [], ONE),
        lambda: _kernels.forward(Z((2, 5)), [], [], ONE),
        lambda: _kernels.forward(None, [Z((1, 2))], [Z((1, 1))], ONE),
        lambda: _kernels.forward(Z((2, 5)), None, None, ONE),
        lambda: _kernels.backward(Z((2, 5)), Z((1, 5)), [Z((1, 2))], [], ONE),
        lambda: _kernels.backward(None, None, [Z((1, 2))], [Z((1, 5))], ONE),
        lambda: _kernels.cross_entropy(None, None),
        lambda: _kernels.cross_entropy(Z((1, 3)), Z((1, 2))),
        lambda: _kernels.first_not_finite((None,)),
        lambda: _kernels.first_not_finite((Z((2, 5), "i1"),)),
        lambda: _kernels.first_not_finite((Z(13)[::-1],)),
        lambda: _kernels.all_binary(None),
        lambda: _kernels.all_binary(Z((2, 5), bool)),
        lambda: _kernels.all_in_unit_interval(Z((2, 5), "f2")),
        lambda: _kernels.integer_labels(Z((2, 5), "i8"), Z((2, 5), "i1")),
        lambda: _kernels.integer_labels(Z((2, 5), "i8"), None),
        lambda: _kernels.elementwise("foo", Z(3), Z(3)),
        lambda: _kernels.loss_and_gradient(Z(1), Z(1), Z((2, 5)), Z((1, 5)), (2, 2**62, 1), ("relu", "logistic")),
        lambda: _kernels.loss_and_gradient(Z(3), Z(3), Z((2, 5)), Z((1, 5)), (2, 1), ("swish",)),
    ],
)
def test_kernels_raise(call):
    with pytest.raises((TypeError, ValueError)):
        call()


def test_quick_checks_say_no():
    assert _kernels.plain_and_finite([]) is False
    assert _kernels.descended([], [], 0.1) is None
    assert _kernels.network_fits(None, [None], [None], False) is False
    assert _kernels.network_fits(Z((2, 5)), [Z(())], [Z(())], False) is False
    assert _kernels.network_fits(Z((2, 5)), [Z((1, 2))], [], False) is False


def test_a_study_refuses_bad_test_data_before_it_trains():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    for bad_X, bad_y in ((X, y + 5), (X[:, :1], y), (X, y[:-1])):
        with pytest.raises(ValueError, match="test: "):
            run_study([2, 3, 1], (X, y), (bad_X, bad_y), epochs=10**9)


def test_a_study_takes_a_column_of_labels():
    X, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    flat, column = (run_study([2, 3, 1], (X, labels), (X, labels), epochs=50) for labels in (y, y[:, np.newaxis]))
    assert [run.test_accuracy for run in flat] == [run.test_accuracy for run in column]


def test_diagnose_of_logits_that_overflow():
    result = diagnose(MLP([2, 3, 1], initialization="random", seed=1), np.array([[5e306, 5e306], [1, 1]]))
    assert result.saturated_outputs == 1
    assert np.isfinite(result.smallest_logit)


def test_a_callback_that_rebinds_the_parameters_does_not_stop_the_training():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), rng.integers(0, 2, 30)
    plain, rebound = MLP([2, 3, 1], seed=1), MLP([2, 3, 1], seed=1)

    def rebind(epoch, loss):
        rebound.parameters = rebound.parameters.copy()

    plain.train(X, y, learning_rate=0.1, epochs=50, report_every=10)
    rebound.train(X, y, learning_rate=0.1, epochs=50, report_every=10, callback=rebind)
    np.testing.assert_array_equal(plain.parameters, rebound.parameters)


def test_labels_are_checked_before_they_are_rounded():
    model = MLP([2, 1], dtype="float32")
    for nearly in (1 + 1e-12, 1e-60):
        with pytest.raises(ValueError, match="y must hold labels"):
            model.loss_and_gradient(np.ones((1, 2)), [nearly])


def test_numpy_that_raises_on_underflow_is_no_hindrance():
    with np.errstate(all="raise"):
        assert MLP([2, 1], dtype="float32", seed=0).predict_proba(np.full((3, 2), 1e-300)).shape == (3,)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_saving_replaces_regular_files_only_and_keeps_their_permissions(tmp_path):
    model = MLP([2, 1])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        model.save(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    model.save(tmp_path / "model")
    (tmp_path / "model").chmod(0o600)
    (tmp_path / "link").symlink_to(tmp_path / "model")
    model.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == 0o600
    model.save(tmp_path / ("x" * 250))


def test_saving_from_many_threads_leaves_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        write = lambda i: files.write_whole(tmp_path / str(i), lambda file: file.write(b"x"))  # noqa: E731
        threads = [threading.Thread(target=write, args=(i,)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {stat.S_IMODE((tmp_path / str(i)).stat().st_mode) for i in range(16)} == {0o600}
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)
