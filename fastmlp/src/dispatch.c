/* dispatch.c -- which of the compiled kernels this processor can run; Python chooses among them. */

#include "fastmlp.h"

static bool has_baseline(void) { return true; }

#if defined(__x86_64__)
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

#define DECLARE_KERNELS(code, isa) extern const fm_kernels fm_kernels_f32_##isa, fm_kernels_f64_##isa;
FM_ISAS(DECLARE_KERNELS)

const fm_kernels *fm_get_kernels(enum fm_isa isa, enum fm_dtype dtype)
{
    switch (isa) {
#define KERNELS_CASE(code, isa) \
    case FM_##code:             \
        if (!has_##isa())       \
            return NULL;        \
        return dtype == FM_F64 ? &fm_kernels_f64_##isa : &fm_kernels_f32_##isa;
        FM_ISAS(KERNELS_CASE)
    }
    return NULL;
}

const char *fm_compiler(void)
{
#if defined(__clang__)
    return "Clang " __clang_version__;
#else
    return "GCC " __VERSION__;
#endif
}
