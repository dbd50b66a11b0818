/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_MODEL_H
#define BERTH_WATCH_MODEL_H
/*
 * What tools/watch knows about a run. Events go in (model.c), findings come out (rules.c, foreign_connection.c).
 * Both sources produce the same records.
 */
#include "tools/watch/source/monitor.h"
#include "tools/process/proc.h"
#include "tools/watch/lookup/symbol.h"
#include "tools/base/table.h"
#include "tools/watch/watch.h"

enum { MEASUREMENTS_MAX = 64 };

/* samples of one number over time; when it is full, every second one goes */
struct measurements {
	int32_t of[MEASUREMENTS_MAX];
	unsigned int count, stride, skipped;
};

/* a pool is opened in fewer: what is opened in so many and never closed is forgotten */
enum { NEVER_SECONDS = 8 };

struct watch_process {
	pid_t pid, parent;
	pid_t inside; /* its number in a PID namespace of its own; 0 = none */
	unsigned int worker;
	char comm[BERTH_COMM];
	char *command, *directory;
	char **ancestry;
	bool alive, described, growth_told, close_wait_told;
	int status; /* wait status */
	bool status_known;
	uint64_t memory_kib;
	struct measurements descriptors;
	int descriptors_peak;
	unsigned int never_closed; /* connections that only its end closed */
	/* different ones in which they had been opened */
	uint32_t never_seconds[NEVER_SECONDS];
	unsigned int never_spread; /* how many */
	uint64_t never_ns;         /* since when the first of them had been open */
	struct symbol_stack never_stack;
	uint16_t never_port;
	unsigned int stuck; /* connections closed after a long CLOSE_WAIT */
	uint64_t stuck_ns;  /* when the first that was stuck had been opened */
	uint64_t began_ns;
	struct watch_process *older; /* that had the same number before */
};

/* a socket with a port of its own: bound or listening */
struct watch_endpoint {
	uint64_t cookie, opened_ns, bound_ns, listen_ns, closed_ns;
	unsigned int worker;
	pid_t pid;
	struct watch_process *process;
	enum berth_proto proto;
	uint16_t family, port, virtual_port;
	struct berth_ip ip;
	bool listening, reuse;
	struct symbol_stack stack;
	struct watch_endpoint *next; /* all of them, newest first */
};

/* binds that failed with EADDRINUSE, by worker and port */
struct bind_failure {
	unsigned int worker;
	enum berth_proto proto;
	uint16_t port, virtual_port;
	uint64_t count, first_ns;
	struct watch_process *process;
	struct symbol_stack stack;
	char *holder;
	unsigned int holder_worker;
	bool elsewhere; /* the program then took another port */
	bool retried;   /* and got the same one in the end */
};

/* a Unix socket, by inode; socket_path.c */
struct path_listener {
	char *path;
	struct watch_process *process;
	uint64_t since_ns;
	struct symbol_stack stack;
};

/* binds to one path that was taken, or connects to it without a server; socket_path.c */
struct path_failure {
	unsigned int worker;
	bool bind;
	int error;  /* the last */
	char *path; /* "@name" if it is abstract */
	uint64_t count, first_ns;
	struct watch_process *process;
	struct symbol_stack stack;
	char *holder;
	pid_t last;
	unsigned int in_a_row; /* by the last process */
	bool insisted;         /* connects that were no mere look whether somebody is there */
	bool elsewhere;        /* the program then took another path */
	bool over;             /* a server of the worker has the path in the end */
};

struct grace_period {
	watch_checked_fn fn;
	void *arg;
	int64_t deadline_ms, delay_ms;
	struct loop_timer *timer;
};

/* a test that the worker was in */
struct test_mark {
	int64_t from_ns; /* CLOCK_REALTIME */
	char *name;      /* NULL: none */
};

struct watch_worker {
	struct watch *watch;
	unsigned int number; /* its index */
	char *task;
	struct test_mark *marks; /* by time */
	size_t mark_count;
	int cgroup; /* -1 = none */
	const struct berth_portmap *map;
	pid_t pid;
	bool begun, ended, passed;
	unsigned int alarmed; /* bits of rules.c's rates: told */
	struct grace_period grace;
	struct berth_counts counts; /* sampling: kept here; eBPF: read at the end */
	uint64_t alive, accepted_alive;
	unsigned int processes;
	int descriptors_peak;
	uint64_t memory_peak_kib;
};

struct sampler;     /* the second source, sample.c */
struct mark_reader; /* the FIFO, mark.c */

struct watch {
	struct watch_setup setup;
	struct watch_policy policy;
	enum watch_source source;
	struct monitor *monitor; /* NULL when sampling */
	struct sampler *sample;  /* NULL when not */
	struct loop_timer *timer;
	struct mark_reader *marks; /* NULL: nobody can mark */
	struct watch_worker workers[BERTH_WORKERS_MAX + 1];
	unsigned int worker_max;
	struct table processes; /* by pid */
	struct table endpoints; /* by cookie */
	struct watch_endpoint *newest;
	struct table failures; /* by hash of worker, protocol and port */
	/* by hash of worker and destination; the value is the watch itself: seen */
	struct table destinations;
	struct table path_listeners, path_failures; /* socket_path.c */
	struct watch_finding **findings;
	size_t finding_count;
	struct table told; /* by fingerprint and worker */
	char **baseline;
};

/* model.c */
void model_event(struct watch *watch, const struct berth_event *event);
struct watch_process *model_process(struct watch *watch, pid_t pid, unsigned int worker);
/* who did it, described */
struct watch_process *model_process_of_event(struct watch *watch, const struct berth_event *event);
void model_describe(
	struct watch_process *process); /* command, directory, ancestry; while it lives */
void model_free(struct watch *watch);
uint16_t model_virtual_port(const struct watch *watch, unsigned int worker, uint16_t port);

/* rules.c */
void rule_leftovers(struct watch *watch, struct watch_worker *worker, const pid_t *pids,
                    size_t count);
void rule_port_conflict(struct watch *watch, const struct bind_failure *failure);
void rule_close_wait(struct watch *watch);
void rule_descriptor_growth(struct watch *watch, struct watch_process *process);
void rule_never_closed(struct watch *watch, const struct watch_worker *worker);
void rule_time_wait(struct watch *watch, const struct watch_worker *worker);
void rule_error_rates(struct watch *watch, struct watch_worker *worker); /* when it has ended */
void rule_alarms(struct watch *watch, struct watch_worker *worker);      /* now and then */
void rule_conflict_avoided(struct watch *watch);
/* once in its worker; takes it */
void finding_list_add(struct watch *watch, struct watch_finding *finding);
/* its findings: their tests, the allow list; 0 = all */
void finding_list_publish(struct watch *watch, unsigned int worker);
/* what somebody may want to act on while it lasts */
void finding_list_publish_urgent(struct watch *watch);

/* foreign_connection.c */
void rule_connection(struct watch *watch, const struct berth_event *event);

/* rules.c, for the other judges */
extern const char *const rule_proto_names[BERTH_PROTOS];
struct watch_finding *rule_finding_new(struct watch *watch, enum finding_kind kind,
                                       unsigned int worker);
void rule_set_process(struct watch_finding *finding, const struct watch_process *process);
int64_t rule_age_ms(uint64_t since_ns); /* -1 if that is 0, unknown */
/* it expected the answer: it went on and ended well */
bool rule_process_succeeded(const struct watch_process *process);

/* socket_path.c */
void socket_path_listening(struct watch *watch, const struct berth_event *event);
void socket_path_failed(struct watch *watch, const struct berth_event *event);
void socket_path_free(struct watch *watch);
/* @pids: what is left of the worker; *named is set for those of which a listener was told */
void rule_path_leftovers(struct watch *watch, const struct watch_worker *worker, const pid_t *pids,
                         size_t count, bool *named);
void rule_path_failures(struct watch *watch, const struct watch_worker *worker);

/* usage.c */
void usage_update_descriptors(struct watch *watch);

/* measurements.c */
void measurements_add(struct measurements *series, int value);
/* how much it grew, 0 if it did not grow steadily */
int measurements_growth(const struct measurements *series);

/* sample.c */
int sample_open(struct watch *watch, struct sampler **ret_sample);
void sample_close(struct sampler *sample);
void sample_tick(struct sampler *sample); /* look at everything once */
int sample_sockets(struct sampler *sample, watch_socket_fn fn, void *arg);

/* leftovers.c: the processes of a worker that are alive. Return: their number; *ret_pids is the caller's to free */
size_t worker_list_processes(const struct watch *watch, const struct watch_worker *worker,
                             pid_t **ret_pids);

/* mark.c */
int mark_open(struct watch *watch);
void mark_close(struct watch *watch);
void mark_drain(struct watch *watch); /* take what has been written meanwhile */
/* CLOCK_MONOTONIC; NULL: in no test */
const char *mark_at(const struct watch_worker *worker, int64_t time_ns);
void mark_forget(struct watch_worker *worker);

#endif
