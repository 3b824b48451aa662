#!/usr/bin/env bash
# Public clients against the real server: `attendant serve` without models on a free port, and the programs of
# tests/clients/ against it. Their packages come from PyPI into a virtual environment in the cache folder.
# Usage: scripts/clients.sh PATH-OF-ATTENDANT
set -euo pipefail

attendant="$1"
here="$(cd "$(dirname "$0")/.." && pwd)"
packages=(openai==3.57.0 openapi-spec-validator==0.9.0 schemathesis==4.32.5 mcp==2.3.0)

folder="${XDG_CACHE_HOME:-$HOME/.cache}/attendant/clients/$(printf '%s\n' "${packages[@]}" | sha256sum | cut -c1-12)"
mkdir -p "$(dirname "$folder")"
# Two of these at once must not install over each other.
exec 8>"$folder.lock"
flock 8
if [ ! -f "$folder/done" ]; then
    echo "==> installing the clients (once): ${packages[*]}"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet "${packages[@]}"
    touch "$folder/done"
fi
exec 8>&-

work="$(mktemp -d)"
server=""
stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap stop EXIT

export ATTENDANT_DEV_KEY="key-of-the-clients"
# A client that tries everything asks more often than people do.
export ATTENDANT__LIMITS__REQUESTS_PER_SECOND=100000 ATTENDANT__LIMITS__BURST=100000
export ATTENDANT__TELEMETRY__LOG=warn
"$attendant" serve --dev --listen 127.0.0.1:0 --store "sqlite:$work/conversations.db" \
    --knowledge "$here/knowledge" --llm none --stt none --embedding none \
    >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 600); do
    url="$(sed -n 's/^listening on //p' "$work/out")"
    [ -z "$url" ] || break
    kill -0 "$server" 2>/dev/null || { echo "the server did not start:"; cat "$work/log"; exit 1; }
    sleep 0.1
done
[ -n "$url" ] || { echo "the server does not listen:"; cat "$work/log"; exit 1; }

failed() {
    echo "==> failed: $1; the server's log:"
    tail -n 40 "$work/log"
    exit 1
}

echo "==> the document, by openapi-spec-validator"
"$folder/bin/python" "$here/tests/clients/document.py" "$url" || failed "the document"

echo "==> the virtual agent, by the package openai"
"$folder/bin/python" "$here/tests/clients/openai_client.py" "$url" "$ATTENDANT_DEV_KEY" || failed "openai"

echo "==> the tools at /mcp and over standard input and output, by the package mcp"
"$folder/bin/python" "$here/tests/clients/mcp_client.py" "$url/mcp" "$ATTENDANT_DEV_KEY" || failed "mcp over HTTP"
"$folder/bin/python" "$here/tests/clients/mcp_client.py" -- "$attendant" mcp --knowledge "$here/knowledge" \
    --index "$work/index" --llm none --embedding none || failed "mcp over standard input and output"

echo "==> every route, by schemathesis"
(cd "$work" && "$folder/bin/schemathesis" run "$url/openapi.json" \
    --header "Authorization: Bearer $ATTENDANT_DEV_KEY" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --exclude-path-regex '/(events|ws)$' \
    --phases examples,coverage,fuzzing --max-examples "${EXAMPLES:-20}" --seed 1 --workers 2 \
    --request-timeout 60 --generation-database none) || failed "schemathesis"

kill -0 "$server" 2>/dev/null || failed "the server is gone"
echo "==> clients: all fine"
