/* zmqbench: one side of one measurement with libzmq, as a process.
 *
 * Lines on standard output: "READY endpoint [endpoint]" when peers may come, "RESULT {json}" when the counted part
 * is over. With --child it ends when its standard input does, so that it never outlives the program that started it. */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "zmqbench COMMAND ENDPOINT [SIZE] [--bind | --connect] [--hwm N] [--warm S] [--time S]\n"
    "  push, req, dealer [--window N], sub --acks ENDPOINT [--window N --subs N --topics N]     connect\n"
    "  pull, rep, router, pub [--acks ENDPOINT --window N --topics N --count N]                 bind\n"
    "  proxy pipeline|pubsub|reqrep FRONTEND BACKEND                                            bind\n"
    "  pushpull, reqrep: both ends, for inproc\n"
    "  --curve server|client: CURVE instead of NULL\n"
    "  version\n";

static void *end_with_stdin(void *unused) {
    char byte;
    while (read(0, &byte, 1) > 0) continue;
    _exit(0);
    return unused;
}

static const struct { const char *name; void (*run)(void *, const options_t *); } commands[] = {
    {"push", run_push},     {"pull", run_pull},     {"req", run_req}, {"rep", run_rep},    {"dealer", run_dealer},
    {"router", run_router}, {"pub", run_pub},       {"sub", run_sub}, {"proxy", run_proxy},
    {"pushpull", run_pushpull}, {"reqrep", run_reqrep}};

int main(int argc, char **argv) {
    options_t o = {.bind = -1, .hwm = -1, .curve = -1, .warm = 0.5, .time = 1.2, .window = 1000};
    int child = 0;
    if (argc == 2 && !strcmp(argv[1], "version")) {
        int major, minor, patch;
        zmq_version(&major, &minor, &patch);
        printf("%d.%d.%d\n", major, minor, patch);
        return 0;
    }
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i], *value;
        if (strncmp(name, "--", 2)) {
            if (o.nargs == 3) fail(usage);
            o.args[o.nargs++] = name;
            continue;
        }
        if (!strcmp(name, "--bind")) { o.bind = 1; continue; }
        if (!strcmp(name, "--connect")) { o.bind = 0; continue; }
        if (!strcmp(name, "--child")) { child = 1; continue; }
        if (++i == argc) fail(usage);
        value = argv[i];
        if (!strcmp(name, "--hwm")) o.hwm = atoi(value);
        else if (!strcmp(name, "--curve")) o.curve = !strcmp(value, "server");
        else if (!strcmp(name, "--warm")) o.warm = atof(value);
        else if (!strcmp(name, "--time")) o.time = atof(value);
        else if (!strcmp(name, "--window")) o.window = atol(value);
        else if (!strcmp(name, "--topics")) o.topics = atoi(value);
        else if (!strcmp(name, "--subs")) o.subs = atoi(value);
        else if (!strcmp(name, "--acks")) o.acks = value;
        else if (!strcmp(name, "--count")) o.count = atoll(value);
        else fail(usage);
    }
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name)) continue;
        if (o.nargs == 0) break;
        if (child) {
            pthread_t thread;
            pthread_create(&thread, NULL, end_with_stdin, NULL);
        }
        commands[i].run(zmq_ctx_new(), &o);
        return 0;
    }
    fail(usage);
}
