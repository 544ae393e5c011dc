# Each target sets itself up; see README.md. `make test ARGS="-k ledger"` passes arguments on to pytest.
.PHONY: setup demo test lint bench lock
.DEFAULT_GOAL := setup
BIN := .venv/bin
COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock"

setup:
	@requirements/setup.sh

demo: setup
	@$(BIN)/python -m demo $(ARGS)

.PHONY: pictures
pictures: setup ## Record `make demo` for README: docs/pictures/demo.svg and the excerpt
	@$(BIN)/python -m demo.picture

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

test: lint
	@$(BIN)/pytest $(ARGS)

bench: setup
	@$(BIN)/python -m bench $(ARGS)

lock: setup
	@$(COMPILE) --extra dev pyproject.toml -o requirements/dev.lock
	@$(COMPILE) -c requirements/dev.lock --extra fetcher --extra cloudflare pyproject.toml -o requirements/fetcher.lock
	@$(COMPILE) -c requirements/dev.lock --extra processor pyproject.toml -o requirements/processor.lock
	@echo uv | $(COMPILE) -c requirements/dev.lock - -o requirements/tools.lock
	@echo hatchling | $(COMPILE) -c requirements/dev.lock - -o requirements/build.lock

.PHONY: cloudflare bench-cloudflare lock-worker

cloudflare: setup
	@$(BIN)/python -m tests.support.cloudflare

bench-cloudflare: setup
	@$(BIN)/python -m bench.cloudflare $(ARGS)

lock: lock-worker

lock-worker: setup
	@echo workers-runtime-sdk==1.9.5 | $(COMPILE) - -o requirements/worker.lock

.PHONY: golden

golden: setup
	@$(BIN)/python -m tests.infra.golden

.PHONY: bundle deploy drift expect-no-changes images pin preview publish release smoke summary

# The steps of the pipeline. STACK names a stack; without it, `preview` and `drift` take all of Cloudflare.
bundle deploy drift expect-no-changes images pin preview publish release smoke summary: setup
	@$(BIN)/python -m infra.pipeline $@ $(STACK) $(ARGS)

.PHONY: ci unit workflows

ci:
	@.ci/run

unit: lint
	@$(BIN)/pytest tests/unit $(ARGS)

workflows: setup
	@$(BIN)/pytest tests/infra/test_workflows.py $(ARGS)

.PHONY: preflight backup dumps restore upgrade-postgres drop-unused-postgres

# A stack's surroundings before `pulumi up`, and the care of one on a server. STACK names it; ARGS=--yes does not ask.
ONE = $(or $(STACK),selfhost)
CARE = $(BIN)/python -W ignore -m infra.care

preflight: setup
	@$(BIN)/python -m infra.pipeline preflight $(ONE)

backup dumps upgrade-postgres drop-unused-postgres: setup
	@$(CARE) $@ --stack $(ONE) $(ARGS)

restore: setup
	@$(CARE) restore $(DUMP) --stack $(ONE) $(ARGS)

.PHONY: selfhost

# Checks, up, what next: one server from a fresh checkout.
selfhost: setup
	@$(MAKE) --no-print-directory deploy STACK=selfhost
	@echo "The fetcher's service is at $$(pulumi stack output url --stack selfhost); what next: docs/self-host.md."
