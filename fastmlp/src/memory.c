/* memory.c -- memory for an arena: aligned for vectors, and on huge pages if it is large.  Passes allocate nothing. */

#define _GNU_SOURCE
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h> /* MADV_HUGEPAGE */
#endif

#include "fastmlp.h"

enum { ALIGNMENT = 64, HUGE_PAGE = 1 << 21 }; /* bytes */

/* Wide layers read rows far apart: on small pages each row would cost a TLB miss. */
void *fm_allocate(size_t bytes)
{
    void *memory;
    const bool is_large = bytes >= 2 * HUGE_PAGE;
    if (posix_memalign(&memory, is_large ? HUGE_PAGE : ALIGNMENT, bytes))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (is_large)
        madvise(memory, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return memory;
}
