# The front door. Everything runs from .venv, made from the hashed locks in requirements/.
PYTHON ?= python3
BIN := .venv/bin
# One more than there are cores: many tests wait for a server, a browser or the clock.
WORKERS ?= $(shell expr 1 + `getconf _NPROCESSORS_ONLN`)

.PHONY: demo test check bench docs browser prometheus clean

demo: .venv/core.stamp  ## load the two demo tenants and serve them; CHECK=1 asks the three questions and exits
	$(BIN)/python demo/run.py $(if $(CHECK),--check)

test: .venv/dev.stamp browser prometheus .label-studio/stamp .phoenix/stamp .oidc-provider/stamp  ## every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: .venv/dev.stamp  ## style, types, layers
	$(BIN)/ruff check && $(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev.stamp  ## every benchmark, one JSON document each; needs ../shared/data
	@for file in $(filter-out bench/train_injection.py,$(wildcard bench/*.py)); do echo "== $$file"; $(BIN)/python $$file --json || exit 1; done

docs: .venv/dev.stamp  ## write the generated parts of docs/ again
	$(BIN)/python docs/generate.py

browser: .venv/dev.stamp  ## find a Chromium for the browser tests, or get one
	@requirements/browser

prometheus:  ## find a Prometheus for the tests, or get one
	@requirements/prometheus

clean:
	rm -rf .venv .label-studio .phoenix .prometheus .oidc-provider .aver

.venv/core.stamp: requirements/core.lock pyproject.toml
	@requirements/install core $(PYTHON)

.venv/dev.stamp: requirements/dev.lock pyproject.toml
	@requirements/install dev $(PYTHON)

.label-studio/stamp: requirements/label-studio.lock
	@requirements/label-studio $(PYTHON)

.phoenix/stamp: requirements/phoenix.lock
	@requirements/phoenix $(PYTHON)

.oidc-provider/stamp: requirements/oidc-provider.lock requirements/oidc-provider.json
	@requirements/oidc-provider
