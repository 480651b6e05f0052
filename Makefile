# One command each; nothing needs to be set up before. `make help` says what they do.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/installed
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo up test check pack docs bench bench-face bench-search bench-draw bench-freeze bench-reads bench-seal bench-demo report-accuracy report-quality report-challenge report-fairness report-retention replay-first-wave drill-network fuzz-images fuzz-api fuzz-journey drill-taps drill-reviews drill-audit bench-api drill-worker drill-codes drill-enumeration drill-faults drill-keys drill-kills drill-sources drill-refresh soak-worker lock clean

help: ## Show the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Play a small wave on this machine (ONCE=1, FACES=folder, PORT=number, KILL_WORKER=1, JSON=1)
	@$(BIN)/gelombang demo $(if $(ONCE),--once) $(if $(FACES),--faces "$(FACES)") $(if $(PORT),--port $(PORT)) \
	  $(if $(KILL_WORKER),--kill-worker) $(if $(JSON),--json)

up: $(READY) ## Start the system on this machine without playing a wave (PORT=number)
	@$(BIN)/gelombang up $(if $(PORT),--port $(PORT))

test: $(READY) ## Run every test
	$(BIN)/python -m pytest

check: $(READY) ## Format, lint, types, spelling, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/python -m pytest -n 0 tests/architecture

pack: $(READY) ## Build the default model pack
	@$(BIN)/gelombang pack

docs: $(READY) ## Write the pages that follow from the code: API, problems, states
	$(BIN)/python -m gelombang.api.openapi > docs/api/openapi.json
	$(BIN)/python -m gelombang.api.problem_pages docs/problems
	$(BIN)/python docs/generate.py

bench: bench-api bench-face bench-search ## Run every benchmark

bench-api: $(READY) ## Handler time and cold import beside bare Chalice (REQUESTS=2000, ROUNDS=15, IMPORTS=5)
	@$(BIN)/python -m benchmarks.speed.api --requests $(or $(REQUESTS),2000) --rounds $(or $(ROUNDS),15) \
	  --imports $(or $(IMPORTS),5)

bench-face: $(READY) ## Faces a second beside insightface's own (INSIGHTFACE=folder, FACES=folder, SAMPLE=1000, ROUNDS=3, MOST=1000)
	@$(BIN)/python -m benchmarks.speed.face $(if $(INSIGHTFACE),--insightface "$(INSIGHTFACE)") \
	  $(if $(FACES),--faces "$(FACES)" --sample $(or $(SAMPLE),1000)) --rounds $(or $(ROUNDS),3) --most $(or $(MOST),1000)

bench-demo: $(READY) ## The demo's time by stage now and at an earlier commit (BASE=commit, ROUNDS=3)
	@$(BIN)/python -m benchmarks.speed.demo_times $(if $(BASE),--base $(BASE)) --rounds $(or $(ROUNDS),3)

bench-search: $(READY) ## Search beside FAISS (SIZES="10000 100000 1000000", THREADS=2, TURNS=3, CLUSTERS=people)
	@$(BIN)/python -m benchmarks.speed.search $(if $(SIZES),--sizes $(SIZES)) $(if $(THREADS),--threads $(THREADS)) \
	  $(if $(TURNS),--turns $(TURNS)) $(if $(CLUSTERS),--clusters $(CLUSTERS))

bench-draw: $(READY) ## Freeze, commit, draw, publish and verify beside DuckDB and plain Python (SIZES="10000 100000 1000000 10000000", PROCESSES=2)
	@$(BIN)/python -m benchmarks.speed.draw $(if $(SIZES),--sizes $(SIZES)) $(if $(PROCESSES),--processes $(PROCESSES))

bench-freeze: $(READY) ## A wave's rows to its frozen files, in memory and on the local engine, beside one row at a time (SIZES="1000 10000 100000 1000000", ENGINE_SIZES="1000 10000")
	@$(BIN)/python -m benchmarks.speed.freeze $(if $(SIZES),--sizes $(SIZES)) $(if $(ENGINE_SIZES),--engine-sizes $(ENGINE_SIZES))

bench-reads: $(READY) ## What the origin sees of a published wave's readers, 1, 10 and 100 a person (PEOPLE=300)
	@$(BIN)/python -m benchmarks.speed.reads --people $(or $(PEOPLE),300)

bench-seal: $(READY) ## What sealing adds to a face that is enrolled or read (FACES=200)
	@$(BIN)/python -m benchmarks.speed.seal --faces $(or $(FACES),200)

report-accuracy: $(READY) ## Measure match and liveness (FACES=folder of people, PACK=default, LIVENESS=folder, CALLED=name, WRITE=1, POINTS=folder, FAULTS_FROM=release)
	@$(BIN)/gelombang pack $(or $(PACK),default)
	@$(BIN)/python -m benchmarks.accuracy.accuracy_report --faces "$(FACES)" --pack $(or $(PACK),default) \
	  $(if $(LIVENESS),--liveness "$(LIVENESS)") $(if $(CALLED),--called "$(CALLED)") $(if $(WRITE),--write) \
	  $(if $(POINTS),--points "$(POINTS)") $(if $(FAULTS_FROM),--faults-from $(FAULTS_FROM))

report-quality: $(READY) ## Measure the photo faults (DEV=folder of people, FAULTS=labelled folder, PACK=default, SAMPLE=150, WRITE=1, ONLY=fault)
	@$(BIN)/gelombang pack $(or $(PACK),default)
	@$(BIN)/python -m benchmarks.accuracy.quality_report --dev "$(DEV)" --faults "$(FAULTS)" --pack $(or $(PACK),default) \
	  --sample $(or $(SAMPLE),150) $(if $(WRITE),--write) $(if $(ONLY),--only $(ONLY))

report-challenge: $(READY) ## Measure the active challenge (FACES=folder of people, PACK=default, SAMPLE=40, WRITE=1)
	@$(BIN)/gelombang pack $(or $(PACK),default)
	@$(BIN)/python -m benchmarks.accuracy.challenge_report --pack $(or $(PACK),default) --sample $(or $(SAMPLE),40) \
	  $(if $(FACES),--faces "$(FACES)") $(if $(WRITE),--write)

report-fairness: $(READY) ## Does the audit of a draw see planted faults, and nothing in fair draws? (DRAWS=2000, ENTRIES=5000, SEED=number)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.drills.fairness --draws $(or $(DRAWS),2000) \
	  --entries $(or $(ENTRIES),5000) --seed $(or $(SEED),1)

report-retention: $(READY) ## Prove that what is kept of people goes in time, on a simulated clock (PEOPLE=number in each state)
	@$(BIN)/python -m benchmarks.drills.retention --people $(or $(PEOPLE),10)

replay-first-wave: $(READY) ## The programme's first wave with a reserve list: 31,889 seats lost, how many are filled? (SEATS=number, POOL=number, LOST=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.first_wave --seats $(or $(SEATS),200000) --pool $(or $(POOL),2070000) \
	  --lost $(or $(LOST),31889) --seed $(or $(SEED),1)

drill-worker: $(READY) ## Kill face workers at random instants (KILLS=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.worker --kills $(or $(KILLS),1000) --seed $(or $(SEED),1)

soak-worker: $(READY) ## Let a face worker work and watch its memory (SECONDS=number)
	@$(BIN)/python -m benchmarks.drills.soak_worker --seconds $(or $(SECONDS),60)

drill-codes: $(READY) ## Attack phone codes: guessers, replay, many at once, a siege (REQUESTS=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.codes --requests $(or $(REQUESTS),1000000) --seed $(or $(SEED),1)

drill-enumeration: $(READY) ## Known against unknown NIK: same answers, same time? (PAIRS=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.enumeration --pairs $(or $(PAIRS),20000) --seed $(or $(SEED),1)

drill-faults: $(READY) ## Let every call of AWS fail in every way, then journeys in which much fails; goes on where it was stopped (JOURNEYS=number, SAMPLE=number of single faults, SEED=number)
	@$(BIN)/python -m benchmarks.drills.faults --journeys $(or $(JOURNEYS),50000) --sample $(or $(SAMPLE),0) --seed $(or $(SEED),1)

drill-keys: $(READY) ## Change the HMAC keys while people register: who is lost, doubled, not found? (PEOPLE=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.keys --people $(or $(PEOPLE),2000) --seed $(or $(SEED),1)

drill-audit: $(READY) ## Tamper with evidence of decisions: is every change found, its place named? (COUNT=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.tampering --count $(or $(COUNT),1000) --seed $(or $(SEED),1)

drill-sources: $(READY) ## Each register off, slow and garbled for an hour: is anybody failed, how much is asked again? (PEOPLE=number, REQUESTS_PEOPLE=number)
	@$(BIN)/python -m benchmarks.drills.sources --people $(or $(PEOPLE),40) --requests-people $(or $(REQUESTS_PEOPLE),1000)

drill-refresh: $(READY) ## A new version of a list over very many applicants (APPLICANTS="10000 100000 1000000")
	@$(BIN)/python -m benchmarks.drills.refresh --applicants $(or $(APPLICANTS),10000 100000 1000000)

drill-reviews: $(READY) ## Three reviewers decide real cases of a running service; views, planted cases, agreement (CASES=number)
	@$(BIN)/python -m benchmarks.drills.reviews --cases $(or $(CASES),20)

drill-kills: $(READY) ## Kill every consumer and the outbox's relay at random instants (KILLS=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.kills --kills $(or $(KILLS),300) --seed $(or $(SEED),1)

drill-taps: $(READY) ## Many copies of every POST at once, and clients that die after each step (COPIES=number)
	@$(BIN)/python -m benchmarks.drills.taps --copies $(or $(COPIES),50)

fuzz-api: $(READY) ## Send cases from the OpenAPI document and hostile ones to the functions; goes on where it was stopped (COUNT=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.fuzz_api --count $(or $(COUNT),5000) --seed $(or $(SEED),1)

fuzz-journey: $(READY) ## Walk the journey's state machine, everything failing at times; goes on where it was stopped (STEPS=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.fuzz_journey --steps $(or $(STEPS),2000000) --seed $(or $(SEED),1)

drill-network: $(READY) ## Send photographs over very bad lines with our own client (LINKS=100, PATIENCE=seconds, SEED=number)
	@$(BIN)/python -m benchmarks.drills.network --links $(or $(LINKS),100) --patience $(or $(PATIENCE),600) --seed $(or $(SEED),1)

fuzz-images: $(READY) ## Decode damaged pictures in the sandbox (COUNT=number, SEED=number)
	@$(BIN)/python -m benchmarks.drills.fuzz_images --count $(or $(COUNT),50000) --seed $(or $(SEED),1)

lock: ## Compile requirements/*.lock again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --exclude-newer "$$($(PYTHON) -c 'import datetime as d; print(d.date.today() - d.timedelta(7))')" \
	  --override requirements/overrides.txt --extra worker --extra draw --extra distributed --extra bench --extra local --extra dev \
	  pyproject.toml -o requirements/all.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-package boto3 --no-emit-package botocore --no-emit-package s3transfer \
	  --constraint requirements/all.lock requirements/lambda.in -o requirements/lambda.lock

clean: ## Remove the environment and everything built
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Everything that is said here goes to standard error: `make demo JSON=1` leaves standard output to the JSON.
$(READY): requirements/all.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3." >&2; exit 2; }
	@echo "Making the environment in $(VENV) with $$($(PYTHON) --version). Once; it takes a minute or two." >&2
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || { echo "On Debian and Ubuntu: apt install python3-venv." >&2; exit 2; }
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements/all.lock >&2 & \
	  pip=$$!; of=$$(grep -c '^[a-z].*==' requirements/all.lock); \
	  while kill -0 $$pip 2>/dev/null; do \
	    now=$$(ls $(VENV)/lib/python3*/site-packages | grep -c dist-info); \
	    [ "$$now" = "$$before" ] || echo "  $$now of about $$of packages installed" >&2; \
	    before=$$now; sleep 3; \
	  done; wait $$pip
	@$(PIP) install --no-deps --no-build-isolation --editable . >&2
	@touch $@
