"""What a save replaces, keeps and leaves behind: killed saves, and several at once."""

import errno
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from fastmlp import MLP, files
from fastmlp.export import npz


def network(seed=1):
    return MLP([2, 4, 1], seed=seed)


def is_same(one, other):
    return one.parameters.tobytes() == other.parameters.tobytes()


def fails_with(error):
    def fail(*args, **kwargs):
        raise error

    return fail


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


def test_what_a_killed_save_left_is_removed_by_the_next_one(tmp_path):
    code = textwrap.dedent("""
        import os, signal, sys
        from fastmlp import MLP
        os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)
        MLP([2, 4, 1], seed=1).save(sys.argv[1])
    """)
    command = [sys.executable, "-c", code, str(tmp_path / "model")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".fastmlp-")
    network().save(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_temporary_file_that_is_being_written_is_left_alone(tmp_path):
    """In another process, which dies at the end: its file is removed only then."""
    code = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from fastmlp import files
        def wait(file):
            print("writing", flush=True)
            time.sleep(600)
        files.write_whole(Path(sys.argv[1]), wait)
    """)
    command = [sys.executable, "-c", code, str(tmp_path / "model")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "writing\n"
            network().save(tmp_path / "model")
            assert len(list(tmp_path.iterdir())) == 2
        finally:
            process.kill()
    network().save(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_save_within_a_save_leaves_the_outer_one_whole(tmp_path):
    """As from a signal handler or another thread: no one waits, and the last to end wins."""

    def write(file):
        network(2).save(tmp_path / "model")
        npz.write(file, {"a": np.ones(3)})

    files.write_whole(tmp_path / "model", write)
    with np.load(tmp_path / "model") as arrays:
        assert arrays["a"].tolist() == [1, 1, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_only_files_that_are_surely_temporary_ones_are_removed(tmp_path):
    name = ".fastmlp-0123456789abcdef"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / name).mkdir()
    kept = [".fastmlp-notes", f"{name}0", name.upper(), f"x{name}", ".fastmlp-0123456789abcdeg"]
    for other in kept:
        (tmp_path / other).touch()
    (tmp_path / name).symlink_to(tmp_path / kept[0])
    network().save(tmp_path / "folder" / "model")
    network().save(tmp_path / "model")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, name, "folder", "model"])
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == [name, "model"]


def test_a_file_system_without_locks_takes_models_and_loses_nothing(tmp_path, monkeypatch):
    (tmp_path / ".fastmlp-0123456789abcdef").touch()
    monkeypatch.setattr(files.fcntl, "flock", fails_with(OSError(errno.ENOLCK, "No locks available")))
    network().save(tmp_path / "model")
    assert is_same(MLP.load(tmp_path / "model"), network())
    assert (tmp_path / ".fastmlp-0123456789abcdef").exists()


@pytest.mark.parametrize("stage", ["removed", "locked"])
def test_a_temporary_file_taken_for_abandoned_before_its_lock_is_replaced_by_another(stage, tmp_path, monkeypatch):
    flock, taken = files.fcntl.flock, []

    def late(file, how):
        if not taken:
            taken.append(Path(file.name))
            taken[0].unlink()
            if stage == "locked":
                raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        flock(file, how)

    monkeypatch.setattr(files.fcntl, "flock", late)
    network().save(tmp_path / "model")
    assert len(taken) == 1
    assert is_same(MLP.load(tmp_path / "model"), network())
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_many_processes_save_to_one_path_at_once(tmp_path):
    code = textwrap.dedent("""
        import sys
        from fastmlp import MLP
        model = MLP([2, 4, 1], seed=int(sys.argv[2]))
        for _ in range(60):
            model.save(sys.argv[1])
            MLP.load(sys.argv[1])
    """)
    commands = [[sys.executable, "-c", code, str(tmp_path / "model"), str(seed)] for seed in range(4)]
    processes = [subprocess.Popen(command) for command in commands]
    assert [process.wait() for process in processes] == [0] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert any(is_same(MLP.load(tmp_path / "model"), network(seed)) for seed in range(4))
