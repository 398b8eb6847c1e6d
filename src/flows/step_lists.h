/* step_lists.h - the list of steps of each flow, for the flow itself and for resume. */
#pragma once
#include "engine/step.h"

extern const StepDef *const upgrade_steps[];
extern const StepDef *const upgrade_reading_steps[];
extern const StepDef *const rollback_steps[];
extern const StepDef *const backup_steps[];
extern const StepDef *const rehearse_steps[];
extern const StepDef *const restore_steps[];
extern const StepDef *const restore_empty_steps[];
