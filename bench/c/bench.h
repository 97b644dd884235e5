/* What the parts of zmqbench share: options, sockets with the same marks everywhere, and the meter that
 * every throughput figure comes from. */
#ifndef ZMQBENCH_H
#define ZMQBENCH_H

#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

typedef struct {
    const char *args[3];  /* what follows the command: endpoint, size ... */
    int nargs;
    int bind;             /* 1 bind, 0 connect, -1 the command's own default */
    int hwm;              /* both marks; -1 leaves libzmq's default (1000) */
    double warm, time;    /* seconds of traffic before, and inside, the counted part */
    long window;          /* messages in flight */
    int topics, subs;     /* pub and sub: prefixes in all, and sockets that share them */
    const char *acks;     /* sub: where the publisher takes its credits; pub: where it binds for them */
    int curve;            /* 1 CURVE as the server, 0 as a client, -1 without */
    long long count;      /* pub: stop after so many messages; 0 never */
} options_t;

/* A meter counts from one clock reading to another, each taken right after a message. */
typedef struct {
    uint64_t warm_ns, time_ns, start, first, last;
    uint64_t seen, counted, bytes;
    int counting;
} meter_t;

void fail(const char *what);
void check(int rc, const char *what);
uint64_t now_ns(void);

size_t size_arg(const options_t *o, int index, size_t fallback);
void *open_socket(void *context, int type, const options_t *o);
/* Binds or connects. Returns the endpoint that peers connect to, good until the next call. */
const char *attach(void *socket, const char *endpoint, int bind);
void say_ready(const char *first, const char *second);

void meter_start(meter_t *m, const options_t *o);
int meter_tick(meter_t *m);
void meter_result(const meter_t *m);

/* Reading the clock for each message would cost as much as a tenth of it: only one message in 256 does. */
static inline int meter_add(meter_t *m, size_t bytes) {
    m->bytes += bytes;
    return (++m->seen & 255) == 0 ? meter_tick(m) : 0;
}

void run_push(void *context, const options_t *o);
void run_pull(void *context, const options_t *o);
void run_req(void *context, const options_t *o);
void run_rep(void *context, const options_t *o);
void run_dealer(void *context, const options_t *o);
void run_router(void *context, const options_t *o);
void run_pub(void *context, const options_t *o);
void run_sub(void *context, const options_t *o);
/* Both ends in one process, each with a thread of its own: for inproc. */
void run_pushpull(void *context, const options_t *o);
void run_reqrep(void *context, const options_t *o);
void run_proxy(void *context, const options_t *o);

#endif
