#!/usr/bin/env bash
# Makes sure that everything the build needs is on this machine. Quick when nothing is missing.
#   scripts/setup.sh           what `make demo` and `make test` need
#   scripts/setup.sh sample    what `make sample` needs as well
#   scripts/setup.sh desktop   what `make test-desktop` and `make test-kit` need as well
#   scripts/setup.sh postgres  what `make test-postgres` needs as well
set -euo pipefail
cd "$(dirname "$0")/.."

stop() {
    echo "==> cannot go on: $*" >&2
    exit 1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# bindgen (whisper.cpp) loads libclang when it runs; the compiler alone does not bring it.
has_libclang() {
    local folder file
    for folder in "${LIBCLANG_PATH:-/nowhere}" /usr/lib/llvm*/lib /usr/lib/*-linux-gnu /usr/lib64 \
        /usr/lib /usr/local/lib /opt/homebrew/opt/llvm/lib /Library/Developer/CommandLineTools/usr/lib; do
        for file in "$folder"/libclang.so* "$folder"/libclang-*.so* "$folder"/libclang.dylib; do
            if [ -e "$file" ]; then
                return 0
            fi
        done
    done
    return 1
}

has_postgres() {
    local file
    for file in /usr/lib/postgresql/*/bin/initdb "$(pg_config --bindir 2>/dev/null || true)/initdb"; do
        if [ -x "$file" ]; then
            return 0
        fi
    done
    has initdb
}

check_rust() {
    local needed found
    needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    if ! has cargo || ! has rustc; then
        stop "Rust is missing; install Rust $needed or newer with rustup (https://rustup.rs)"
    fi
    found=$(rustc --version | sed -n 's/^rustc \([0-9]*\.[0-9]*\).*$/\1/p')
    if [ "$(printf '%s\n%s\n' "$needed" "$found" | sort -V | head -n 1)" != "$needed" ]; then
        stop "Rust $needed or newer is needed, this is ${found:-unknown}; run 'rustup update stable'"
    fi
}

check_packages() {
    local missing=()
    has cmake || missing+=(cmake)
    has clang || missing+=(clang)
    has_libclang || missing+=(libclang-dev)
    has g++ || has c++ || missing+=(g++)
    has pkg-config || missing+=(pkg-config)
    { has python3 && python3 -m pip --version >/dev/null 2>&1; } || has pip3 || has pip ||
        missing+=(python3-pip)
    if [ "${1:-}" = sample ]; then
        has sox || missing+=(sox)
        has espeak-ng || missing+=(espeak-ng)
    fi
    if [ "${1:-}" = desktop ]; then
        has chromium || has chromium-browser || has google-chrome || missing+=(chromium)
        has chromedriver || missing+=(chromium-driver)
        has node || missing+=(nodejs)
        has npm || missing+=(npm)
        python3 -m venv --help >/dev/null 2>&1 || missing+=(python3-venv)
    fi
    if [ "${1:-}" = postgres ]; then
        has_postgres || missing+=(postgresql)
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        install_packages "${missing[@]}"
    fi
}

install_packages() {
    local as_root=()
    if ! has apt-get; then
        stop "missing packages: $* (Debian names); install what your system calls them (Fedora: dnf" \
            "install cmake clang clang-devel gcc-c++ pkgconf python3-pip; macOS: brew install cmake llvm)"
    fi
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || stop "missing packages: $*; run as root: apt-get install $*"
        as_root=(sudo)
    fi
    echo "==> installing system packages: $*"
    # Package lists of a fresh machine are often empty or old.
    "${as_root[@]}" apt-get -qq update ||
        stop "the package lists cannot be updated; run as root: apt-get update && apt-get install $*"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y install --no-install-recommends "$@" >/dev/null ||
        stop "apt-get failed; run as root: apt-get install $*"
}

check_rust
check_packages "${1:-}"
