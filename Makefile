# `make help` lists the targets; PYTHON names the interpreter of the environment to work in.
PYTHON ?= python

.PHONY: help develop test mutants lint docs bench readme clang wasm notebook gallery lab playground sanitize debug sdist clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

develop: ## install in place with everything the other targets need
	$(PYTHON) -m pip install -e '.[test,lint,docs]'

test: ## run the tests
	$(PYTHON) -m pytest

mutants: ## see which small faults in the Python layer no test notices (pip install mutmut; half an hour)
	OMP_NUM_THREADS=1 MPLBACKEND=Agg $(PYTHON) -m mutmut run
	$(PYTHON) -m mutmut results

lint: ## check style and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	cython-lint --max-line-length 120 fastmlp/*.pyx fastmlp/*.pxd fastmlp/*.pxi
	clang-format --dry-run --Werror fastmlp/src/*.c fastmlp/src/*.h

docs: ## build the documentation in docs/_build/html; warnings are errors
	$(PYTHON) -m sphinx -q -W --keep-going docs docs/_build/html

bench: ## time ours against the NumPy reference, function by function
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(PYTHON) -m pytest benches --benchmark-columns=min,median,ops

readme: ## measure all tables against every installed peer, draw them and the study; all go into the documents
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(PYTHON) benches/compare.py --update-readme
	$(PYTHON) -m fastmlp --output docs/images

clang: ## build with Clang and with GCC in build/compilers, compare their bits and their times
	$(PYTHON) benches/tables/clang_table.py

wasm: ## build the playground's engine, with Debian 12's clang-14 and lld-14
	sh tools/build_wasm.sh fastmlp/lab/playground/engine.wasm

notebook: ## execute the example and write its outputs into the notebook
	$(PYTHON) tools/build_notebook.py

gallery: ## run the examples of the gallery, which draw the pictures of its page
	for example in examples/gallery/*.py; do $(PYTHON) $$example docs/images/gallery || exit 1; done

lab: ## run the examples of the laboratory, which draw the pictures of its page
	for example in examples/lab/*.py; do $(PYTHON) $$example docs/images/lab || exit 1; done

playground: ## draw the README's picture of the playground, with Chromium
	$(PYTHON) tools/picture_playground.py

sanitize: ## build with AddressSanitizer and UBSan in build/sanitize and run the tests there
	bash tests/run_sanitized.sh $(PYTHON)

debug: ## build in place with Cython's bounds checks on
	FASTMLP_DEBUG=1 $(PYTHON) setup.py build_ext --inplace --force

sdist: ## make the source distribution
	$(PYTHON) -m build --sdist

clean: ## remove everything built
	rm -rf build dist docs/_build *.egg-info fastmlp/_kernels.c fastmlp/*.so
