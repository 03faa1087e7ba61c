# Two commands do everything on a fresh Debian machine with Python 3.11+ (and venv) and make:
#   make demo    a browser shows a CRM; open an invoice, click Charge
#   make test    the tests
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup chromium demo test check bench clean

setup: .venv/ready

.venv/ready: requirements/dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Counterfoil needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	touch $@

# The browser tests drive Debian's Chromium. Without the right to install it they are skipped and say so.
chromium:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null \
	  || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null)

demo: setup
	$(BIN)/python -m connector demo $(ARGS)

test: setup chromium
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml
	$(BIN)/python -m deploy.check

bench: setup
	$(BIN)/python -m tests.bench $(ARGS)

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
