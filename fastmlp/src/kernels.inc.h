/* kernels.inc.h -- every family for one ISA and dtype, and the table that names them. */

#include "lanes.h"
#include "shares.h"
#include "team.h"
#include "elementary.inc.h"
#include "elementwise.inc.h"
#include "activation.inc.h"
#include "dropout.inc.h"
#include "dense.inc.h"
#include "loss.inc.h"
#include "optimizer.inc.h"
#include "sparse.inc.h"
#include "layout.inc.h"
#include "pack.inc.h"
#include "step.inc.h"
#include "train.inc.h"
#include "layerwise.inc.h"

#define FM_STRING_(x) #x
#define FM_STRING(x) FM_STRING_(x)

const fm_kernels FN(kernels) = {
    .isa = FM_STRING(FM_ISA),
    .lanes = LANES,
    .make_layout = FN(make_layout),
    .loss_and_gradient = FN(loss_and_gradient),
    .train = FN(train),
    .predict = FN(predict),
    .layers = FN(layers),
    .backward = FN(backward),
    .gradient_descent = FN(gradient_descent),
    .update = FN(update_alone),
    .dropout_mask = FN(dropout_mask),
    .map = FN(map),
    .all_pass = FN(all_pass),
    .mean_log_loss = FN(mean_log_loss),
    .mean_cross_entropy = FN(mean_cross_entropy),
};
