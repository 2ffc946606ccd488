/* kernels_baseline_f64.c -- the kernels in 16-byte vectors of f64. */
#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__wasm__)
#include <wasm_simd128.h>
#else
#include <immintrin.h>
#endif
#define FM_ISA baseline
#define FM_VBYTES 16
#define FM_DOUBLE
#include "kernels.inc.h"
