/* steps.h - all steps, in the order an upgrade takes them. Each is one file named like its id. */
#pragma once
#include "engine/step.h"

extern const StepDef step_own_environment; /* where the system's Python serves: ENV, beside it */
extern const StepDef step_build_release;   /* the target's environment, beside the current one */
extern const StepDef step_make_backup;     /* a backup set */
extern const StepDef step_prove_backup;    /* restored and compared */
extern const StepDef step_rehearse;        /* the target on a copy of the data, in a cage */
extern const StepDef step_mirror_vectors;  /* vector_db copied while the site serves */
extern const StepDef step_freeze_database; /* read-only from here on, where the site can */
extern const StepDef step_prewarm_service;
extern const StepDef step_stop_service;
extern const StepDef step_block_start;      /* ENV becomes a link to a stub that starts nothing */
extern const StepDef step_move_data;        /* data inside the environment moves to ENV.data */
extern const StepDef step_copy_database;    /* live door shut; a copy in the spare place */
extern const StepDef step_copy_vectors;     /* the second, short pass */
extern const StepDef step_migrate_copy;     /* the target's migrations on the copy, then judged */
extern const StepDef step_restore_database; /* restore: a backup set into the spare place */
extern const StepDef step_restore_files;    /* restore: uploads and vector store of the set */
extern const StepDef step_mark_spare; /* rollback, restore: for who goes on from what will serve */
extern const StepDef step_export_written; /* rollback: rows written since, as files */
extern const StepDef step_swap_database;  /* live and spare change places */
extern const StepDef step_swap_vectors;
extern const StepDef step_switch_release; /* ENV points to the target */
extern const StepDef step_open_database;  /* the door of what is live now */
extern const StepDef step_start_service;
extern const StepDef step_pass_gate; /* its yes commits the run */
extern const StepDef step_remove_stub;
extern const StepDef step_watch_service; /* the gate's questions for `watch` seconds more */
extern const StepDef step_apply_retention;

/* Removes the folders that migrations wrote into. The caller holds the lock of the site; a run that
 * goes on makes its own anew. */
bool migrate_copy_sweep(const Site *site, Err *err) NODISCARD;

/* restore on a machine that has nothing of the site */
extern const StepDef step_lay_out_site;       /* site file, recipe, folders, secret key */
extern const StepDef step_build_first;        /* its release, from the set's packages */
extern const StepDef step_make_live_database; /* empty, for the restored one to replace */
extern const StepDef step_compare_database;   /* with the figures of the set */
extern const StepDef step_point_environment;  /* ENV, a link from the beginning */
extern const StepDef step_clear_places;       /* what the restored ones replaced */
