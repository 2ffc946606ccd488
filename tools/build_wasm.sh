#!/bin/sh
# Builds the engine of the playground: build_wasm.sh FILE.  The bytes depend on the compiler, the linker and the C
# library, so the versions are those of Debian 12: others would give a file that the gate refuses.
set -eu
export LC_ALL=C # orders the object files
packages="clang-14 lld-14 wasi-libc libclang-rt-14-dev-wasm32"
library=/usr/lib/wasm32-wasi/libc.a
builtins=/usr/lib/llvm-14/lib/clang/14.0.6/lib/wasi/libclang_rt.builtins-wasm32.a
for need in clang-14 wasm-ld-14 "$library" "$builtins"; do
    command -v "$need" > /dev/null || [ -e "$need" ] || {
        echo "the engine is built with Debian 12's $packages, and $need is missing;" \
            "nothing else needs them: the built file is in the repository" >&2
        exit 1
    }
done
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for name in kernels_baseline_f64 indices memory names wasm wasm_look wasm_random; do
    clang-14 --target=wasm32-wasi --sysroot=/usr -isystem /usr/include/wasm32-wasi -std=c11 -O3 -g0 -msimd128 \
        -ffp-contract=off -fno-math-errno -fno-ident -Wall -Wextra -Werror -Ifastmlp/src \
        -c "fastmlp/src/$name.c" -o "$folder/$name.o"
done
wasm-ld-14 --no-entry --gc-sections --strip-all --stack-first -z stack-size=262144 \
    "$folder"/*.o "$library" "$builtins" -o "$folder/engine.wasm"
install -m 644 "$folder/engine.wasm" "$1"
