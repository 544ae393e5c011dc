# `make help` lists the targets. Each one runs `make setup` first if it needs it.
# ARGS passes arguments on: `make test ARGS="-k ledger"`.
.DEFAULT_GOAL := setup
BIN := .venv/bin

##@ Start here
.PHONY: help setup demo

help: ## List the targets
	@awk -F ':.*## ' '/^##@ / { print gap substr($$0, 5); gap = "\n" } \
		/^[a-z-]+:.*## / { printf "  %-23s%s\n", $$1, $$2 }' Makefile

setup: ## Create .venv with the locked packages and the leadminer command (default)
	@requirements/setup.sh

demo: setup ## Mine a sample mailbox on this machine, in about 20 seconds
	@$(BIN)/python -m demo $(ARGS)

##@ Check
.PHONY: lint unit test workflows fuzz ci

lint: setup ## Check style, formatting, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

unit: lint ## Lint, then run the unit tests, but for the exhaustive ones
	@$(BIN)/pytest -n auto -m "not exhaustive" tests/unit $(ARGS)

test: lint ## Lint, then run all tests
	@$(BIN)/pytest -n auto $(ARGS)

workflows: setup ## Check the GitHub workflows with actionlint, zizmor and our own rules
	@$(BIN)/pytest tests/infra/test_workflows.py $(ARGS)

fuzz: setup ## Look for mail that breaks the rules: TARGET=message, addresses, text or words; SECONDS=60
	@PYTHONPATH=.:services $(BIN)/uv run -q --no-project --isolated --python $(BIN)/python \
		--with-requirements requirements/fuzz.lock python -m tests.fuzz $(TARGET) --seconds $(or $(SECONDS),60)

ci: ## Install the servers that tests need, then run all tests, as CI does
	@.ci/run

##@ Try Cloudflare mode and measure
.PHONY: cloudflare bench bench-cloudflare

cloudflare: setup ## Mine the demo's mailbox in Cloudflare mode, on this machine and without an account
	@$(BIN)/python -m tests.support.cloudflare

bench: setup ## Measure mining on this machine
	@$(BIN)/python -m bench $(ARGS)

bench-cloudflare: setup ## Measure a Worker on this machine and estimate what it costs
	@$(BIN)/python -m bench.cloudflare $(ARGS)

##@ Update generated files
.PHONY: lock lock-worker pin golden pictures reference
COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock"
# The last release for Python 3.11, and one for newer versions.
FUZZERS = "atheris==3.0.0 ; python_version < '3.12'" "atheris==3.1.0 ; python_version >= '3.12'"
STEP = $(BIN)/python -m infra.pipeline $@ $(STACK) $(ARGS)

lock: lock-worker ## Update the lock files after a change to pyproject.toml
	@$(COMPILE) --extra dev pyproject.toml -o requirements/dev.lock
	@$(COMPILE) -c requirements/dev.lock --extra fetcher --extra cloudflare pyproject.toml -o requirements/fetcher.lock
	@$(COMPILE) -c requirements/dev.lock --extra processor pyproject.toml -o requirements/processor.lock
	@echo uv | $(COMPILE) -c requirements/dev.lock - -o requirements/tools.lock
	@echo hatchling | $(COMPILE) -c requirements/dev.lock - -o requirements/build.lock
	@printf '%s\n' $(FUZZERS) | $(COMPILE) - -o requirements/fuzz.lock

lock-worker: setup ## Update only the Worker's lock file
	@echo workers-runtime-sdk==1.9.5 | $(COMPILE) - -o requirements/worker.lock

pin: setup ## Pin images and actions that are not pinned yet, or update those named in ARGS
	@$(STEP)

golden: setup ## Record what the stacks declare in tests/infra/golden
	@$(BIN)/python -m tests.infra.golden

reference: setup ## Write the reference of the HTTP service in docs/http-api.md
	@PYTHONPATH=. $(BIN)/python -m tests.support.http_reference

pictures: setup ## Record `make demo` and its pages again for the README
	@$(BIN)/python -m demo.picture
	@LEADMINER_PICTURES=docs/pictures $(BIN)/pytest -q -n 0 tests/e2e/test_page.py

##@ Build
.PHONY: images bundle publish

images: setup ## Build the images of both services
	@$(STEP)

bundle: setup ## Build the Worker's modules and list their sizes
	@$(STEP)

publish: setup ## Build the fetcher's image and push it to REGISTRY
	@$(STEP)

# Without STACK, `preview` and `drift` cover all Cloudflare stacks; `preflight` defaults to selfhost.
##@ Deploy (STACK=staging, production or selfhost)
.PHONY: selfhost preflight preview deploy expect-no-changes summary smoke drift release
ONE = $(or $(STACK),selfhost)

selfhost: setup ## Deploy the selfhost stack from a fresh checkout
	@$(MAKE) --no-print-directory deploy STACK=selfhost
	@echo "The fetcher is running at $$(pulumi stack output url --stack selfhost). Next steps: docs/self-host.md."

preflight: setup ## Check everything a deployment needs, without changing anything
	@$(BIN)/python -m infra.pipeline preflight $(ONE)

preview: setup ## Show what a deployment would change
	@$(STEP)

deploy: setup ## Run the preflight checks, then deploy the stack
	@$(STEP)

expect-no-changes: setup ## Fail if another deployment would change anything
	@$(STEP)

summary: setup ## List the stack's Cloudflare resources and its monthly cost
	@$(STEP)

smoke: setup ## Mine the demo's mailbox through a deployed Cloudflare stack
	@$(STEP)

drift: setup ## Compare the Cloudflare stacks with what is really in the account
	@$(STEP)

release: setup ## Tag this commit with its version and publish the release notes
	@$(STEP)

##@ Look after one server (STACK defaults to selfhost, ARGS=--yes skips the question)
.PHONY: backup dumps restore upgrade-postgres drop-unused-postgres
CARE = $(BIN)/python -W ignore -m infra.care

backup: setup ## Dump both databases now
	@$(CARE) $@ --stack $(ONE) $(ARGS)

dumps: setup ## List the dumps, newest first
	@$(CARE) $@ --stack $(ONE) $(ARGS)

restore: setup ## Replace both databases with the dump named by DUMP
	@$(CARE) $@ $(DUMP) --stack $(ONE) $(ARGS)

upgrade-postgres: setup ## Move to the PostgreSQL version that the settings ask for
	@$(CARE) $@ --stack $(ONE) $(ARGS)

drop-unused-postgres: setup ## Delete the files of older PostgreSQL versions
	@$(CARE) $@ --stack $(ONE) $(ARGS)
