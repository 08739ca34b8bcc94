# The commands of the house. Each one installs what it needs first; all of them work from a fresh clone.

.PHONY: demo clean-demo test lint bench install package package-check image-check tools

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

package: tools          ## a Debian package, in target/packages
	scripts/package

package-check: tools    ## as root: installs, upgrades and removes the package in a bare Debian
	scripts/package_check

image-check: tools      ## as root: builds the Dockerfile and runs it as docker-compose.yml says, without Docker
	scripts/image_check

tools:
	@scripts/install_tools
