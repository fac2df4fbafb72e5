#!/usr/bin/env bash
# The library as others use it: installed, found by find_package and by pkg-config, one example built outside.
set -eu
build=$1 source=$2
work=$(mktemp -d /tmp/troupe-install.XXXXXX)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/to" >/dev/null
mkdir "$work/mine"
cp "$source/docs/examples/read.cpp" "$source/docs/examples/example.hpp" "$work/mine/"
cat >"$work/mine/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.20)
project(mine CXX)
find_package(troupe REQUIRED)
add_executable(mine read.cpp)
target_link_libraries(mine troupe::troupe)
CMAKE
cmake -G Ninja -DCMAKE_PREFIX_PATH="$work/to" -S "$work/mine" -B "$work/out" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
ninja -C "$work/out" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
KUBECONFIG=$work/none "$work/out/mine" 2>"$work/log" && exit 1
grep -qi kubeconfig "$work/log" || { cat "$work/log"; exit 1; }
PKG_CONFIG_PATH=$(dirname "$(find "$work/to" -name troupe.pc)") pkg-config --exists troupe
"$work/to/bin/troupe" --help >/dev/null
echo "all well"
