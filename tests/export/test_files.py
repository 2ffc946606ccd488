"""Paths and open files: where models are written to and read from, and what is left when that fails."""

import errno
import gzip
import io
import os
import re
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest

from fastmlp import MLP
from fastmlp.export import npz


def network(seed=1):
    return MLP([2, 4, 1], seed=seed)


def saved(model):
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def is_same(one, other):
    return one.parameters.tobytes() == other.parameters.tobytes()


# ---- open files


class WriteOnly:
    """The least a file can do."""

    def __init__(self):
        self.parts = []

    def write(self, data):
        self.parts.append(bytes(data))


class Hesitant(io.RawIOBase):
    """A raw file that takes a few bytes at a time, as sockets and pipes may."""

    def __init__(self):
        super().__init__()
        self.content = b""

    def writable(self):
        return True

    def write(self, data):
        self.content += bytes(data[:100])
        return min(100, len(data))


class ReadOnce:
    """A stream that can only be read, and not seek."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def read(self, size=-1):
        return self._file.read(size)


def test_a_model_is_saved_to_and_loaded_from_memory():
    model, file = network(), io.BytesIO()
    assert model.save(file) is None
    assert not file.closed
    file.seek(0)
    assert is_same(MLP.load(file), model)
    assert file.tell() == len(file.getvalue())
    assert not file.closed


def test_a_path_and_an_open_file_get_the_same_arrays(tmp_path):
    network().save(tmp_path / "path")
    with (tmp_path / "file").open("wb") as file:
        network().save(file)
    with np.load(tmp_path / "path") as one, np.load(tmp_path / "file") as other:
        assert one.files == other.files
        assert all((one[name] == other[name]).all() for name in one.files)


@pytest.mark.parametrize("buffering", [-1, 0])
def test_open_files_on_disk(buffering, tmp_path):
    with (tmp_path / "model").open("w+b", buffering=buffering) as file:
        network().save(file)
        file.seek(0)
        assert is_same(MLP.load(file), network())
    with (tmp_path / "model").open("rb", buffering=buffering) as file:
        assert is_same(MLP.load(file), network())


def test_files_of_other_kinds(tmp_path):
    with gzip.open(tmp_path / "model.gz", "wb") as file:
        network().save(file)
    with gzip.open(tmp_path / "model.gz") as file:
        assert is_same(MLP.load(file), network())
    for temporary in (tempfile.TemporaryFile(), tempfile.NamedTemporaryFile(), tempfile.SpooledTemporaryFile()):  # noqa: SIM115
        with temporary as file:
            network().save(file)
            file.seek(0)
            assert is_same(MLP.load(file), network())


def test_a_file_needs_no_method_but_write_and_read():
    target = WriteOnly()
    network().save(target)
    assert is_same(MLP.load(ReadOnce(b"".join(target.parts))), network())


def test_a_raw_file_that_takes_a_part_of_the_bytes_gets_all():
    target = Hesitant()
    network().save(target)
    assert not target.closed
    assert is_same(MLP.load(io.BytesIO(target.content)), network())


def test_a_pipe_carries_a_model():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as source, os.fdopen(writer, "wb") as target:
        thread = threading.Thread(target=lambda: (network().save(target), target.close()))
        thread.start()
        assert is_same(MLP.load(source), network())
        thread.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    thread = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(saved(network())))
    thread.start()
    assert is_same(MLP.load(tmp_path / "pipe"), network())
    thread.join()


def test_a_model_may_follow_other_bytes():
    file = io.BytesIO()
    file.write(b"header")
    network().save(file)
    assert file.getvalue().startswith(b"headerPK")
    file.seek(len(b"header"))
    assert is_same(MLP.load(file), network())


@pytest.mark.parametrize("opened", [io.StringIO, lambda: tempfile.TemporaryFile("w+")])  # noqa: SIM115
def test_text_files_are_refused(opened):
    with opened() as file:
        with pytest.raises(TypeError, match=r"^file must be open for writing in binary mode, got <"):
            network().save(file)
        with pytest.raises(TypeError, match=r"^file must be open for reading in binary mode, got <"):
            MLP.load(file)


def test_files_that_are_closed_or_open_for_something_else_are_refused(tmp_path):
    (tmp_path / "model").write_bytes(saved(network()))
    with (tmp_path / "model").open("rb") as file, pytest.raises(ValueError, match="file must be open for writing"):
        network().save(file)
    with pytest.raises(ValueError, match="file must be open for reading in binary mode, got <"):
        MLP.load(file)
    with (tmp_path / "other").open("wb") as file, pytest.raises(ValueError, match="file must be open for reading"):
        MLP.load(file)
    with pytest.raises(ValueError, match="file must be open for writing in binary mode, got <"):
        network().save(file)


def test_the_end_of_a_file_is_no_model_and_the_error_says_why():
    file = io.BytesIO()
    network().save(file)
    with pytest.raises(ValueError, match=r"fastmlp: it is at its end; call file.seek\(0\) first$"):
        MLP.load(file)
    with pytest.raises(ValueError, match=r"^file is not a model saved by fastmlp: it is empty$"):
        MLP.load(io.BytesIO())


def test_errors_name_the_path_of_an_open_file(tmp_path):
    (tmp_path / "damaged").write_bytes(b"PK")
    with (tmp_path / "damaged").open("rb") as file, pytest.raises(ValueError, match=f"^{tmp_path}/damaged is not a mo"):
        MLP.load(file)
    with tempfile.TemporaryFile() as file, pytest.raises(ValueError, match=r"^file is not a model saved by fastmlp"):
        MLP.load(file)  # its name is a number


# ---- paths


def test_bytes_and_path_like_objects_are_paths(tmp_path):
    class Place:
        def __fspath__(self):
            return os.fspath(tmp_path / "place")

        def write(self, data):
            raise AssertionError("a path is no open file, whatever else it can do")

    for path in (os.fsencode(tmp_path / "bytes"), Place(), os.fsencode(tmp_path) + b"/\xff\xfe"):
        network().save(path)
        assert is_same(MLP.load(path), network())
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("value", [None, 3, 3.5, ["model"], object(), network()], ids=type)
def test_what_is_no_path_and_no_file_is_refused_by_name(value):
    message = rf"^file must be a path or an open binary file, got {re.escape(repr(value)[:20])}"
    with pytest.raises(TypeError, match=message):
        network().save(value)
    with pytest.raises(TypeError, match=message):
        MLP.load(value)


@pytest.mark.parametrize("path", ["", b"", "a\0b", "\ud800"])
def test_what_no_file_can_be_called_is_refused(path):
    with pytest.raises(ValueError, match=r"^file must be a path that a file can have, got '"):
        network().save(path)
    with pytest.raises(ValueError, match=r"^file must be a path that a file can have, got '"):
        MLP.load(path)


def failing_paths(folder):
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "file").write_bytes(b"x")
    return {
        "no folder": (folder / "nowhere" / "model", FileNotFoundError),
        "a file for a folder": (folder / "file" / "model", NotADirectoryError),
        "a loop of links": (folder / "loop", OSError),
        "a long name": (folder / ("x" * 300), OSError),
    }


@pytest.mark.parametrize("kind", ["no folder", "a file for a folder", "a loop of links", "a long name"])
def test_errors_of_the_system_name_the_path_as_it_was_given(kind, tmp_path):
    path, error = failing_paths(tmp_path)[kind]
    for call in (network().save, MLP.load):
        with pytest.raises(error) as caught:
            call(path)
        assert caught.value.filename == str(path)
        assert caught.value.filename2 is None
        assert ".fastmlp-" not in str(caught.value)


def test_folders_and_devices_are_no_models(tmp_path):
    with pytest.raises(IsADirectoryError) as caught:
        MLP.load(tmp_path)
    assert caught.value.filename == str(tmp_path)
    with pytest.raises(OSError, match="exists and is not a regular file"):
        network().save(tmp_path)
    with pytest.raises(ValueError, match=r"^/dev/null is not a model saved by fastmlp: it is empty"):
        MLP.load("/dev/null")
    with pytest.raises(OSError, match=r"^/dev/null exists and is not a regular file"):
        network().save("/dev/null")


def test_a_link_to_nothing_becomes_a_link_to_the_model(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "model")
    network().save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert is_same(MLP.load(tmp_path / "model"), network())


def fails_with(error):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.parametrize(("owner", "name"), [(npz, "write"), (os, "fsync"), (Path, "chmod"), (Path, "replace")])
def test_a_full_disk_is_named_with_the_path_and_leaves_the_old_file(owner, name, tmp_path, monkeypatch):
    path = tmp_path / "model"
    network(1).save(path)
    with monkeypatch.context() as patch:
        error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / ".fastmlp-0123"), None, "another")
        patch.setattr(owner, name, fails_with(error))
        with pytest.raises(OSError, match=rf"^\[Errno 28\] No space left on device: '{path}'$"):
            network(2).save(path)
    assert list(tmp_path.iterdir()) == [path]
    assert is_same(MLP.load(path), network(1))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_under_an_open_file_is_an_error():
    with pytest.raises(OSError, match="No space left"), open("/dev/full", "wb", buffering=0) as file:  # noqa: PTH123
        network().save(file)


def test_an_error_while_a_path_is_read_names_it(tmp_path, monkeypatch):
    network().save(tmp_path / "model")
    monkeypatch.setattr(npz.zipfile.ZipFile, "open", fails_with(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(OSError, match=rf"^\[Errno 5\] Input/output error: '{tmp_path}/model'$"):
        MLP.load(tmp_path / "model")
