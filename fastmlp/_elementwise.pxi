# Elementwise functions and single losses; a part of _kernels.pyx.

def elementwise(str function, const real[::1] x, real[::1] out):
    """out <- exp, log, log1p, tanh, sigmoid or relu of x."""
    cdef int code = code_of("function", function, FUNCTIONS)
    cdef const fm_kernels *kernels = kernels_for(real is double)
    check_shape("out", (out.shape[0],), (x.shape[0],))
    cdef fm_status status
    if x.shape[0]:
        with nogil:
            status = kernels.map(&out[0], &x[0], x.shape[0], <fm_function>code, serve_signals)
        finish(status)


def log_loss(const real[:, ::1] logits, const real[:, ::1] targets):
    """Mean over examples of the log-loss summed over outputs, from logits."""
    cdef const fm_kernels *kernels = kernels_for(real is double)
    cdef fm_status status
    cdef double loss
    check_shape("targets", (targets.shape[0], targets.shape[1]), (logits.shape[0], logits.shape[1]))
    if logits.shape[0] < 1 or logits.shape[1] < 1:
        raise ValueError("logits must not be empty")
    with nogil:
        status = kernels.mean_log_loss(&loss, &logits[0, 0], &targets[0, 0], logits.shape[0] * logits.shape[1],
                                       logits.shape[1], serve_signals)
    finish(status)
    return loss


cdef double mean_cross_entropy(cnp.ndarray probabilities, cnp.ndarray targets, bint soft) except? -1:
    cdef int typenum = real_type(probabilities)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(probabilities, 0), n = cnp.PyArray_DIM(probabilities, 1)
    cdef void *a = matrix_data("probabilities", probabilities, typenum, rows, n)
    cdef void *y = matrix_data("targets", targets, typenum, rows, n)
    cdef const fm_kernels *kernels = kernels_for(typenum == cnp.NPY_DOUBLE)
    cdef fm_status status
    cdef double loss
    if rows < 1 or n < 1:
        raise ValueError("probabilities must not be empty")
    with nogil:
        status = (kernels.mean_soft_cross_entropy if soft else kernels.mean_cross_entropy)(
            &loss, a, y, rows * n, n, serve_signals
        )
    finish(status)
    return loss


def cross_entropy(cnp.ndarray probabilities not None, cnp.ndarray targets not None):
    """Mean over examples of the cross-entropy summed over outputs, from probabilities; targets lie in [0, 1]."""
    return mean_cross_entropy(probabilities, targets, not passes(targets, FM_ALL_BINARY))


def gradient_descent(real[::1] parameters, const real[::1] gradient, double learning_rate):
    """parameters <- parameters - learning_rate * gradient, with the bits of an epoch of ``train``."""
    cdef const fm_kernels *kernels = kernels_for(real is double)
    check_shape("gradient", (gradient.shape[0],), (parameters.shape[0],))
    if parameters.shape[0]:
        with nogil:
            kernels.gradient_descent(&parameters[0], &gradient[0], parameters.shape[0], learning_rate)


cdef enum:
    BETWEEN_SIGNALS = 1 << 20  # elements, about a millisecond; a smaller matrix looks for none


cdef int descend(const fm_kernels *kernels, cnp.ndarray new, cnp.ndarray matrix, cnp.ndarray gradient,
                 double learning_rate) except -1:
    """new <- matrix - learning_rate * gradient"""
    cdef Py_ssize_t size = cnp.PyArray_ITEMSIZE(new), total = cnp.PyArray_SIZE(new), most = BETWEEN_SIGNALS, at = 0, n
    while at < total:  # Cython makes Python's integers of a range with this step
        n = min(most, total - at)
        memcpy(cnp.PyArray_BYTES(new) + at * size, cnp.PyArray_BYTES(matrix) + at * size, n * size)
        kernels.gradient_descent(cnp.PyArray_BYTES(new) + at * size, cnp.PyArray_BYTES(gradient) + at * size, n,
                                 learning_rate)
        at += n
        if n == most and PyErr_CheckSignals():
            finish(FM_INTERRUPTED)
    return 0


cdef list descent(list matrices, list gradients, double learning_rate):
    cdef cnp.ndarray matrix, gradient, new
    cdef const fm_kernels *kernels
    cdef list moved = []
    cdef Py_ssize_t i
    cdef int typenum
    if not all_plain_and_finite(matrices) or not all_plain_and_finite(gradients) or len(matrices) != len(gradients):
        return None
    typenum = cnp.PyArray_TYPE(matrices[0])
    if cnp.PyArray_TYPE(gradients[0]) != typenum:
        return None
    kernels = kernels_for(typenum == cnp.NPY_DOUBLE)
    for i in range(len(matrices)):
        matrix, gradient = matrices[i], gradients[i]
        if not cnp.PyArray_SAMESHAPE(matrix, gradient):
            return None
        new = new_matrix(typenum, cnp.PyArray_DIM(matrix, 0), cnp.PyArray_DIM(matrix, 1))
        descend(kernels, new, matrix, gradient, learning_rate)
        moved.append(new)
    return moved


def descended(list matrices, list gradients, double learning_rate):
    """New matrices, ``matrix - learning_rate * gradient`` each; None unless all are plain and finite."""
    return descent(matrices, gradients, learning_rate)
