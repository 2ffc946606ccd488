/* names.c -- the lists of names.h as tables, from which Python makes its dictionaries. */

#include "fastmlp.h"

#define ENTRY(code, name, property) {#name, FM_##code, property},
#define ENTRY_ALONE(code, name) ENTRY(code, name, 0)

const fm_name fm_activation_names[] = {FM_ACTIVATIONS(ENTRY){NULL, 0, 0}};
const fm_name fm_loss_names[] = {FM_LOSSES(ENTRY_ALONE) FM_LOSS_ALIASES(ENTRY_ALONE){NULL, 0, 0}};
const fm_name fm_method_names[] = {FM_METHODS(ENTRY){NULL, 0, 0}};
const fm_name fm_function_names[] = {FM_FUNCTIONS(ENTRY_ALONE){NULL, 0, 0}};
const fm_name fm_status_names[] = {FM_STATUSES(ENTRY_ALONE){NULL, 0, 0}};
const fm_name fm_isa_names[] = {FM_ISAS(ENTRY_ALONE){NULL, 0, 0}};

#define FIELD_INDEX(type, name) FIELD_##name,
enum field { FM_OPTIMIZER_FIELDS(FIELD_INDEX) };

#define FIELD_ENTRY(type, name) {#name, FIELD_##name, 0},
const fm_name fm_optimizer_fields[] = {FM_OPTIMIZER_FIELDS(FIELD_ENTRY){NULL, 0, 0}};

void fm_set_optimizer_field(fm_optimizer *optimizer, int field, double value)
{
    switch ((enum field)field) {
#define SET_FIELD(type, name)          \
    case FIELD_##name:                 \
        optimizer->name = (type)value; \
        break;
        FM_OPTIMIZER_FIELDS(SET_FIELD)
    }
}
