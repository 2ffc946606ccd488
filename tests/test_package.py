"""The package as a whole: its names, what importing it costs, how it finds its compiled module, its examples."""

import doctest
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastmlp
from fastmlp import _kernels
from fastmlp.engine import threads

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(fastmlp.__path__, "fastmlp.")
    if not module.name.endswith("__main__")
)
PARENT = Path(_kernels.__file__).parents[1]


def python(code, *paths, folder=None, **environment):
    """Run code in a fresh interpreter that sees these folders."""
    variables = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "FASTMLP_ISA")}
    variables |= {"PYTHONPATH": os.pathsep.join(map(str, paths)), **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables, cwd=folder)


# ---- names


@pytest.mark.parametrize("name", fastmlp.__all__)
def test_every_public_name_resolves_and_is_listed(name):
    assert getattr(fastmlp, name) is not None
    assert name in dir(fastmlp)


def test_the_public_names_are_those_of_the_stub():
    stub = Path(fastmlp.__file__).with_suffix(".pyi").read_text()
    assert {line.rsplit(" ", 1)[1] for line in stub.splitlines() if line.startswith("from")} | {"__version__"} == set(
        fastmlp.__all__
    )


def test_star_import_gives_every_public_name():
    names = {}
    exec("from fastmlp import *", names)
    assert set(fastmlp.__all__) <= set(names)


def test_a_name_comes_from_its_module():
    assert fastmlp.MLP is importlib.import_module("fastmlp.network").MLP
    assert fastmlp.predict is importlib.import_module("fastmlp.notebook").predict
    assert fastmlp.lab is sys.modules["fastmlp.lab"]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'fastmlp' has no attribute 'TransformerXXL'"):
        _ = fastmlp.TransformerXXL
    with pytest.raises(ImportError, match="cannot import name 'TransformerXXL'"):
        exec("from fastmlp import TransformerXXL")


# ---- what an import costs

HEAVY = ["sklearn", "matplotlib", "scipy", "tqdm", "pandas"]


@pytest.mark.parametrize(
    "statement",
    [
        "import fastmlp",
        "from fastmlp import MLP; MLP([2, 3, 1]).train([[0, 1]], [1], learning_rate=0.1, epochs=3)",
        "import fastmlp as f; f.MLP([1, 2, 1], seed=0).train([[0], [1]], [0, 1], epochs=3, optimizer=f.AdamW())",
        "from fastmlp.notebook import *; model([[0], [1]], [[1]], num_iterations=3, print_cost=False)",
        "import fastmlp.lab, fastmlp.cli, fastmlp.reference",
    ],
)
def test_heavy_packages_are_imported_only_where_they_are_used(statement):
    done = python(f"{statement}\nimport sys; print(*(set({HEAVY}) & sys.modules.keys()))", PARENT)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


# ---- configuration


def test_show_config_tells_what_this_installation_is(capsys):
    facts = fastmlp.show_config(mode="dict")
    assert list(facts) == [
        "version",
        "isa",
        "isa_available",
        "threads",
        "blas",
        "compiler",
        "numpy",
        "python",
        "machine",
    ]
    assert facts["version"] == fastmlp.__version__
    assert facts["isa"] in facts["isa_available"]
    assert facts["isa_available"][0] == "baseline"
    assert facts["numpy"] == np.__version__
    assert facts["threads"] == threads.available() >= 1
    assert capsys.readouterr().out == ""
    assert fastmlp.show_config() is None
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(facts)


@pytest.mark.parametrize("mode", ["json", None, 3])
def test_show_config_refuses_another_mode(mode):
    with pytest.raises((TypeError, ValueError), match=f"mode must be one of print, dict; got {mode!r}"):
        fastmlp.show_config(mode=mode)


@pytest.mark.parametrize("name", _kernels.available_isas())
def test_the_environment_chooses_the_instruction_set(name):
    done = python("import fastmlp; print(fastmlp.show_config('dict')['isa'])", PARENT, FASTMLP_ISA=name)
    assert (done.returncode, done.stdout.strip()) == (0, name)


def test_without_a_choice_the_widest_instruction_set_is_used():
    done = python("import fastmlp; print(fastmlp.show_config('dict')['isa'])", PARENT, FASTMLP_ISA="")
    assert done.stdout.strip() == _kernels.available_isas()[-1]


def test_an_unknown_instruction_set_is_an_error_that_lists_the_available_ones():
    done = python("from fastmlp import MLP", PARENT, FASTMLP_ISA="mmx")
    assert done.returncode != 0
    *_, last = done.stderr.strip().splitlines()
    assert f"FASTMLP_ISA must be one of {', '.join(_kernels.available_isas())} on this machine, got 'mmx'" in last


# ---- a folder without a compiled module


@pytest.fixture
def source_only(tmp_path):
    """A checkout's folder: the Python files, and nothing built."""
    folder = tmp_path / "checkout"
    ignore = shutil.ignore_patterns("_kernels*", "*.so", "__pycache__", "src")
    shutil.copytree(Path(fastmlp.__file__).parent, folder / "fastmlp", ignore=ignore)
    return folder


@pytest.fixture
def installed(tmp_path):
    """A site-packages folder with the package built."""
    folder = tmp_path / "site-packages"
    shutil.copytree(Path(_kernels.__file__).parent, folder / "fastmlp", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


TRAIN = """
import fastmlp, fastmlp._kernels, json
from fastmlp.notebook import relu
fastmlp.MLP([2, 3, 1]).train([[0, 1]], [1], learning_rate=0.1, epochs=3)
print(json.dumps([fastmlp.__file__, fastmlp._kernels.__file__]))
"""


def test_inside_an_unbuilt_checkout_the_installed_package_is_used(source_only, installed):
    done = python(TRAIN, installed, folder=source_only)
    assert done.returncode == 0, done.stderr
    _, kernels = json.loads(done.stdout)
    assert Path(kernels).parent == installed / "fastmlp"


def test_inside_an_unbuilt_checkout_the_command_works(source_only, installed):
    code = "import sys; from fastmlp.cli import main; sys.exit(main(['--iterations', '3', '--init', 'he']))"
    done = python(code, installed, folder=source_only, MPLBACKEND="Agg")
    assert done.returncode == 0, done.stderr


def test_without_an_installed_package_an_unbuilt_checkout_says_what_to_do(source_only):
    code = "import sys; sys.path = [p for p in sys.path if not __import__('glob').glob(p + '/fastmlp/_kernels*')]\n"
    done = python(code + "import fastmlp", source_only, folder=source_only)
    assert done.returncode == 1
    *_, last = done.stderr.strip().splitlines()
    assert last == f"ImportError: fastmlp is not built: run `pip install .` in {source_only}"


# ---- examples in the documentation


@pytest.mark.parametrize("name", ["fastmlp", *MODULES])
def test_the_examples_of_every_module_are_true(name):
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert failed == 0


@pytest.mark.parametrize("name", [name for name in fastmlp.__all__ if callable(getattr(fastmlp, name))])
def test_every_public_function_and_class_has_a_docstring(name):
    assert len(getattr(fastmlp, name).__doc__) > 20


def test_importing_every_module_leaves_numpy_s_settings_alone():
    """In a fresh process, since here the modules are imported already."""
    code = f"""
import importlib, warnings, numpy as np, sklearn.neural_network  # scikit-learn and SciPy add filters of their own
settings = lambda: (np.geterr(), np.get_printoptions(), np.geterrcall(), np.getbufsize(), warnings.filters)
before = repr(settings())
for name in {MODULES}:
    importlib.import_module(name)
assert repr(settings()) == before, (before, settings())
"""
    done = python(code, PARENT)
    assert done.returncode == 0, done.stderr
