# Two commands on a bare Debian or Ubuntu:   make demo   and   make test
# CMake does the building; this file is what to type. BUILD, PREFIX and JOBS may be set.
BUILD  ?= build
PREFIX ?= /usr/local
JOBS   ?= $(shell nproc)

all: $(BUILD)/CMakeCache.txt
	cmake --build $(BUILD) -j $(JOBS)

$(BUILD)/CMakeCache.txt:
	scripts/setup.sh build
	cmake -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX)

demo:                   # builds Cairn and trains a network on Fashion-MNIST
	scripts/setup.sh demo
	$(MAKE) all
	$(BUILD)/cairn train fashion-mnist

test:                   # all tests, then again under the sanitizers
	scripts/setup.sh test
	scripts/test.sh quick

test-long:              # and with clang, on NEON under an emulator, and the fuzzers
	scripts/setup.sh long
	scripts/test.sh long

bench: all              # what Cairn costs, beside the machine's measured peaks
	scripts/bench.sh $(BUILD)

install: all
	cmake --install $(BUILD) --prefix $(PREFIX) --strip

clean:
	rm -rf $(BUILD) $(BUILD)-*

.PHONY: all demo test test-long bench install clean
