#!/usr/bin/env bash
# Tests the clients of `clients/` against `attendant serve`.
#   tests/kit/run.sh BINARY [options of test_kit.py]
set -euo pipefail
cd "$(dirname "$0")/../.."

attendant=$1
shift
cache="${XDG_CACHE_HOME:-$HOME/.cache}/attendant/kit-test"

mkdir -p "$cache"
if ! cmp -s clients/typescript/package.json "$cache/package.json" || [ ! -d "$cache/node_modules" ]; then
    echo "==> fetching openapi-typescript and typescript"
    cp clients/typescript/package.json "$cache/"
    npm --silent --prefix "$cache" install --no-audit --no-fund --no-package-lock
fi
python=$(bash tests/desktop/fetch.sh)
"$python" tests/kit/test_kit.py --attendant "$attendant" --knowledge knowledge --node-modules "$cache/node_modules" "$@"
