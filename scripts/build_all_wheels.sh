#!/usr/bin/env bash
# A wheel for each Python that there is for this machine, into wheelhouse/, by cibuildwheel (pyproject.toml says how).
# Linux: in manylinux images, which want docker. macOS: Homebrew's libomp lends the header omp.h, and nothing else.
set -eu
cd "$(dirname "$0")/.."
if [ "$(uname)" = Darwin ] && [ ! -e "${OPENMP_PREFIX:-/opt/homebrew/opt/libomp}/include/omp.h" ]; then
    brew install libomp
fi
python3 -m pip install "cibuildwheel>=2.23"
python3 -m cibuildwheel --output-dir wheelhouse "$@"
