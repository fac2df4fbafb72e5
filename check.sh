#!/usr/bin/env bash
# Installs what is missing, builds everything and runs every test; closes with ctest's summary.
set -eu
cd "$(dirname "$0")"
test/support/install-packages
cmake --preset release >/dev/null
ninja -C build/release
# Whole programs meet a busy machine: a test may try twice, and the summary shows which did.
ctest --preset release -j "$(nproc)" --repeat until-pass:2
