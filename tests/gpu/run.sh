#!/usr/bin/env bash
# Everything that a GPU has to prove and to measure, in one call of at most nine minutes:
#   tests/gpu/run.sh [--device cpu] [FOLDER]
# FOLDER (else $OUT, else results/gpu) receives log.txt, tests.xml and the tables, gpu.md. With --device cpu all is
# run in a tiny size, for as long as it takes. MLflow takes no part. PYTHON names the interpreter (python3).
set -uo pipefail
began=$SECONDS
device=cuda
if [ "${1:-}" = --device ]; then device=$2; shift 2; fi
if [ "$device" = cuda ]; then proving=250 all=520; else proving=3000 all=3600; fi
cd "$(dirname "$0")/../.."
folder=${1:-${OUT:-results/gpu}}
python=${PYTHON:-python3}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 RAY_USAGE_STATS_ENABLED=0 COLUMNS=120
mkdir -p "$folder"
failed=0

machine() {
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo "no GPU"
    echo "$(nproc) CPUs, $(df -h --output=avail /dev/shm | tail -1 | tr -d ' ') of shared memory"
    "$python" - <<'PY'
import sys
from importlib.metadata import PackageNotFoundError, version
print("Python", sys.version.split()[0])
for name in ("torch", "torchvision", "ray", "numpy", "numba", "pyarrow", "triton", "onnxruntime", "mlflow"):
    try:
        print(name, version(name))
    except PackageNotFoundError:
        print(name, "is not installed")
PY
}

prove() {
    timeout --signal=INT --kill-after=20 "$proving" "$python" -m pytest tests/gpu -m gpu --device "$device" \
        -p no:cacheprovider --durations=10 --junitxml="$folder/tests.xml"
}

measure() {
    local left=$((all - (SECONDS - began)))
    timeout --signal=INT --kill-after=10 "$left" "$python" -m sweeps bench gpu --device "$device" \
        --seconds $((left > 70 ? left - 60 : 10)) --out "$folder/gpu.md"
}

{
    machine
    echo "== proofs"
    prove || { failed=1; echo "== proofs: FAILED"; }
    echo "== measurements, after $((SECONDS - began)) s"
    measure || { failed=1; echo "== measurements: FAILED"; }
    echo "== $((SECONDS - began)) s in all"
    exit $failed
} 2>&1 | tee "$folder/log.txt"
exit "${PIPESTATUS[0]}"
