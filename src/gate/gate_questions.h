/* gate_questions.h - the gate's questions one by one, for gate.c and for the boot of a rehearsal
 * (rehearse/boot.c). */
#pragma once
#include "gate/gate.h"
#include "service/service.h"

typedef struct Asking {
	const GateSpec *spec;
	ServiceState state; /* of this moment */
} Asking;

/* Yes: true and what was seen. No: false and ERR_VERIFY (or why it cannot be told). */
typedef bool GateQuestion(const Asking *asking, char **ret_saw, Err *err);

/* gate_process.c */
GateQuestion gate_process, gate_listener, gate_release, gate_alone;
/* gate_http.c */
GateQuestion gate_health, gate_ready, gate_version, gate_onboarding;
/* gate_data.c */
GateQuestion gate_revision, gate_secret_key, gate_rows;
/* gate_files.c */
GateQuestion gate_uploads, gate_vectors;
