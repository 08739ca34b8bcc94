# The commands of the house. Each one installs what it needs first; all of them work from a fresh clone.

.PHONY: demo clean-demo test lint bench install tools

demo: tools             ## a private PostgreSQL on port 5433, filled from Pennylane or from a fake of it
	scripts/demo

clean-demo:             ## stop and remove the demo
	scripts/clean_demo

test: tools             ## every test
	scripts/test

lint: tools             ## format, lints, docs, type-check of the other PostgreSQL majors
	scripts/lint

bench: tools            ## speed and memory, as ratios measured in one run
	scripts/bench

install: tools          ## build and install the extension
	scripts/install --release

tools:
	@scripts/install_tools
