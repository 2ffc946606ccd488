"""The example of all pictures runs in a small form, and the guide shows each picture that it draws."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastmlp.lab import pictures

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "guide" / "pictures.md"
KEPT = ROOT / "docs" / "images" / "lab"
SMALL = {"seeds": 3, "epochs": 150, "depth": 4, "n_scales": 3, "depths": (1, 2), "frames": 3}


def shown():
    """The names of the pictures of the guide."""
    return sorted(re.findall(r"^!\[.+\]\(\.\./images/lab/(\w+\.(?:png|gif))\)$", PAGE.read_text(), re.M))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    runpy.run_path(str(ROOT / "examples" / "lab_pictures.py"))["main"](folder, **SMALL)
    return folder


def test_the_guide_shows_what_the_example_draws(drawn):
    assert sorted(path.name for path in drawn.iterdir()) == shown()


@pytest.mark.parametrize("name", shown())
def test_each_picture_has_the_size_of_the_kept_one_and_something_on_it(drawn, name):
    with Image.open(drawn / name) as small, Image.open(KEPT / name) as kept:
        assert abs(small.width - kept.width) <= 160  # a column of the grid less
        assert abs(small.height - kept.height) <= 2 or name == "boundary_grid.png"
        assert np.asarray(small.convert("RGB")).std() > 10
        assert getattr(small, "n_frames", 1) == (3 if name.endswith("gif") else 1)
    assert (KEPT / name).stat().st_size < 61_000


def test_the_reference_names_every_public_name():
    reference = (ROOT / "docs" / "api" / "pictures.rst").read_text()
    for name in pictures.__all__:
        assert re.search(rf"^\.\. (autofunction|autoclass|data):: {name}$", reference, re.M), name
