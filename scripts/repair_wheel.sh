#!/usr/bin/env bash
# Makes a Linux wheel one for many Linuxes: scripts/repair_wheel.sh WHEEL FOLDER
#
# OpenMP's runtime stays outside. torch's wheel brings libgomp.so.1 and has loaded it before our modules come, which find it by that
# name; a second copy inside our wheel would be a second pool of threads, fighting over the same processors.
set -eu
platform=${NEURFIELD_PLATFORM:-}
python=${PYTHON:-python}
"$python" -m auditwheel repair ${platform:+--plat "$platform"} --strip --exclude libgomp.so.1 -w "$2" "$1"
