# Two commands do everything on a fresh Debian 12 with Swift 6: `make demo` and `make test`.
BUILD = swift build --explicit-target-dependency-import-check error
SEEDS = 1..100
STEPS = 1000
JOBS = 2

.PHONY: help setup build release test lint format demo bench model mutants sim battery battery-deep battery-table fuzz tsan asan tsan-planted asan-planted clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

setup: ## install the Debian packages that are missing
	@scripts/setup

build: setup ## build for debugging
	$(BUILD)

release: setup ## build optimised
	$(BUILD) -c release

test: setup ## build and run every test, and a slice of the battery
	$(BUILD) --build-tests
	CORDEE_PROGRAM=.build/debug/cordee scripts/battery --slice
	scripts/suite

demo: release ## run the main job: three members, edits offline, a merge, conflicts settled
	.build/release/cordee demo

bench: setup ## measure against SQLite and its session changesets, and print the table
	$(BUILD) -c release --product cordee-bench
	.build/release/cordee-bench --instructions

model: setup ## check the Promela models exhaustively, and that switched-on faults are found
	scripts/model

mutants: setup ## seed faults into the engine, one after the other: the tests must notice each
	scripts/mutants

sim: setup ## run seeds of the simulator: make sim SEEDS=1..500 STEPS=1000
	$(BUILD) -c release --product cordee-sim
	.build/release/cordee-sim --seeds $(SEEDS) --steps $(STEPS) --jobs $(JOBS)

battery: release ## prove it under faults: kills, power cuts, bad disks, hostile input (25 minutes)
	scripts/battery

battery-deep: release ## the same with the full figures; `scripts/battery --full PART` runs one part
	scripts/battery --full

battery-table: ## print what each part of the battery found, and at which commit
	@scripts/battery --table

fuzz: setup ## fuzz every door with libFuzzer, SECONDS=60 each
	scripts/fuzz $(or $(SECONDS),60)

# REPORTS=FOLDER has every process, those that the tests start as well, write what it finds into a file there.
TSAN = SWIFT_BACKTRACE=enable=no CORDEE_SANITIZED=thread TSAN_OPTIONS=suppressions=$(CURDIR)/Tests/tsan.suppressions$(if $(REPORTS),:log_path=$(REPORTS)/tsan)
ASAN = SWIFT_BACKTRACE=enable=no CORDEE_SANITIZED=address ASAN_OPTIONS=detect_leaks=0$(if $(REPORTS),:log_path=$(REPORTS)/asan)

# In two runs, each of which ends before a test that has waited for its turn is taken for one that hangs.
define sanitized
	$(2) swift build --build-tests --sanitize=$(1) --build-path $(3)
	$(2) swift test --skip-build --sanitize=$(1) --build-path $(3) --filter CentralTests
	$(2) swift test --skip-build --sanitize=$(1) --build-path $(3) --skip CentralTests
endef

# The control: one planted fault, which has to be found, so that these fail.
define planted
	$(2) swift build --build-tests --sanitize=$(1) --build-path $(3)
	CORDEE_PLANTED=$(4) $(2) swift test --skip-build --sanitize=$(1) --build-path $(3) --filter PlantedTests
endef

tsan: setup ## every test under ThreadSanitizer
	$(call sanitized,thread,$(TSAN),.build-tsan)

asan: setup ## every test under AddressSanitizer
	$(call sanitized,address,$(ASAN),.build-asan)

tsan-planted: setup
	$(call planted,thread,$(TSAN),.build-tsan,race)

asan-planted: setup
	$(call planted,address,$(ASAN),.build-asan,use-after-free)

lint: ## check the form of the sources
	swift format lint --strict --recursive --parallel Sources Tests Package.swift

format: ## put the sources into form
	swift format --in-place --recursive --parallel Sources Tests Package.swift

clean: ## remove what was built
	swift package clean
