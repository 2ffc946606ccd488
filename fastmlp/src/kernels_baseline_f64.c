/* kernels_baseline_f64.c -- the kernels in 16-byte vectors of f64. */
#if defined(__aarch64__)
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif
#define FM_ISA baseline
#define FM_VBYTES 16
#define FM_DOUBLE
#include "kernels.inc.h"
