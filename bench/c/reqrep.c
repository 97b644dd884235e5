/* REQ and REP one at a time (latency), DEALER and ROUTER with many in flight (throughput). */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Every round trip is kept, so the percentiles are exact. */
void run_req(void *context, const options_t *o) {
    size_t size = size_arg(o, 1, 64), n = 0, room = 1 << 20;
    uint32_t *samples = malloc(room * sizeof *samples);
    char *body = calloc(1, size + 1);
    void *req = open_socket(context, ZMQ_REQ, o);
    uint64_t start, warm_ns = (uint64_t)(o->warm * 1e9), end_ns = warm_ns + (uint64_t)(o->time * 1e9);
    zmq_msg_t m;
    zmq_msg_init(&m);
    say_ready(attach(req, o->args[0], o->bind == 1), NULL);
    start = now_ns();
    while (n < room) {
        uint64_t before = now_ns(), after;
        check(zmq_send(req, body, size, 0), "send");
        check(zmq_msg_recv(&m, req, 0), "recv");
        after = now_ns();
        if (before - start >= warm_ns) samples[n++] = (uint32_t)(after - before);
        if (after - start >= end_ns) break;
    }
    qsort(samples, n, sizeof *samples, by_value);
    printf("RESULT {\"count\":%zu,\"p50\":%.2f,\"p99\":%.2f}\n", n, samples[n / 2] / 1e3, samples[n * 99 / 100] / 1e3);
    fflush(stdout);
}

void run_rep(void *context, const options_t *o) {
    zmq_msg_t m;
    void *rep = open_socket(context, ZMQ_REP, o);
    zmq_msg_init(&m);
    say_ready(attach(rep, o->args[0], o->bind != 0), NULL);
    for (;;) {
        check(zmq_msg_recv(&m, rep, 0), "recv");
        check(zmq_msg_send(&m, rep, 0), "send");
    }
}

/* Keeps `window` requests in flight: each reply that comes is sent out again as the next request. */
void run_dealer(void *context, const options_t *o) {
    size_t size = size_arg(o, 1, 64);
    long window = o->window > 0 ? o->window : 1000;
    char *body = calloc(1, size + 1);
    meter_t meter;
    zmq_msg_t m;
    void *dealer = open_socket(context, ZMQ_DEALER, o);
    zmq_msg_init(&m);
    meter_start(&meter, o);
    say_ready(attach(dealer, o->args[0], o->bind == 1), NULL);
    for (long i = 0; i < window; i++) check(zmq_send(dealer, body, size, 0), "send");
    for (;;) {
        check(zmq_msg_recv(&m, dealer, 0), "recv");
        if (meter_add(&meter, zmq_msg_size(&m))) break;
        check(zmq_msg_send(&m, dealer, 0), "send");
    }
    meter_result(&meter);
}

/* Echoes whatever envelope a request carries, so that it also serves behind a proxy. */
void run_router(void *context, const options_t *o) {
    zmq_msg_t m;
    void *router = open_socket(context, ZMQ_ROUTER, o);
    zmq_msg_init(&m);
    say_ready(attach(router, o->args[0], o->bind != 0), NULL);
    for (;;) {
        int more;
        check(zmq_msg_recv(&m, router, 0), "recv");
        more = zmq_msg_more(&m);
        check(zmq_msg_send(&m, router, more ? ZMQ_SNDMORE : 0), "send");
    }
}
