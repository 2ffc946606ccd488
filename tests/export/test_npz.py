"""Reading is bounded: no file makes it take more memory than a small multiple of the file, or refuse late."""

import io
import json
import pickle
import struct
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile

import numpy as np
import pytest

from fastmlp import MLP, Adam
from fastmlp.export import archive, npz


def model():
    network = MLP([2, 4, 3, 1], seed=1)
    network.train([[0.0, 1.0], [1.0, 0.0]], [0, 1], epochs=2, optimizer=Adam(), seed=3)
    return network


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(text, data=b"", version=b"\x01\x00", width="<H"):
    """An .npy file with a header written by hand."""
    return b"\x93NUMPY" + version + struct.pack(width, len(text)) + text.encode() + data


ENTRIES = {name: npy(array) for name, array in archive.contents_of(model()).items()}


def zipped(compression=zipfile.ZIP_STORED, also=(), **changes):
    """The file of a good model, with some entries replaced by bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as target:
        for name, content in [*{**ENTRIES, **changes}.items(), *also]:
            target.writestr(f"{name}.npy", content)
    return file.getvalue()


def load(data):
    return MLP.load(io.BytesIO(data))


def peak_of(data, call):
    """The peak of memory allocated while a call runs, in bytes, NumPy's arrays included."""
    tracemalloc.start()
    try:
        call(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def declared(descr, shape, order=False):
    return header(f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}\n")


def many_entries():
    file = io.BytesIO(zipped())
    with zipfile.ZipFile(file, "a") as target:
        for i in range(20_000):
            target.writestr(f"{i}.npy", b"")
    return file.getvalue()


def patched_sizes(size):
    """Both sizes of the first entry in the directory replaced, without a byte more in the file."""
    data = bytearray(zipped())
    at = data.index(b"PK\x01\x02")
    data[at + 20 : at + 28] = struct.pack("<II", size, size)
    return bytes(data)


BILLION = 10**9
NO_CHARACTER = np.array([2**31 - 1], "<i4").view("<U1").reshape(())
HOSTILE = {
    "zero-width text": (lambda: zipped(activations=declared("<U0", f"({BILLION},)")), "activations cannot have shape"),
    "zero-width loss": (lambda: zipped(loss=declared("<U0", f"({BILLION},)")), "loss cannot have shape"),
    "zero-width void": (lambda: zipped(activations=declared("|V0", f"({BILLION},)")), "activations has no header"),
    "zero-width bytes": (lambda: zipped(loss=declared("|S0", f"({BILLION},)")), "loss has no header"),
    "shape of nothing": (lambda: zipped(moments=declared("<f8", f"(0, {2**62})")), "moments must have shape"),
    "shape beyond int64": (lambda: zipped(moments=declared("<f8", f"(0, {2**80})")), "moments must have shape"),
    "shape of dimensions": (
        lambda: zipped(layer_dims=declared("<i8", (0,) * 60)),
        "layer_dims has no header|no network",
    ),
    "more than there is": (lambda: zipped(parameters=declared("<f8", f"({BILLION},)")), "parameters cannot have shape"),
    "objects": (lambda: zipped(parameters=declared("|O", "(31,)")), "parameters has no header"),
    "records": (lambda: zipped(parameters=declared([("a", "<f8")], "(31,)")), "no header"),
    "dates": (lambda: zipped(parameters=declared("<M8", "(31,)")), "parameters has no header"),
    "odd floats": (lambda: zipped(parameters=declared("<f3", "(31,)")), "parameters has an unknown dtype"),
    "wide text": (lambda: zipped(loss=declared("<U99999999", "()")), "loss cannot have shape"),
    "Fortran order": (lambda: zipped(parameters=declared("<f8", "(31,)", order=True)), "no header"),
    "another format": (
        lambda: zipped(loss=header("{'descr': '<U8', 'fortran_order': False, 'shape': (), }\n", version=b"\x04\x00")),
        "loss has no header",
    ),
    "long header": (lambda: zipped(loss=header("{" + " " * 60_000 + "}\n")), "loss has no header"),
    "longest header": (
        lambda: zipped(loss=header("(" * 2_000_000, version=b"\x02\x00", width="<I")),
        "loss has no header",
    ),
    "long text": (lambda: zipped(loss=npy(np.array("x" * 500_000))), "loss must be a text of at most 16384 characters"),
    "long JSON": (lambda: zipped(optimizer=npy(np.array("[" * 500_000))), "optimizer must be a text of at most"),
    "deep JSON": (lambda: zipped(optimizer=npy(np.array("[" * 16_000))), "optimizer is no JSON"),
    "long number": (lambda: zipped(optimizer=npy(np.array("9" * 16_000))), "optimizer is no JSON"),
    "long version": (lambda: zipped(version=npy(np.array("9" * 500_000))), "version must be a text of at most"),
    "no version": (lambda: zipped(version=npy(np.array("1.x" + "." * 50))), "version must be one of fastmlp"),
    "no characters": (lambda: zipped(loss=npy(NO_CHARACTER)), "loss is no text"),
    "long names": (
        lambda: zipped(activations=npy(np.array(["x" * 1000] * 3))),
        "activations must be names of at most 40",
    ),
    "many layers": (
        lambda: zipped(layer_dims=npy(np.ones(300_000, int)), activations=npy(np.full(299_999, "relu"))),
        "no network",
    ),
    "many entries": (many_entries, "its directory takes over 131072 bytes"),
    "two of a name": (lambda: zipped(also=[("loss", npy(np.array("huber")))]), "two entries are called 'loss'"),
    "unknown entry": (lambda: zipped(also=[("weights" * 100, b"")]), "it has an unknown 'weightsweights"),
    "declared sizes": (lambda: patched_sizes(2**31), "version declares 2147483648 bytes, more than the file has"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_declares_what_no_model_has_is_refused_by_entry_in_little_memory(kind):
    make, message = HOSTILE[kind]
    data = make()

    def refused(data):
        with pytest.raises(ValueError, match=f"file is not a model saved by fastmlp: .*({message})"):
            load(data)

    assert peak_of(data, refused) < 4 * len(data) + 600_000


@pytest.mark.parametrize("entry", ["parameters", "layer_dims", "activations", "loss", "moments", "progress"])
def test_compressed_entries_are_refused_before_they_unfold(entry):
    """Zeros unfold to a thousand times their file."""
    big = npy(np.zeros(1_000_000))
    data = zipped(zipfile.ZIP_DEFLATED, **{entry: big})
    assert len(data) < len(big) / 100

    def refused(data):
        with pytest.raises(ValueError, match=r"(version|loss) is compressed"):
            load(data)

    assert peak_of(data, refused) < 1_000_000


def test_a_version_alone_may_be_compressed_and_only_a_short_one():
    versions = {size: npy(np.array("9.1" + size * " ")) for size in (0, 100_000)}

    def written(size):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as target:
            target.writestr("version.npy", versions[size], zipfile.ZIP_DEFLATED)
            target.writestr("next.npy", npy(np.zeros(3)))
        return file.getvalue()

    with pytest.raises(ValueError, match=r"was written by fastmlp 9\.1, this is"):
        load(written(0))
    with pytest.raises(ValueError, match="version is compressed"):
        load(written(100_000))


def test_a_network_of_many_layers_is_refused_before_its_names_are_read(monkeypatch):
    """Their number of parameters is another one."""
    n = 10_000
    data = zipped(
        layer_dims=npy(np.ones(n + 1, np.int64)),
        activations=npy(np.array(["relu"] * n)),
        parameters=npy(np.zeros(2 * n + 1)),
    )
    monkeypatch.setattr(archive, "hidden_activations", lambda *_: pytest.fail("the names were read"))
    with pytest.raises(ValueError, match=r"parameters must have shape \(20000,\) for layer_dims, got \(20001,\)"):
        load(data)


def test_a_model_takes_little_more_memory_than_its_file_while_it_loads():
    network = MLP([500, 1000, 500, 1], seed=0)
    network.train(np.eye(2, 500), [0, 1], epochs=1, optimizer="adam")
    file = io.BytesIO()
    network.save(file)
    assert peak_of(file.getvalue(), load) < 1.1 * len(file.getvalue()) + 1_000_000


def test_a_model_takes_little_memory_while_it_is_saved(tmp_path):
    network = MLP([500, 1000, 500, 1], seed=0)
    assert peak_of(tmp_path / "model", network.save) < 1.1 * network.parameters.nbytes + 1_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_no_compression_is_read(method):
    with pytest.raises(ValueError, match="is compressed"):
        load(zipped(method))


def test_an_entry_may_be_called_anything_without_a_long_message():
    data = zipped(also=[("\x1b[2J" * 1000, b"")])
    with pytest.raises(ValueError, match="it has an unknown") as caught:
        load(data)
    assert len(str(caught.value)) < 300
    assert "\x1b" not in str(caught.value)


# ---- errors that are not the file's


def test_out_of_memory_is_a_memory_error(monkeypatch, tmp_path):
    model().save(tmp_path / "model")
    for place in ("empty", "dtype"):
        with monkeypatch.context() as patch:

            def fail(*args, **kwargs):
                raise MemoryError("no room")

            patch.setattr(npz.np, place, fail)
            with pytest.raises(MemoryError, match="no room"):
                MLP.load(tmp_path / "model")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a limit on the address space")
def test_a_model_larger_than_memory_is_a_memory_error(tmp_path):
    code = textwrap.dedent("""
        import resource, sys
        from fastmlp import MLP
        MLP.load(sys.argv[2])
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 16_000_000, -1))
        try:
            MLP.load(sys.argv[1])
        except MemoryError:
            print("MemoryError")
    """)
    MLP([2000, 2000, 1], initialization="zeros").save(tmp_path / "large")
    model().save(tmp_path / "small")
    command = [sys.executable, "-c", code, str(tmp_path / "large"), str(tmp_path / "small")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "MemoryError\n"


class Failing(io.BytesIO):
    """A file whose nth read raises an error."""

    def __init__(self, data, n, error):
        super().__init__(data)
        self.n, self.error = n, error

    def read(self, size=-1):
        if size:
            self.n -= 1
        if self.n < 0:
            raise self.error
        return super().read(size)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_an_error_of_any_read_passes(error):
    file = io.BytesIO()
    model().save(file)
    n = 0
    while True:
        try:
            MLP.load(Failing(file.getvalue(), n, error))
            break
        except type(error) as caught:
            assert caught is error
        n += 1
    assert n > 20


# ---- damage


def test_a_file_cut_short_anywhere_is_refused():
    data = io.BytesIO()
    model().save(data)
    for length in range(len(data.getvalue())):
        with pytest.raises(ValueError, match="file is not a model saved by fastmlp"):
            load(data.getvalue()[:length])


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_that_is_damaged_but_has_its_checksum_is_refused_or_is_a_model(entry):
    """Faults that no checksum shows: every byte of an entry is replaced."""
    content = ENTRIES[entry]
    for at in range(0, len(content), 1 if len(content) < 400 else 7):
        for byte in (0, 0x39, 0xFF):
            damaged = content[:at] + bytes([byte]) + content[at + 1 :]
            try:
                loaded = load(zipped(**{entry: damaged}))
            except ValueError as error:
                assert str(error).startswith(("file is not a model saved by fastmlp: ", "file was written by fastmlp"))
            else:
                assert loaded.parameters.shape == (31,)


def test_bytes_after_or_before_a_model_are_refused():
    with pytest.raises(ValueError, match="it is damaged or cut short, or its directory takes"):
        load(zipped() + bytes(2**17))
    with pytest.raises(ValueError, match=r"it does not start as a zip archive$"):
        load(b"some text" + zipped())


@pytest.mark.parametrize("data", [b"layer_dims: 2, 4", pickle.dumps(model()), npy(np.ones(3)), b"\x1f\x8b", b"PK"])
def test_no_advice_of_another_library_passes(data):
    with pytest.raises(ValueError, match=r"^file is not a model saved by fastmlp: it does not start as a zip arch"):
        load(data)


def test_json_is_kept_small_by_every_model():
    """The limit on texts is far from what is written."""
    longest = max(
        len(text) for text in (array.item() for array in archive.contents_of(model()).values() if array.ndim == 0)
    )
    assert json.loads(archive.contents_of(model())["optimizer"].item())["name"] == "adam"
    assert longest * 10 < archive.MOST_TEXT
