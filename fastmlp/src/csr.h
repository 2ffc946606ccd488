/* csr.h -- the indices of CSR data, int32 or int64. */
#ifndef FASTMLP_CSR_H
#define FASTMLP_CSR_H

#include <stdint.h>

#include "shares.h"

/* Entry i of indptr or of indices.  Read as atomic, since another thread may write to them: an index is used as it was
   checked, never read again. */
static inline ptrdiff_t index_at(const void *indices, bool wide, ptrdiff_t i)
{
    return wide ? (ptrdiff_t)__atomic_load_n((const int64_t *)indices + i, __ATOMIC_RELAXED)
                : (ptrdiff_t)__atomic_load_n((const int32_t *)indices + i, __ATOMIC_RELAXED);
}

/* Where an example's entries lie, within the arrays whatever indptr holds by now. */
static inline range entries_of(const fm_data *data, ptrdiff_t example)
{
    const ptrdiff_t from = index_at(data->indptr, data->wide_indices, example);
    const ptrdiff_t end = index_at(data->indptr, data->wide_indices, example + 1);
    const ptrdiff_t to = end < data->n_stored ? end : data->n_stored, start = from > 0 ? from : 0;
    return (range){start < to ? start : to, to};
}

#endif
