/* kernels_avx2_f32.c -- the kernels in 32-byte vectors of f32. */
#if defined(__x86_64__)
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define FM_ISA avx2
#define FM_VBYTES 32
#define FM_SINGLE
#include "kernels.inc.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
