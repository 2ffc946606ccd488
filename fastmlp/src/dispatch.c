/* dispatch.c -- which compiled kernels this processor can run. */

#include "fastmlp.h"

extern const fm_kernels fm_kernels_f32_baseline, fm_kernels_f64_baseline;
#if defined(__x86_64__)
extern const fm_kernels fm_kernels_f32_avx2, fm_kernels_f64_avx2, fm_kernels_f32_avx512, fm_kernels_f64_avx512;

static int has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static int has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

const fm_kernels *fm_get_kernels(enum fm_isa isa, enum fm_dtype dtype)
{
    switch (isa) {
    case FM_BASELINE:
        return dtype == FM_F64 ? &fm_kernels_f64_baseline : &fm_kernels_f32_baseline;
#if defined(__x86_64__)
    case FM_AVX2:
        if (!has_avx2())
            return NULL;
        return dtype == FM_F64 ? &fm_kernels_f64_avx2 : &fm_kernels_f32_avx2;
    case FM_AVX512:
        if (!has_avx512())
            return NULL;
        return dtype == FM_F64 ? &fm_kernels_f64_avx512 : &fm_kernels_f32_avx512;
#endif
    default:
        return NULL;
    }
}

const char *fm_compiler(void)
{
#if defined(__clang__)
    return "Clang " __clang_version__;
#else
    return "GCC " __VERSION__;
#endif
}
