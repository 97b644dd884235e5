/* PUB and SUB, paced so that nothing is dropped: the publisher never has more than `window` messages that the
 * subscribers have not acknowledged over a PUSH to PULL connection of their own. A figure is therefore what
 * the subscribers received, and a message that gets lost stalls the run instead of flattering it.
 *
 * A message is "t00042." + a flag + filler. Flag P is a probe: the publisher sends each topic again and again
 * until the subscribers have seen all of them and say so; only then do D messages flow. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAG 7
#define TOPIC "t%05d."

/* Credits travel in tenths of the window. */
static long step_of(const options_t *o) { return o->window >= 10 ? o->window / 10 : 1; }

static char *make_bodies(int topics, size_t size, char flag) {
    char *all = malloc((size_t)topics * size + 16);
    memset(all, '.', (size_t)topics * size);
    for (int t = 0; t < topics; t++) {
        char head[16];
        snprintf(head, sizeof head, TOPIC "%c", t, flag);
        memcpy(all + (size_t)t * size, head, FLAG + 1);
    }
    return all;
}

void run_pub(void *context, const options_t *o) {
    size_t size = size_arg(o, 1, 64);
    int topics = o->topics > 0 ? o->topics : 1, t = 0;
    long step = step_of(o), credit = o->window;
    long long sent = 0;
    char *probes, *data, endpoint[512];
    void *pub = open_socket(context, ZMQ_PUB, o);
    void *acks = open_socket(context, ZMQ_PULL, o);
    if (size <= FLAG) fail("pub needs at least 8 bytes");
    probes = make_bodies(topics, size, 'P');
    data = make_bodies(topics, size, 'D');
    snprintf(endpoint, sizeof endpoint, "%s", attach(pub, o->args[0], o->bind != 0));
    say_ready(endpoint, attach(acks, o->acks ? o->acks : "tcp://127.0.0.1:*", 1));

    for (int go = 0; !go;) {
        zmq_pollitem_t item = {acks, 0, ZMQ_POLLIN, 0};
        for (int i = 0; i < topics; i++) check(zmq_send(pub, probes + (size_t)i * size, size, 0), "probe");
        go = zmq_poll(&item, 1, 50) > 0;
    }
    check(zmq_recv(acks, NULL, 0, 0), "go");

    while (!o->count || sent < o->count) {
        if (credit == 0) {
            check(zmq_recv(acks, NULL, 0, 0), "ack");
            credit += step;
        }
        check(zmq_send(pub, data + (size_t)t * size, size, 0), "send");
        if (++t == topics) t = 0;
        credit--;
        sent++;
    }
    /* Done means received: wait until no more than the part of a step that is never acknowledged is out. */
    for (long out = o->window - credit; out >= step; out -= step) check(zmq_recv(acks, NULL, 0, 0), "last ack");
    printf("RESULT {\"count\":%lld}\n", sent);
    fflush(stdout);
    getchar();
}

void run_sub(void *context, const options_t *o) {
    int subs = o->subs > 0 ? o->subs : 1, topics = o->topics, wanted = topics > 0 ? topics : 1;
    long step = step_of(o), unacked = 0;
    char *seen = calloc(1, (size_t)wanted);
    void **sockets = calloc((size_t)subs, sizeof *sockets);
    zmq_pollitem_t *items = calloc((size_t)subs, sizeof *items);
    void *acks = open_socket(context, ZMQ_PUSH, o);
    meter_t meter;
    zmq_msg_t m;
    zmq_msg_init(&m);
    meter_start(&meter, o);
    if (!o->acks) fail("sub needs --acks ENDPOINT");
    attach(acks, o->acks, 0);
    for (int s = 0; s < subs; s++) {
        sockets[s] = open_socket(context, ZMQ_SUB, o);
        attach(sockets[s], o->args[0], o->bind == 1);
        if (topics == 0) check(zmq_setsockopt(sockets[s], ZMQ_SUBSCRIBE, "", 0), "subscribe");
        for (int t = s; t < topics; t += subs) {
            char topic[16];
            snprintf(topic, sizeof topic, TOPIC, t);
            check(zmq_setsockopt(sockets[s], ZMQ_SUBSCRIBE, topic, FLAG), "subscribe");
        }
        items[s] = (zmq_pollitem_t){sockets[s], 0, ZMQ_POLLIN, 0};
    }
    say_ready(o->args[0], NULL);
    for (;;) {
        check(zmq_poll(items, subs, -1), "poll");
        for (int s = 0; s < subs; s++) {
            if (!(items[s].revents & ZMQ_POLLIN)) continue;
            while (zmq_msg_recv(&m, sockets[s], ZMQ_DONTWAIT) != -1) {
                const char *body = zmq_msg_data(&m);
                if (body[FLAG] == 'P') {
                    int t = topics > 0 ? atoi(body + 1) : 0;
                    if (wanted == 0 || seen[t]) continue;
                    seen[t] = 1;
                    if (--wanted == 0) check(zmq_send(acks, "", 0, 0), "go");
                    continue;
                }
                if (++unacked == step) {
                    unacked = 0;
                    check(zmq_send(acks, "", 0, 0), "ack");
                }
                if (meter_add(&meter, zmq_msg_size(&m))) {
                    meter_result(&meter);
                    return;
                }
            }
        }
    }
}
