/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_ABI_H
#define BERTH_CORE_ABI_H
/*
 * Event records: what the monitor reports about sockets and processes. The programs of
 * bpf/monitor.bpf.c write them or, less exactly, tools/watch/source/sampler.c; tools/watch/model
 * reads them.
 *
 * A record begins with its tag. Numbers are in the machine's byte order, ports in host order,
 * addresses in network order. Version: increase it when a field moves or changes meaning. Appending
 * to the end of a structure or an enum needs no new version: a reader skips unknown bytes by .size.
 */
#include "core/portmap.h"

#define BERTH_EVENT_VERSION 1u
#define BERTH_COMM          16u
#define BERTH_STACK_MAX     16u /* frames of a user stack, innermost first */
#define BERTH_BUILD_ID      20u
#define BERTH_TEXT_MAX      (BERTH_STACK_MAX * 32u)
#define BERTH_PATH_FRAMES   12u /* frames of a stack that has a path behind it */
/* sun_path has 108 */
#define BERTH_PATH_MAX ((BERTH_STACK_MAX - BERTH_PATH_FRAMES) * 32u)
/* workers are 1..256; 0 is whatever belongs to no worker */
#define BERTH_WORKERS_MAX 256u

enum berth_event_tag {
	BERTH_EVENT_NONE,
	BERTH_EVENT_OPENED, /* a socket was created (`berth monitor` only) */
	BERTH_EVENT_BOUND,  /* .local */
	/* .local (AF_UNIX: .path) as the program named it, .error, stack */
	BERTH_EVENT_BIND_FAILED,
	BERTH_EVENT_LISTENING,  /* .local or .path, stack */
	BERTH_EVENT_UNLISTENED, /* it listens no more: failure, shutdown or close */
	/*
	 * .remote: the first time; for `berth monitor` every time. AF_UNIX: .path, and .count is
	 * the process that listens
	 */
	BERTH_EVENT_CONNECTED,
	BERTH_EVENT_CONNECT_FAILED, /* .remote or .path, .error; stack if it failed at once */
	BERTH_EVENT_ACCEPTED,       /* `berth monitor` only */
	/* .how; of bound sockets and of those long in CLOSE_WAIT; `berth monitor`: of all */
	BERTH_EVENT_CLOSED,
	BERTH_EVENT_CALL_FAILED, /* .error of a send or receive, .call */
	BERTH_EVENT_FORKED,      /* .pid, its parent in .parent */
	/* .text: the arguments, NUL-separated, .text_len bytes, cut off at BERTH_TEXT_MAX */
	BERTH_EVENT_EXECUTED,
	BERTH_EVENT_EXITED, /* .error: wait status; .count: peak resident memory in KiB */
	BERTH_EVENT_SENT,   /* .remote: a datagram to it, the first time */
	/* it was open before the monitor began; .local, .remote; .count: 1 = it listens */
	BERTH_EVENT_ADOPTED,
	BERTH_EVENT_TAGS
};

enum berth_event_source { BERTH_SOURCE_BPF, BERTH_SOURCE_SAMPLE };

/*
 * One frame of a user stack: a place in a file that is named by its build id, so that it can be
 * resolved after the process has ended. The layout is the kernel's (struct bpf_stack_build_id).
 */
enum berth_frame_status { BERTH_FRAME_EMPTY, BERTH_FRAME_IN_FILE, BERTH_FRAME_ADDRESS };
struct berth_frame {
	int32_t status;                   /* enum berth_frame_status */
	uint8_t build_id[BERTH_BUILD_ID]; /* zero-padded; IN_FILE only */
	uint64_t at; /* IN_FILE: offset in the file; ADDRESS: instruction pointer */
};
_Static_assert(sizeof(struct berth_frame) == 32, "frames are ABI");

enum berth_closed_how { BERTH_CLOSED_PROGRAM, BERTH_CLOSED_EXIT, BERTH_CLOSED_EXEC };

struct berth_event {
	uint16_t tag;     /* enum berth_event_tag */
	uint8_t version;  /* BERTH_EVENT_VERSION */
	uint8_t source;   /* enum berth_event_source */
	uint32_t size;    /* bytes that follow the start of the record, stack or text included */
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	/* of the socket, unique while the machine is up; 0 = none or unknown; AF_UNIX: its inode */
	uint64_t cookie;
	uint64_t opened_ns;     /* when the socket was created; 0 = unknown */
	uint64_t close_wait_ns; /* how long it had been in CLOSE_WAIT when it was closed */
	uint64_t count;         /* the tag's own number */
	uint32_t worker;        /* 1..N; 0 = none */
	uint32_t pid; /* the process that did it, or the creator where only that is known */
	uint32_t parent;
	int32_t error; /* errno, positive */
	uint16_t local_port, remote_port;
	uint16_t family; /* AF_INET, AF_INET6, AF_UNIX */
	/* system call number; of io_uring, that of the call that does the same */
	uint16_t call;
	uint8_t proto;      /* enum berth_proto */
	uint8_t how;        /* enum berth_closed_how */
	uint8_t accepted;   /* 1: the socket came from accept */
	uint8_t reuse;      /* 1: SO_REUSEADDR or SO_REUSEPORT was set */
	uint16_t stack_len; /* frames in .stack */
	/* bytes in .text, never with a stack; AF_UNIX: in .path, which begins with 0 if abstract */
	uint16_t text_len;
	struct berth_ip local, remote; /* IPv4 in its v4-mapped form */
	char comm[BERTH_COMM];
	/* the caller of the C library's stub, which lies between .stack[0] and [1]; else EMPTY */
	struct berth_frame caller;
	/* present as far as .size goes */
	union {
		struct berth_frame stack[BERTH_STACK_MAX];
		char text[BERTH_TEXT_MAX];
		struct {
			struct berth_frame path_stack[BERTH_PATH_FRAMES];
			char path[BERTH_PATH_MAX];
		};
	};
};
#define BERTH_EVENT_HEAD 160u /* a record without stack and text */

_Static_assert(__builtin_offsetof(struct berth_event, stack) == BERTH_EVENT_HEAD, "events are ABI");
_Static_assert(sizeof(struct berth_event) == BERTH_EVENT_HEAD + BERTH_TEXT_MAX, "events are ABI");

/* One socket of a snapshot of all sockets that a worker has created and that still exist. */
struct berth_socket {
	uint64_t cookie;
	uint64_t opened_ns;
	uint64_t close_wait_since_ns; /* 0 = it is not in CLOSE_WAIT */
	uint64_t sent_bytes, received_bytes;
	uint32_t worker;
	uint32_t pid; /* its creator, or the process that accepted it */
	uint16_t local_port, remote_port;
	uint16_t family;
	uint8_t proto; /* enum berth_proto */
	uint8_t state; /* TCP state, include/net/tcp_states.h */
	uint8_t accepted;
	uint8_t closed; /* 1: no descriptor is open, the kernel still closes the connection */
	uint8_t reserved[6];
	struct berth_ip local, remote;
	char comm[BERTH_COMM];
};
_Static_assert(sizeof(struct berth_socket) == 112, "snapshots are ABI");

enum berth_count {
#define COUNT(name, help) BERTH_COUNT_##name,
#include "core/counts.def"
	BERTH_COUNTS
};
struct berth_counts {
	uint64_t of[BERTH_COUNTS];
};

#endif
