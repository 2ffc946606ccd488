/* $header_name -- a multi-layer perceptron, written by fastmlp $version: $description
 *
 * $outputs
 *
 * Memory in bytes (nothing is allocated):
 *   $parameter_bytes  constants: weights and biases
 *   $table_bytes  constants: coefficients of exp and its kin
 *   $test_bytes  constants: the self-test, left out with -D${PREFIX}_NO_SELF_TEST
 *   $scratch_bytes  of RAM, given by the caller as `scratch`; beside it only local variables on the stack
 *
 * Compile with -std=c99 -O3 and the processor's options, such as -mavx2 -mfma, and not with -ffast-math.  The results
 * then have the bits of fastmlp's kernels: of `baseline`, or where the processor fuses multiply-adds, of `avx2`.
 */
#ifndef ${PREFIX}_H
#define ${PREFIX}_H

#ifdef __cplusplus
extern "C" {
#endif

#define ${PREFIX}_N_INPUTS $n_inputs
#define ${PREFIX}_N_OUTPUTS $n_outputs
#define ${PREFIX}_N_SCRATCH $n_scratch

/* outputs (${PREFIX}_N_OUTPUTS) <- those of the network for inputs (${PREFIX}_N_INPUTS).  scratch: ${PREFIX}_N_SCRATCH
   numbers that the call overwrites$null_scratch; calls in several threads at once need one each.  No two may overlap. */
void ${prefix}_predict(const $real *inputs, $real *outputs, $real *scratch);
$class_declaration
#ifndef ${PREFIX}_NO_SELF_TEST
/* 0 if the outputs for a few inputs agree with those that fastmlp computed, otherwise the number of the first input
   that does not, from 1.  outputs and scratch: as above. */
int ${prefix}_self_test($real *outputs, $real *scratch);
#endif

#ifdef __cplusplus
}
#endif

#endif
