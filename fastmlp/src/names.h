/* names.h -- the one list of every choice that has a name: activations, losses, methods of optimizers, elementwise
 * functions, instruction sets, and the fields of an optimizer.
 *
 * A list calls X for each member, with its name in C (without FM_), its name in Python and its property.  The lists
 * make the enums below, the cases of the kernels' switches, and the tables of names.c that Python reads.  Switches over
 * these enums have no `default`, so that the compiler warns of a missing member.
 */
#ifndef FASTMLP_NAMES_H
#define FASTMLP_NAMES_H

#include <stdbool.h>

#define FM_ENUMERATOR(code, ...) FM_##code,

/* ---- activations */

/* What the backward pass computes an activation's derivative from.  Activations without one are for outputs only. */
enum fm_derivative { FM_FROM_OUTPUT, FM_FROM_LOGITS, FM_NO_DERIVATIVE };

/* Functions of a single logit. */
#define FM_POINTWISE_ACTIVATIONS(X)           \
    X(IDENTITY, identity, FM_FROM_OUTPUT)     \
    X(RELU, relu, FM_FROM_OUTPUT)             \
    X(TANH, tanh, FM_FROM_OUTPUT)             \
    X(LOGISTIC, logistic, FM_FROM_OUTPUT)     \
    X(LEAKY_RELU, leaky_relu, FM_FROM_OUTPUT) \
    X(ELU, elu, FM_FROM_LOGITS)               \
    X(SELU, selu, FM_FROM_LOGITS)             \
    X(GELU, gelu, FM_FROM_LOGITS)             \
    X(GELU_TANH, gelu_tanh, FM_FROM_LOGITS)   \
    X(SILU, silu, FM_FROM_LOGITS)             \
    X(SOFTPLUS, softplus, FM_FROM_LOGITS)     \
    X(EXPONENTIAL, exponential, FM_NO_DERIVATIVE)

#define FM_ACTIVATIONS(X) FM_POINTWISE_ACTIVATIONS(X) X(SOFTMAX, softmax, FM_NO_DERIVATIVE)

/* FM_KEPT_DERIVATIVE: any activation whose derivative the forward pass stored in an array. */
enum fm_activation { FM_ACTIVATIONS(FM_ENUMERATOR) FM_KEPT_DERIVATIVE };

/* ---- losses, all from the last layer's logits */

/* Sums over outputs of a function of one logit and one target. */
#define FM_POINTWISE_LOSSES(X)        \
    X(LOG_LOSS, log_loss)             \
    X(SQUARED_ERROR, squared_error)   \
    X(ABSOLUTE_ERROR, absolute_error) \
    X(HUBER, huber)                   \
    X(QUANTILE, quantile)             \
    X(POISSON, poisson)

#define FM_LOSSES(X) FM_POINTWISE_LOSSES(X) X(MULTINOMIAL_LOG_LOSS, multinomial_log_loss)

/* Other names that Python has for the losses above. */
#define FM_LOSS_ALIASES(X) X(LOG_LOSS, multilabel_log_loss)

enum fm_loss { FM_LOSSES(FM_ENUMERATOR) };

/* ---- methods of optimizers */

/* The state of a method: m, a velocity or a mean of gradients; v, a mean of squared gradients. */
enum fm_moments { FM_KEEPS_M = 1, FM_KEEPS_V = 2 };

#define FM_METHODS(X)                      \
    X(SGD, sgd, 0)                         \
    X(MOMENTUM, momentum, FM_KEEPS_M)      \
    X(NESTEROV, nesterov, FM_KEEPS_M)      \
    X(ADAM, adam, FM_KEEPS_M | FM_KEEPS_V) \
    X(RMSPROP, rmsprop, FM_KEEPS_V)

enum fm_method { FM_METHODS(FM_ENUMERATOR) };

/* Fields of fm_optimizer beside its method, X(type, name). */
#define FM_OPTIMIZER_FIELDS(X)                                               \
    X(bool, epsilon_hat) /* Adam: adds epsilon before the bias correction */ \
    X(double, momentum)                                                      \
    X(double, beta_1)                                                        \
    X(double, beta_2) /* also the decay of RMSprop's mean */                 \
    X(double, epsilon)                                                       \
    X(double, weight_decay) /* this, l1 and l2: for weights only */          \
    X(double, l1)                                                            \
    X(double, l2)                                                            \
    X(double, clip_value) /* this and clip_norm: infinite for no clipping */ \
    X(double, clip_norm)

/* ---- elementwise functions: FM_MAP_EXP applies vexp */

#define FM_FUNCTIONS(X)     \
    X(MAP_EXP, exp)         \
    X(MAP_LOG, log)         \
    X(MAP_LOG1P, log1p)     \
    X(MAP_TANH, tanh)       \
    X(MAP_SIGMOID, sigmoid) \
    X(MAP_RELU, relu)

enum fm_function { FM_FUNCTIONS(FM_ENUMERATOR) };

/* ---- how a call ended */

#define FM_STATUSES(X)                                                                   \
    X(DONE, done)                                                                        \
    X(INTERRUPTED, interrupted) /* a signal handler raised */                            \
    X(FORKED, forked)           /* in a child forked during a call on several threads */ \
    X(DIVERGED, diverged)       /* a gradient was not finite */                          \
    X(OVERFLOWED, overflowed)   /* an update would have been, and was not made */        \
    X(LOSS_NOT_FINITE, loss_not_finite)                                                  \
    X(STALLED, stalled)               /* a rule of fm_watch: the loss no longer falls */ \
    X(RATE_TOO_SMALL, rate_too_small) /* the same, and the learning rate is too small to lower */

enum fm_status { FM_STATUSES(FM_ENUMERATOR) };

/* ---- instruction sets of this build, narrowest first; dispatch.c has a has_<isa> for each */

#if defined(__x86_64__)
#define FM_ISAS(X) X(BASELINE, baseline) X(AVX2, avx2) X(AVX512, avx512)
#else
#define FM_ISAS(X) X(BASELINE, baseline)
#endif

enum fm_isa { FM_ISAS(FM_ENUMERATOR) };

#endif
