/* check_table.h - the check functions by subject, for the table in checks.c. Each answers one
 * question: OK (with nothing in Err, or with what is
 * worth knowing), or a kind with the reason (and usually a hint) in it. */
#pragma once
#include "checks/checks.h"

FindingKind check_service(const CheckCtx *ctx, Err *why);
FindingKind check_running_version(const CheckCtx *ctx, Err *why);
FindingKind check_start_script(const CheckCtx *ctx, Err *why);
FindingKind check_workers(const CheckCtx *ctx, Err *why);
FindingKind check_secret_key(const CheckCtx *ctx, Err *why);
FindingKind check_environment_link(const CheckCtx *ctx, Err *why);
FindingKind check_exchange(const CheckCtx *ctx, Err *why);

FindingKind check_path_line(const CheckCtx *ctx, Err *why);
FindingKind check_data_folder(const CheckCtx *ctx, Err *why);

FindingKind check_container(const CheckCtx *ctx, Err *why);
FindingKind check_container_key(const CheckCtx *ctx, Err *why); /* part of check_secret_key */
FindingKind check_image_tag(const CheckCtx *ctx, Err *why);
FindingKind check_data_mount(const CheckCtx *ctx, Err *why);

FindingKind check_disk(const CheckCtx *ctx, Err *why);

FindingKind check_database(const CheckCtx *ctx, Err *why);
FindingKind check_encoding(const CheckCtx *ctx, Err *why);
FindingKind check_rights(const CheckCtx *ctx, Err *why);
FindingKind check_rehearsal_server(const CheckCtx *ctx, Err *why);
FindingKind check_programs(const CheckCtx *ctx, Err *why);
FindingKind check_obstacles(const CheckCtx *ctx, Err *why);
FindingKind check_replication(const CheckCtx *ctx, Err *why);
FindingKind check_orphans(const CheckCtx *ctx, Err *why);
FindingKind check_sessions(const CheckCtx *ctx, Err *why);
FindingKind check_leftovers(const CheckCtx *ctx, Err *why);
FindingKind check_emails(const CheckCtx *ctx, Err *why);

FindingKind check_python(const CheckCtx *ctx, Err *why);
FindingKind check_direction(const CheckCtx *ctx, Err *why);
FindingKind check_known_bad(const CheckCtx *ctx, Err *why);
