/* Clock, sockets, handshake lines and the meter. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void fail(const char *what) {
    fprintf(stderr, "zmqbench: %s\n", what);
    exit(1);
}

void check(int rc, const char *what) {
    if (rc != -1) return;
    fprintf(stderr, "zmqbench: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

size_t size_arg(const options_t *o, int index, size_t fallback) {
    return o->nargs > index ? (size_t)strtoul(o->args[index], NULL, 10) : fallback;
}

/* Of no use anywhere else: both sides of a measurement know both, as does bench/src/driver/curve.ts. */
static const char *server_keys[] = {"4U+.qzrZZVaidP&%e.P)im$=>KM7(]JikIr)VF!:", "mooe:5jtuM])w}lYA&=!btyj8gP=6rtx5rgR57S="};
static const char *client_keys[] = {"E@XYk1enZ^[c!i3pHF.X}bx^=7%vVbXmt6nQ}geR", "<IsPjM+?st[{z3R-@5*amF)Jb+5Fl9FxPkCipf*9"};

static void use_curve(void *socket, int server) {
    const char **keys = server ? server_keys : client_keys;
    check(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof server), "curve server");
    check(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys[0], 41), "curve public key");
    check(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys[1], 41), "curve secret key");
    if (!server) check(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_keys[0], 41), "curve server key");
}

void *open_socket(void *context, int type, const options_t *o) {
    void *socket = zmq_socket(context, type);
    int zero = 0;
    if (!socket) fail("zmq_socket");
    check(zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero), "linger");
    if (o->hwm >= 0) {
        check(zmq_setsockopt(socket, ZMQ_SNDHWM, &o->hwm, sizeof o->hwm), "sndhwm");
        check(zmq_setsockopt(socket, ZMQ_RCVHWM, &o->hwm, sizeof o->hwm), "rcvhwm");
    }
    if (o->curve >= 0) use_curve(socket, o->curve);
    return socket;
}

const char *attach(void *socket, const char *endpoint, int bind) {
    static char last[512];
    size_t size = sizeof last;
    if (!bind) {
        check(zmq_connect(socket, endpoint), endpoint);
        return endpoint;
    }
    check(zmq_bind(socket, endpoint), endpoint);
    check(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, last, &size), "last endpoint");
    return last;
}

void say_ready(const char *first, const char *second) {
    printf(second ? "READY %s %s\n" : "READY %s\n", first, second);
    fflush(stdout);
}

void meter_start(meter_t *m, const options_t *o) {
    *m = (meter_t){.warm_ns = (uint64_t)(o->warm * 1e9), .time_ns = (uint64_t)(o->time * 1e9)};
}

int meter_tick(meter_t *m) {
    uint64_t now = now_ns();
    if (!m->start) m->start = now;
    if (!m->counting) {
        if (now - m->start < m->warm_ns) return 0;
        m->counting = 1;
        m->first = now;
        m->seen = m->bytes = 0;
        return 0;
    }
    if (now - m->first < m->time_ns) return 0;
    m->last = now;
    m->counted = m->seen;
    return 1;
}

void meter_result(const meter_t *m) {
    double seconds = (double)(m->last - m->first) / 1e9;
    printf("RESULT {\"rate\":%.1f,\"count\":%llu,\"bytes\":%llu,\"seconds\":%.6f}\n", (double)m->counted / seconds,
           (unsigned long long)m->counted, (unsigned long long)m->bytes, seconds);
    fflush(stdout);
}
