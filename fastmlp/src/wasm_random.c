/* wasm_random.c -- NumPy's random numbers for the WebAssembly build: those of RandomState, from which initial weights
 * are drawn, and those of default_rng, from which orders of examples are drawn.
 */
#if defined(__wasm__)

#include <math.h>
#include <string.h>

#include "wasm.h"

/* ---- numpy.random.RandomState: the Mersenne Twister MT19937 (Matsumoto & Nishimura 1998), the polar method */

enum { MT_WORDS = 624, MT_SHIFT = 397 };

static struct {
    uint32_t words[MT_WORDS];
    int at;
    bool has_normal;
    double normal; /* the second one of a pair */
} twister;

EXPORT(seed_twister) void seed_twister(uint32_t seed)
{
    twister.words[0] = seed;
    for (uint32_t i = 1; i < MT_WORDS; i++) {
        const uint32_t before = twister.words[i - 1];
        twister.words[i] = 1812433253u * (before ^ before >> 30) + i;
    }
    twister.at = MT_WORDS;
    twister.has_normal = false;
}

static void twist(void)
{
    uint32_t *x = twister.words;
    for (int i = 0; i < MT_WORDS; i++) {
        const uint32_t y = (x[i] & 0x80000000u) | (x[(i + 1) % MT_WORDS] & 0x7fffffffu);
        x[i] = x[(i + MT_SHIFT) % MT_WORDS] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    twister.at = 0;
}

static uint32_t next_word(void)
{
    if (twister.at == MT_WORDS)
        twist();
    uint32_t y = twister.words[twister.at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

/* A number from [0, 1), of 53 bits. */
static double next_uniform(void)
{
    const uint32_t high = next_word() >> 5, low = next_word() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

/* The table of wasi-libc's own log, which is Arm's, as glibc's is (log_data.h of musl's src/math). */
extern const struct {
    double ln2_high, ln2_low, a[5], b[11];
    struct {
        double inverse, log;
    } at[128];
} __log_data;

/* log(x) of a normal x below 1, with the bits that glibc's log has on x86-64 processors that fuse multiply-adds: NumPy's
   normal numbers are made from it.  With wasi-libc's log, which fuses none, 4 of 75,000 were off in the last place. */
static double fused_log(double x)
{
    const double *a = __log_data.a, *b = __log_data.b;
    if (x >= 1 - 0x1p-4) {
        const double r = x - 1, r2 = r * r, r3 = r * r2;
        const double b7 = fma(r3, b[10], fma(r2, b[9], fma(r, b[8], b[7])));
        const double b4 = fma(r3, b7, fma(r2, b[6], fma(r, b[5], b[4])));
        const double b1 = fma(r3, b4, fma(r2, b[3], fma(r, b[2], b[1])));
        const double r_high = r + r * 0x1p27 - r * 0x1p27, r_low = r - r_high;
        const double square = r_high * r_high * b[0], high = r + square;
        const double low = fma(b[0] * r_low, r_high + r, r - high + square);
        return fma(r3, b1, low) + high;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint64_t offset = bits - 0x3fe6000000000000u, mantissa = bits - (offset & 0xfffull << 52);
    const double k = (double)((int64_t)offset >> 52);
    double z;
    memcpy(&z, &mantissa, sizeof z);
    const int i = (int)(offset >> 45 & 127);
    const double r = fma(z, __log_data.at[i].inverse, -1), r2 = r * r;
    const double w = fma(k, __log_data.ln2_high, __log_data.at[i].log), high = w + r;
    const double low = fma(k, __log_data.ln2_low, w - high + r);
    const double rest = fma(r2, fma(r, a[4], a[3]), fma(r, a[2], a[1]));
    return fma(r * r2, rest, fma(r2, a[0], low)) + high;
}

static double next_normal(void)
{
    if (twister.has_normal) {
        twister.has_normal = false;
        return twister.normal;
    }
    double x, y, r2;
    do {
        x = 2.0 * next_uniform() - 1.0;
        y = 2.0 * next_uniform() - 1.0;
        r2 = x * x + y * y;
    } while (r2 >= 1.0 || r2 == 0.0);
    const double factor = sqrt(-2.0 * fused_log(r2) / r2);
    twister.normal = factor * x;
    twister.has_normal = true;
    return factor * y;
}

/* draws (n) <- standard_normal(n) times a deviation */
EXPORT(draw_normal) void draw_normal(double *draws, ptrdiff_t n, double deviation)
{
    for (ptrdiff_t i = 0; i < n; i++) draws[i] = next_normal() * deviation;
}

/* draws (n) <- uniform(-bound, bound, n) */
EXPORT(draw_uniform) void draw_uniform(double *draws, ptrdiff_t n, double bound)
{
    for (ptrdiff_t i = 0; i < n; i++) draws[i] = -bound + (bound + bound) * next_uniform();
}

/* A whole number from 0 to most, by rejection. */
static uint32_t next_index(uint32_t most)
{
    uint32_t mask = most, index;
    for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
    do index = next_word() & mask;
    while (index > most);
    return index;
}

/* items (n) <- shuffle(items) */
EXPORT(shuffle) void shuffle(int32_t *items, ptrdiff_t n)
{
    for (ptrdiff_t i = n - 1; i > 0; i--) {
        const uint32_t j = next_index((uint32_t)i);
        const int32_t item = items[i];
        items[i] = items[j];
        items[j] = item;
    }
}

/* ---- numpy.random.default_rng: PCG64 (O'Neill 2014), seeded by a SeedSequence of two words */

typedef unsigned __int128 wide;

static uint32_t hashed(uint32_t value, uint32_t *constant, uint32_t factor)
{
    value ^= *constant;
    *constant *= factor;
    value *= *constant;
    return value ^ value >> 16;
}

static uint32_t mixed(uint32_t x, uint32_t y)
{
    const uint32_t z = 0xca01f9ddu * x - 0x4973f715u * y;
    return z ^ z >> 16;
}

static void spread_seed(uint64_t state[4], uint32_t seed, uint32_t epoch)
{
    uint32_t pool[4] = {seed, epoch}, constant = 0x43b0d7e5u;
    for (int i = 0; i < 4; i++) pool[i] = hashed(pool[i], &constant, 0x931e8875u);
    for (int from = 0; from < 4; from++)
        for (int to = 0; to < 4; to++)
            if (from != to)
                pool[to] = mixed(pool[to], hashed(pool[from], &constant, 0x931e8875u));
    constant = 0x8b51f9ddu;
    for (int i = 0; i < 4; i++) {
        const uint32_t low = hashed(pool[i * 2 % 4], &constant, 0x58f38dedu);
        state[i] = low | (uint64_t)hashed(pool[(i * 2 + 1) % 4], &constant, 0x58f38dedu) << 32;
    }
}

static wide stepped(wide state, wide increment)
{
    const wide factor = (wide)2549297995355413924u << 64 | 4865540595714422341u;
    return state * factor + increment;
}

void draw_uniform_of(double *draws, ptrdiff_t n, uint32_t seed, uint32_t epoch)
{
    uint64_t words[4];
    spread_seed(words, seed, epoch);
    const wide increment = ((wide)words[2] << 64 | words[3]) << 1 | 1;
    wide state = stepped(increment + ((wide)words[0] << 64 | words[1]), increment);
    for (ptrdiff_t i = 0; i < n; i++) {
        state = stepped(state, increment);
        const uint64_t high = (uint64_t)(state >> 64), x = high ^ (uint64_t)state;
        const int turn = (int)(high >> 58);
        draws[i] = (double)((x >> turn | x << (-turn & 63)) >> 11) * 0x1p-53;
    }
}

#endif
