/* indices.c -- arrays of integers from the caller: orders of examples, the indices of CSR data, labels. */

#include "csr.h"
#include "shares.h"

/* Swaps entries p.to - 1 .. p.from with those that the draws choose; *wrong <- a draw outside of [0, 1) */
static bool swap_entries(ptrdiff_t *order, const double *draws, range p, double *wrong)
{
    for (ptrdiff_t i = p.to - 1; i >= p.from; i--) {
        double draw; /* read once: another thread may change it */
        __atomic_load(draws + i, &draw, __ATOMIC_RELAXED);
        if (!(draw >= 0 && draw < 1)) {
            *wrong = draw;
            return false;
        }
        const ptrdiff_t other = (ptrdiff_t)(draw * (double)(i + 1)), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    return true;
}

enum fm_status fm_draw_order(ptrdiff_t *order, const double *draws, ptrdiff_t n, double *wrong, fm_poll poll)
{
    worker w = lone_worker(poll, NULL);
    FOR_EACH_PORTION(p, n, &w) {
        for (ptrdiff_t i = p.from; i < p.to; i++) order[i] = i;
        poll_after(&w, WORK_OF_A_COPY * items_in(p));
    }
    FOR_EACH_PORTION(p, n, &w) {
        const range from_the_end = {n - p.to, n - p.from};
        if (!swap_entries(order, draws, from_the_end, wrong))
            break;
        poll_after(&w, WORK_OF_A_GATHER * items_in(p));
    }
    return leave_team(&w);
}

enum fm_status fm_check_order(int *in_range, const ptrdiff_t *order, ptrdiff_t n, ptrdiff_t n_examples, fm_poll poll)
{
    worker w = lone_worker(poll, NULL);
    bool good = true;
    FOR_EACH_PORTION(p, n, &w) {
        for (ptrdiff_t i = p.from; i < p.to; i++) good &= order[i] >= 0 && order[i] < n_examples;
        poll_after(&w, WORK_OF_A_COPY * items_in(p));
    }
    *in_range = good;
    return leave_team(&w);
}

/* Whether indptr rises from 0 to at most the number of entries. */
static bool rises(const fm_data *data, worker *w)
{
    bool good = true;
    ptrdiff_t before = 0;
    FOR_EACH_PORTION(p, data->n_examples + 1, w) {
        for (ptrdiff_t i = p.from; i < p.to; i++) {
            const ptrdiff_t at = index_at(data->indptr, data->wide_indices, i);
            good &= before <= at && at <= data->n_stored && (i > 0 || at == 0);
            before = at;
        }
        poll_after(w, WORK_OF_A_COPY * items_in(p));
    }
    return good;
}

static bool columns_exist(const fm_data *data, ptrdiff_t n_features, worker *w)
{
    bool good = true;
    FOR_EACH_PORTION(p, data->n_stored, w) {
        for (ptrdiff_t k = p.from; k < p.to; k++) {
            const ptrdiff_t column = index_at(data->indices, data->wide_indices, k);
            good &= column >= 0 && column < n_features;
        }
        poll_after(w, WORK_OF_A_COPY * items_in(p));
    }
    return good;
}

/* Whether the columns of a row ascend. */
static bool row_ascends(const fm_data *data, ptrdiff_t row, worker *w)
{
    const range entries = entries_of(data, row);
    bool good = true;
    ptrdiff_t before = -1;
    FOR_EACH_PORTION(p, entries.to - entries.from, w) {
        for (ptrdiff_t k = entries.from + p.from; k < entries.from + p.to; k++) {
            const ptrdiff_t column = index_at(data->indices, data->wide_indices, k);
            good &= before < column;
            before = column;
        }
        poll_after(w, WORK_OF_A_COPY * items_in(p));
    }
    poll_after(w, WORK_OF_A_COPY);
    return good;
}

enum fm_status fm_check_csr(int *in_range, int *ascending, const fm_data *data, ptrdiff_t n_features, fm_poll poll)
{
    worker w = lone_worker(poll, NULL);
    bool good = rises(data, &w);
    good &= columns_exist(data, n_features, &w);
    *in_range = *ascending = good;
    for (ptrdiff_t row = 0; good && row < data->n_examples && !w.status; row++)
        *ascending &= row_ascends(data, row, &w);
    return leave_team(&w);
}

enum fm_status fm_convert_labels(void *to, int *are_binary, const int64_t *labels, ptrdiff_t n, enum fm_dtype dtype,
                                 fm_poll poll)
{
    worker w = lone_worker(poll, NULL);
    double *wide = to;
    float *narrow = to;
    int64_t other = 0;
    FOR_EACH_PORTION(p, n, &w) {
        for (ptrdiff_t i = p.from; i < p.to; i++) {
            const int64_t label = labels[i];
            other |= label & ~(int64_t)1;
            if (dtype == FM_F64)
                wide[i] = (double)label;
            else
                narrow[i] = (float)label;
        }
        poll_after(&w, WORK_OF_A_COPY * items_in(p));
    }
    *are_binary = other == 0;
    return leave_team(&w);
}
