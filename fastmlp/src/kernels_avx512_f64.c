/* kernels_avx512_f64.c -- the kernels in 64-byte vectors of f64. */
#if defined(__x86_64__)
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
#endif
#define FM_ISA avx512
#define FM_VBYTES 64
#define FM_DOUBLE
#include "kernels.inc.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
