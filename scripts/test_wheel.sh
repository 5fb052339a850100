#!/usr/bin/env bash
# Whether a wheel installs and runs where there is no compiler: scripts/test_wheel.sh WHEEL [python]
#
# In an environment of its own, with nothing on PATH that compiles. NEURFIELD_PACKAGES may name a folder of packages that are
# installed already (a site-packages): then nothing comes over the network, and only the wheel itself is installed.
set -eu
wheel=$(realpath "$1")
python=${2:-python3}
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT

"$python" -m venv "$there/venv"
mkdir "$there/bin"
for tool in sh bash env rm mkdir uname; do ln -s "$(command -v "$tool")" "$there/bin/$tool"; done
export PATH="$there/venv/bin:$there/bin"
unset PYTHONPATH
cd "$there"
for compiler in cc gcc g++ c++ clang clang++ nvcc; do
    if command -v "$compiler"; then echo "$compiler is on PATH"; exit 1; fi
done
started=$SECONDS
if [ -n "${NEURFIELD_PACKAGES:-}" ]; then
    python -m pip install -q --no-deps --no-index "$wheel"
    # Behind the environment's own packages, so that ours is the wheel's.
    python -c "import sys, sysconfig, pathlib; pathlib.Path(sysconfig.get_path('purelib'), 'others.pth').write_text(sys.argv[1])" \
        "$NEURFIELD_PACKAGES"
else
    python -m pip install -q "$wheel"
fi
echo "installed in $((SECONDS - started)) s"
python - <<'PYTHON'
import neurfield, sys
from pathlib import Path

home = Path(neurfield.__file__).parent
assert home.is_relative_to(sys.prefix), f"{home} is not the wheel's"
from neurfield.ops import native

status = native.status()
assert status.isa is not None, f"no kernels: {status.reason}"
import torch

field = neurfield.fields.SDFField(encoding=neurfield.encodings.HashGrid(levels=4, log2_table_size=10))
points = torch.rand(1000, 3) * 2 - 1
sdf, gradient, *_ = field.query(points, gradient=True)
(sdf.square().mean() + (gradient.norm(dim=-1) - 1).square().mean()).backward()
assert all(p.grad is None or p.grad.isfinite().all() for p in field.parameters())
maps = Path("/proc/self/maps")
if maps.exists():
    runtimes = {line.split()[-1] for line in maps.read_text().splitlines() if "libgomp" in line or "libomp" in line}
    assert len(runtimes) == 1, f"more than one OpenMP runtime: {runtimes}"
print(f"{status.isa} kernels, {len(list(home.glob('_native_*')))} variants, one OpenMP runtime")
PYTHON
neurfield --version
