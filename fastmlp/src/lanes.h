/* lanes.h -- vectors of `real` as wide as those of one ISA, and the few verbs in which every kernel is written.
 *
 * Included once per translation unit, after the unit has defined
 *     FM_ISA      the suffix of its names: baseline, avx2 or avx512
 *     FM_VBYTES   bytes per vector; never more than the ISA's registers hold
 *     FM_DOUBLE or FM_SINGLE
 *
 * Plain arithmetic uses the operators of GCC's and Clang's vector extensions.  Fused multiply-adds are always written
 * as vfma or vfnma and the compiler makes no others (-ffp-contract=off), so the bits depend on this source and on the
 * ISA alone.  Without FMA hardware (baseline on x86-64, WebAssembly) vfma and vfnma round twice.
 */
#ifndef FASTMLP_LANES_H
#define FASTMLP_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "fastmlp.h"

#define FM_PASTE3_(a, b, c) a##_##b##_##c
#define FM_PASTE3(a, b, c) FM_PASTE3_(a, b, c)
#define FM_PASTE_(a, b) a##b
#define FM_PASTE(a, b) FM_PASTE_(a, b)

/* FN(dense_product) is fm_dense_product_f64_avx512 in the unit of that dtype and ISA. */
#define FN(name) FM_PASTE3(fm_##name, FM_DTYPE, FM_ISA)

#define INLINE static inline __attribute__((always_inline))

/* A loop with a constant number of iterations, fully unrolled: else register blocks would live in memory. */
#if defined(__clang__)
#define UNROLL_FOR(...) _Pragma("clang loop unroll(full)") for (__VA_ARGS__)
#else
#define UNROLL_FOR(...) _Pragma("GCC unroll 32") for (__VA_ARGS__)
#endif

#ifdef FM_DOUBLE
#define FM_DTYPE f64
typedef double real;
typedef int64_t bits;
typedef uint64_t ubits;
#define FM_LANES (FM_VBYTES / 8)
#define FM_PACKED pd
#define MANTISSA_BITS 52
#define FM_SMALLEST_NORMAL 0x1p-1022
#define ROOT_OF_LARGEST 0x1p512
#define FM_LARGEST 0x1.fffffffffffffp+1023
#define EXPONENT_BIAS 1023
#else
#define FM_DTYPE f32
typedef float real;
typedef int32_t bits;
typedef uint32_t ubits;
#define FM_LANES (FM_VBYTES / 4)
#define FM_PACKED ps
#define MANTISSA_BITS 23
#define FM_SMALLEST_NORMAL 0x1p-126f
#define ROOT_OF_LARGEST 0x1p64
#define FM_LARGEST 0x1.fffffep+127f
#define EXPONENT_BIAS 127
#endif

enum { LANES = FM_LANES };

typedef real vec __attribute__((vector_size(FM_VBYTES), may_alias));
typedef real unaligned_vec __attribute__((vector_size(FM_VBYTES), aligned(sizeof(real)), may_alias));
typedef bits ivec __attribute__((vector_size(FM_VBYTES), may_alias));
typedef ubits uvec __attribute__((vector_size(FM_VBYTES), may_alias));

INLINE vec vset(real x) { return x - (vec){0}; } /* x - 0 keeps the sign of a zero x; x + 0 would not */
INLINE vec vload(const real *p) { return *(const vec *)p; }
INLINE void vstore(real *p, vec x) { *(vec *)p = x; }
INLINE vec vloadu(const real *p) { return *(const unaligned_vec *)p; }
INLINE void vstoreu(real *p, vec x) { *(unaligned_vec *)p = x; }

/* ---- what the vector extensions lack: fma, masks and selection */
#if FM_VBYTES == 64
#define FM_OP(name) FM_PASTE(_mm512_##name##_, FM_PACKED)
#ifdef FM_DOUBLE
typedef __mmask8 mask;
#else
typedef __mmask16 mask;
#endif
INLINE vec vfma(vec a, vec b, vec c) { return FM_OP(fmadd)(a, b, c); }   /* a b + c */
INLINE vec vfnma(vec a, vec b, vec c) { return FM_OP(fnmadd)(a, b, c); } /* c - a b */
INLINE vec vmax(vec a, vec x) { return FM_OP(max)(a, x); }               /* NaN where x is NaN */
INLINE vec vmin(vec a, vec x) { return FM_OP(min)(a, x); }
INLINE vec vsqrt(vec x) { return FM_OP(sqrt)(x); }
#define FM_MASK_OP(name) FM_PASTE(FM_PASTE(_mm512_##name##_, FM_PACKED), _mask)
INLINE mask vlt(vec a, vec b) { return FM_MASK_OP(cmp)(a, b, _CMP_LT_OQ); }
INLINE mask veq(vec a, vec b) { return FM_MASK_OP(cmp)(a, b, _CMP_EQ_OQ); }
INLINE vec vselect(mask m, vec yes, vec no) { return FM_OP(mask_blend)(m, no, yes); }
INLINE bool vall(mask m) { return m == (mask)-1; }
#ifdef FM_DOUBLE
INLINE bool vany_sign(ivec x) { return _mm512_movepi64_mask((__m512i)x) != 0; }
#else
INLINE bool vany_sign(ivec x) { return _mm512_movepi32_mask((__m512i)x) != 0; }
#endif
#else
typedef ivec mask;
INLINE mask vlt(vec a, vec b) { return (mask)(a < b); }
INLINE mask veq(vec a, vec b) { return (mask)(a == b); }
INLINE vec vselect(mask m, vec yes, vec no) { return (vec)((m & (ivec)yes) | (~m & (ivec)no)); }
#if FM_VBYTES == 32
#define FM_OP(name) FM_PASTE(_mm256_##name##_, FM_PACKED)
INLINE vec vfma(vec a, vec b, vec c) { return FM_OP(fmadd)(a, b, c); }
INLINE vec vfnma(vec a, vec b, vec c) { return FM_OP(fnmadd)(a, b, c); }
INLINE vec vmax(vec a, vec x) { return FM_OP(max)(a, x); }
INLINE vec vmin(vec a, vec x) { return FM_OP(min)(a, x); }
INLINE vec vsqrt(vec x) { return FM_OP(sqrt)(x); }
#elif defined(__SSE2__)
#define FM_OP(name) FM_PASTE(_mm_##name##_, FM_PACKED)
INLINE vec vfma(vec a, vec b, vec c) { return a * b + c; }
INLINE vec vfnma(vec a, vec b, vec c) { return c - a * b; }
INLINE vec vmax(vec a, vec x) { return FM_OP(max)(a, x); }
INLINE vec vmin(vec a, vec x) { return FM_OP(min)(a, x); }
INLINE vec vsqrt(vec x) { return FM_OP(sqrt)(x); }
#elif defined(__aarch64__)
#ifdef FM_DOUBLE
#define FM_OP(name) name##q_f64
#else
#define FM_OP(name) name##q_f32
#endif
INLINE vec vfma(vec a, vec b, vec c) { return (vec)FM_OP(vfma)(c, a, b); }
INLINE vec vfnma(vec a, vec b, vec c) { return (vec)FM_OP(vfms)(c, a, b); }
INLINE vec vmax(vec a, vec x) { return vselect(vlt(x, a), a, x); }
INLINE vec vmin(vec a, vec x) { return vselect(vlt(a, x), a, x); }
INLINE vec vsqrt(vec x) { return (vec)FM_OP(vsqrt)(x); }
#elif defined(__wasm_simd128__)
#ifdef FM_DOUBLE
#define FM_OP(name) wasm_f64x2_##name
#else
#define FM_OP(name) wasm_f32x4_##name
#endif
INLINE vec vfma(vec a, vec b, vec c) { return a * b + c; }
INLINE vec vfnma(vec a, vec b, vec c) { return c - a * b; }
INLINE vec vmax(vec a, vec x) { return (vec)FM_OP(pmax)((v128_t)x, (v128_t)a); }
INLINE vec vmin(vec a, vec x) { return (vec)FM_OP(pmin)((v128_t)x, (v128_t)a); }
INLINE vec vsqrt(vec x) { return (vec)FM_OP(sqrt)((v128_t)x); }
#else
#error "fastmlp needs a 16-byte vector unit: SSE2 on x86-64, NEON on aarch64 or WebAssembly's simd128"
#endif
INLINE bool vall(mask m)
{
#ifdef __SSE2__
    return FM_OP(movemask)((vec)m) == (1 << FM_LANES) - 1;
#else
    bits all = -1;
    for (int i = 0; i < FM_LANES; i++) all &= m[i];
    return all != 0;
#endif
}

/* Whether any element has its sign bit set. */
INLINE bool vany_sign(ivec x)
{
#if FM_VBYTES == 32
    return !FM_OP(testz)((vec)x, (vec)x);
#elif defined(__SSE2__)
    return FM_OP(movemask)((vec)x) != 0;
#else
    bits any = 0;
    for (int i = 0; i < FM_LANES; i++) any |= x[i];
    return any < 0;
#endif
}
#endif

/* vfma of one element, with the bits of a vector's element */
#if FM_VBYTES > 16 || defined(__aarch64__)
#ifdef FM_DOUBLE
INLINE real real_fma(real a, real b, real c) { return __builtin_fma(a, b, c); }
#else
INLINE real real_fma(real a, real b, real c) { return __builtin_fmaf(a, b, c); }
#endif
#else
INLINE real real_fma(real a, real b, real c) { return a * b + c; }
#endif

INLINE vec vrelu(vec x) { return vmax((vec){0}, x); }
INLINE vec vnegative_abs(vec x) { return (vec)((ivec)x | (ivec)vset((real)-0.0)); }
INLINE vec vabs(vec x) { return (vec)((ivec)x & ~(ivec)vset((real)-0.0)); }
INLINE bool vall_finite(vec x) { return vall(veq(x - x, (vec){0})); }

/* ---- shuffles of a pair of vectors, first within 16-byte blocks, then of whole blocks
 *
 * EVEN takes the even elements (or blocks) of x, then those of y; ODD takes the odd ones.  Each is one instruction of
 * one cycle on a Zen 4; moving single elements across blocks takes 2.5.  FM_WITHIN and FM_BLOCKS say where lane i of
 * the result comes from. */
#define FM_PER_BLOCK (FM_LANES * 16 / FM_VBYTES)
#define FM_WITHIN(i, odd)                                                     \
    ((i) % FM_PER_BLOCK * 2 < FM_PER_BLOCK                                    \
         ? (i) / FM_PER_BLOCK * FM_PER_BLOCK + (i) % FM_PER_BLOCK * 2 + (odd) \
         : FM_LANES + (i) / FM_PER_BLOCK * FM_PER_BLOCK + ((i) % FM_PER_BLOCK * 2 + (odd)) % FM_PER_BLOCK)
#define FM_BLOCKS(i, odd) ((i) / FM_PER_BLOCK * 2 * FM_PER_BLOCK + (odd) * FM_PER_BLOCK + (i) % FM_PER_BLOCK)
#if FM_LANES == 2
#define FM_EACH(f, odd) f(0, odd), f(1, odd)
#elif FM_LANES == 4
#define FM_EACH(f, odd) f(0, odd), f(1, odd), f(2, odd), f(3, odd)
#elif FM_LANES == 8
#define FM_EACH(f, odd) f(0, odd), f(1, odd), f(2, odd), f(3, odd), f(4, odd), f(5, odd), f(6, odd), f(7, odd)
#else
#define FM_EACH(f, odd)                                                                                           \
    f(0, odd), f(1, odd), f(2, odd), f(3, odd), f(4, odd), f(5, odd), f(6, odd), f(7, odd), f(8, odd), f(9, odd), \
        f(10, odd), f(11, odd), f(12, odd), f(13, odd), f(14, odd), f(15, odd)
#endif
#define FM_NUMBER(i, unused) (i)
#define LANE_NUMBERS ((ivec){FM_EACH(FM_NUMBER, 0)})
#ifdef __clang__
#define FM_SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define FM_SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (ivec){__VA_ARGS__})
#endif
#define EVEN(x, y, f) FM_SHUFFLE(x, y, FM_EACH(f, 0))
#define ODD(x, y, f) FM_SHUFFLE(x, y, FM_EACH(f, 1))

/* A butterfly has log2(FM_PER_BLOCK) stages within blocks, then log2(number of blocks) stages between blocks. */
#if FM_PER_BLOCK == 4
#define FM_STAGES_WITHIN(stage) stage(FM_WITHIN) stage(FM_WITHIN)
#else
#define FM_STAGES_WITHIN(stage) stage(FM_WITHIN)
#endif
#if FM_VBYTES == 64
#define FM_STAGES_BETWEEN(stage) stage(FM_BLOCKS) stage(FM_BLOCKS)
#elif FM_VBYTES == 32
#define FM_STAGES_BETWEEN(stage) stage(FM_BLOCKS)
#else
#define FM_STAGES_BETWEEN(stage)
#endif

/* Lane i of the result is the sum of the lanes of x[i]; overwrites x. */
INLINE vec vlane_sums(vec *x)
{
    int left = LANES;
#define FM_SUM_STAGE(f) \
    left /= 2;          \
    UNROLL_FOR(int k = 0; k < left; k++) x[k] = EVEN(x[2 * k], x[2 * k + 1], f) + ODD(x[2 * k], x[2 * k + 1], f);
    FM_STAGES_WITHIN(FM_SUM_STAGE)
    FM_STAGES_BETWEEN(FM_SUM_STAGE)
    return x[0];
}

/* x (LANES vectors) <- its transpose */
INLINE void vtranspose(vec *x)
{
    vec y[LANES];
#define FM_TRANSPOSE_STAGE(f)                              \
    UNROLL_FOR(int k = 0; k < LANES / 2; k++) {            \
        y[k] = EVEN(x[2 * k], x[2 * k + 1], f);            \
        y[k + LANES / 2] = ODD(x[2 * k], x[2 * k + 1], f); \
    }                                                      \
    UNROLL_FOR(int k = 0; k < LANES; k++) x[k] = y[k];
    FM_STAGES_WITHIN(FM_TRANSPOSE_STAGE)
    FM_STAGES_BETWEEN(FM_TRANSPOSE_STAGE)
}

INLINE ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
INLINE ptrdiff_t whole_vectors(ptrdiff_t n) { return ceil_div(n, LANES) * LANES; }

/* ---- arrays of any length, a vector at a time; the last vector may have `left` < LANES elements */
#define FOR_EACH_VECTOR(i, n) for (ptrdiff_t i = 0; i < (n); i += LANES)
INLINE vec vload_some(const real *p, ptrdiff_t left)
{
    if (left >= LANES)
        return vloadu(p);
#if FM_VBYTES == 64
    return FM_OP(maskz_loadu)((mask)((1u << left) - 1), p);
#elif FM_VBYTES == 32
    return FM_OP(maskload)(p, (__m256i)(LANE_NUMBERS < (bits)left));
#endif
    real buffer[LANES] __attribute__((aligned(FM_VBYTES))) = {0};
    memcpy(buffer, p, (size_t)left * sizeof(real));
    return vload(buffer);
}
INLINE void vstore_some(real *p, vec x, ptrdiff_t left)
{
    if (left >= LANES) {
        vstoreu(p, x);
        return;
    }
    real buffer[LANES] __attribute__((aligned(FM_VBYTES)));
    vstore(buffer, x);
    memcpy(p, buffer, (size_t)left * sizeof(real));
}

#endif
