/* Both ends of a connection in one process and one context, for inproc. */
#include "bench.h"

#include <pthread.h>

typedef struct {
    void (*run)(void *, const options_t *);
    void *context;
    const options_t *options;
} end_t;

static void *run_end(void *argument) {
    end_t *end = argument;
    end->run(end->context, end->options);
    return 0;
}

/* The far end in a thread of its own; it ends with the process. */
static void run_both(void *context, const options_t *o, void (*far)(void *, const options_t *),
                     void (*near)(void *, const options_t *)) {
    static end_t end;
    pthread_t thread;
    end = (end_t){far, context, o};
    if (pthread_create(&thread, 0, run_end, &end)) fail("pthread_create");
    near(context, o);
}

void run_pushpull(void *context, const options_t *o) { run_both(context, o, run_push, run_pull); }
void run_reqrep(void *context, const options_t *o) { run_both(context, o, run_rep, run_req); }
