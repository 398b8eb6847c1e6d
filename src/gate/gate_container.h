/* gate_container.h - the questions about the process, for a server in a container. */
#pragma once
#include "gate/gate_questions.h"

GateQuestion gate_container_listener, gate_container_release, gate_container_alone;
