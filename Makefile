# A thin front to meson and dev/: see README.md.
BUILD ?= build

.PHONY: build run start stop status logs test test-threads bench docs \
	install setup setup-test setup-bench clean

build: setup
	@dev/build $(BUILD)

run: build
	@WIZDATA_BUILD=$(abspath $(BUILD)) exec dev/platform run

start: build
	@WIZDATA_BUILD=$(abspath $(BUILD)) dev/platform start

stop status logs:
	@WIZDATA_BUILD=$(abspath $(BUILD)) dev/platform $@

test: setup-test
	@dev/test

test-threads: setup-test
	@dev/test tsan

bench: setup-bench
	@dev/bench

docs: build
	@dev/docs write

install: build
	@meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir $(DESTDIR))

setup:
	@dev/setup run

setup-test:
	@dev/setup test

setup-bench:
	@dev/setup bench

clean:
	rm -rf build build-*
