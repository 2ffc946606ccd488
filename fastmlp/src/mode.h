/* mode.h -- the floating-point mode that the kernels were tested in: rounds to the nearest, keeps subnormal numbers,
 * traps nothing.
 *
 * The caller's thread may be in another mode, set by the program or by a library.  Every thread of a call takes ours,
 * so that no result depends on the mode, nor on the number of threads.  The caller's comes back when the call ends, and
 * while signal handlers run.
 *
 * Exception flags (inexact, overflow, ...) mean nothing after a call: kernels set them also in the padding, and on x86-64,
 * where they share the register, a caller in another mode than ours gets its own back.  NumPy clears them before it looks.
 */
#ifndef FASTMLP_MODE_H
#define FASTMLP_MODE_H

typedef unsigned long fm_mode; /* of the thread: its whole control register */

#if defined(__x86_64__)
enum { OUR_MODE = 0x1f80, MODE_BITS = 0xffc0 }; /* MXCSR: all exceptions masked; the other bits record exceptions */
static inline fm_mode read_mode(void)
{
    unsigned mode;
    __asm__ volatile("stmxcsr %0" : "=m"(mode) : : "memory");
    return mode;
}
static inline void write_mode(fm_mode mode)
{
    const unsigned value = (unsigned)mode;
    __asm__ volatile("ldmxcsr %0" : : "m"(value) : "memory");
}
#elif defined(__aarch64__)
enum { OUR_MODE = 0, MODE_BITS = -1 }; /* FPCR */
static inline fm_mode read_mode(void)
{
    fm_mode mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode) : : "memory");
    return mode;
}
static inline void write_mode(fm_mode mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode) : "memory"); }
#else
enum { OUR_MODE = 0, MODE_BITS = 0 };
static inline fm_mode read_mode(void) { return 0; }
static inline void write_mode(fm_mode mode) { (void)mode; }
#endif

/* Only a change is written, since writing is slow. */
static inline void change_mode(fm_mode from, fm_mode to)
{
    if ((from ^ to) & (fm_mode)MODE_BITS)
        write_mode(to);
}

/* Sets our mode and returns the one before it, for leave_our_mode. */
static inline fm_mode enter_our_mode(void)
{
    const fm_mode before = read_mode();
    change_mode(before, OUR_MODE);
    return before;
}

static inline void leave_our_mode(fm_mode before) { change_mode(OUR_MODE, before); }

#endif
