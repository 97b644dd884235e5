/* PUSH and PULL, and the proxies that stand for the node. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

/* From this size on a message goes by reference, which is the fastest that libzmq can do; below it the copy wins. */
#define BY_REFERENCE 4096

void run_push(void *context, const options_t *o) {
    size_t size = size_arg(o, 1, 64);
    char *body = calloc(1, size + 1);
    void *push = open_socket(context, ZMQ_PUSH, o);
    say_ready(attach(push, o->args[0], o->bind == 1), NULL);
    if (size < BY_REFERENCE)
        for (;;) check(zmq_send(push, body, size, 0), "send");
    for (;;) {
        zmq_msg_t m;
        zmq_msg_init_data(&m, body, size, NULL, NULL);
        check(zmq_msg_send(&m, push, 0), "send");
    }
}

void run_pull(void *context, const options_t *o) {
    meter_t meter;
    zmq_msg_t m;
    void *pull = open_socket(context, ZMQ_PULL, o);
    zmq_msg_init(&m);
    meter_start(&meter, o);
    say_ready(attach(pull, o->args[0], o->bind != 0), NULL);
    do check(zmq_msg_recv(&m, pull, 0), "recv");
    while (!meter_add(&meter, zmq_msg_size(&m)));
    meter_result(&meter);
}

void run_proxy(void *context, const options_t *o) {
    static const struct { const char *name; int front, back; } kinds[] = {
        {"pipeline", ZMQ_PULL, ZMQ_PUSH}, {"pubsub", ZMQ_XSUB, ZMQ_XPUB}, {"reqrep", ZMQ_ROUTER, ZMQ_DEALER}};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(o->args[0], kinds[i].name)) continue;
        void *front = open_socket(context, kinds[i].front, o);
        void *back = open_socket(context, kinds[i].back, o);
        char front_endpoint[512];
        if (o->nargs < 3) fail("proxy KIND FRONTEND BACKEND");
        strncpy(front_endpoint, attach(front, o->args[1], 1), sizeof front_endpoint - 1);
        front_endpoint[sizeof front_endpoint - 1] = 0;
        say_ready(front_endpoint, attach(back, o->args[2], 1));
        check(zmq_proxy(front, back, NULL), "proxy");
    }
    fail("proxy: pipeline, pubsub or reqrep");
}
