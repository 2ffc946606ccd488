/* kernels.inc.h -- compiles every family for one ISA and dtype and lists them in a table.  The order of the includes
 * does not matter: each file includes what it needs.
 */

#include "dropout.inc.h"
#include "elementwise.inc.h"
#include "layerwise.inc.h"
#include "layout.inc.h"
#include "loss.inc.h"
#include "optimizer.inc.h"
#include "pass.inc.h"
#include "predict.inc.h"
#include "train.inc.h"

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
    .mean_soft_cross_entropy = FN(mean_soft_cross_entropy),
};
