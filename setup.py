"""Build of the compiled layer; everything else about the package stands in pyproject.toml."""

import os
import sys
from pathlib import Path

import numpy as np
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("FASTMLP_DEBUG") == "1"
SANITIZE = os.environ.get("FASTMLP_SANITIZE") == "1"
WARNINGS_ARE_ERRORS = os.environ.get("FASTMLP_WERROR") == "1"  # set by .ci/run: other compilers know other warnings

COMPILE_ARGS = [
    "-std=c11",
    "-O1" if DEBUG or SANITIZE else "-O3",
    "-g1" if DEBUG or SANITIZE else "-g0",  # line numbers would more than double the extension
    "-Wall",
    "-Wextra",
    "-pthread",
    "-ffp-contract=off",  # the bits belong to the source: every fused multiply-add is written as one
    "-fno-math-errno",
]
LINK_ARGS = ["-pthread"]
if WARNINGS_ARE_ERRORS:
    COMPILE_ARGS.append("-Werror")
if SANITIZE:
    SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
    COMPILE_ARGS += SANITIZERS
    LINK_ARGS += SANITIZERS

# One place for Cython's directives; FASTMLP_DEBUG=1 turns the checks on.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": not DEBUG,
    "embedsignature": True,
}


class BuildExt(build_ext):
    """Says which compiler is needed, rather than letting an unfit one fail on page after page of errors."""

    def build_extensions(self):
        if self.compiler.compiler_type == "msvc":
            sys.exit("fastmlp's kernels use GCC's vector extensions: build with GCC, Clang or clang-cl, not MSVC")
        super().build_extensions()


extension = Extension(
    "fastmlp._kernels",
    ["fastmlp/_kernels.pyx", *sorted(str(path) for path in Path("fastmlp/src").glob("*.c"))],
    include_dirs=["fastmlp/src", np.get_include()],
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_25_API_VERSION"), ("NPY_TARGET_VERSION", "NPY_1_25_API_VERSION")],
    extra_compile_args=COMPILE_ARGS,
    extra_link_args=LINK_ARGS,
    depends=[*map(str, Path("fastmlp").glob("_*.p*")), *(str(path) for path in Path("fastmlp/src").iterdir())],
)

setup(
    ext_modules=cythonize([extension], compiler_directives=DIRECTIVES, include_path=["fastmlp"]),
    cmdclass={"build_ext": BuildExt},
)
