#include "os/background.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct Job {
	bool (*work)(void *arg, Err *err);
	void *arg;
	Err *err;
	bool done;
} Job;

/* On Linux both are properties of the thread. */
static void be_nice(void)
{
	const int process = 1, idle_class = 3 << 13;
	const id_t thread = (id_t)syscall(SYS_gettid);

	setpriority(PRIO_PROCESS, thread, 19);
	syscall(SYS_ioprio_set, process, thread, idle_class);
}

static void *run(void *arg)
{
	Job *job = arg;

	be_nice();
	job->done = job->work(job->arg, job->err);
	return NULL;
}

bool background_run(bool (*work)(void *arg, Err *err), void *arg, Err *err)
{
	Job job = {.work = work, .arg = arg, .err = err};
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, &job) != 0)
		return work(arg, err);
	pthread_join(thread, NULL);
	return job.done;
}
