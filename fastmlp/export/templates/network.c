/* $prefix.c -- written by fastmlp $version; $header_name describes it. */
#include "$header_name"

#include <float.h>
#include <stdint.h>

#ifdef __FAST_MATH__
#error "-ffast-math changes the results; compile without it"
#endif
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF /* GCC's -std=c99 does the same */
#endif
/* GCC vectorizes a short loop over units only if it does not unroll it first. */
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 8
#define FOR_EACH_UNIT _Pragma("GCC unroll 1") for
#else
#define FOR_EACH_UNIT for
#endif

$functions
$softmax
/* ---- the layers: weights are stored (input, unit), so that a compiler computes several units at once */
$layers
void ${prefix}_predict(const real *inputs, real *outputs, real *scratch)
{
$calls
}
$class_definition
#ifndef ${PREFIX}_NO_SELF_TEST
/* ---- a few inputs, their outputs, and how far others may be from these by rounding */

static const real test_inputs[$n_tests][$n_inputs] = {
$test_inputs
};

static const real test_outputs[$n_tests][$n_outputs] = {
$test_outputs
};

static const real test_tolerances[$n_tests][$n_outputs] = {
$test_tolerances
};

int ${prefix}_self_test(real *outputs, real *scratch)
{
    for (int i = 0; i < $n_tests; i++) {
        ${prefix}_predict(test_inputs[i], outputs, scratch);
        for (int o = 0; o < $n_outputs; o++) {
            const real wanted = test_outputs[i][o], difference = outputs[o] - wanted, most = test_tolerances[i][o];
            if (outputs[o] != wanted && !(-most <= difference && difference <= most))
                return i + 1;
        }
    }
    return 0;
}
#endif
