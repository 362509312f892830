// exchange THREADS ROUNDS: threads put blocks of 91000 to 91999 bytes into shared places and free, or grow, what
// another has put there. Prints how many blocks were asked for, and the sizes of those that are left.
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { PLACES = 64, SMALLEST = 91000, SIZES = 1000 };

static _Atomic(size_t *) places[PLACES];
static atomic_long blocks;
static long rounds;

static unsigned next(unsigned *dice) {
    *dice = *dice * 1664525 + 1013904223;
    return *dice >> 8;
}

static size_t *ask(unsigned kind, size_t size, size_t *old) {
    size_t *block = 0;
    switch (kind % 5) {
    case 0: block = malloc(size); break;
    case 1: block = calloc(1, size); break;
    case 2: block = aligned_alloc(64, size); break;
    case 3:
        if (posix_memalign((void **)&block, 32, size)) abort();
        break;
    case 4:
        block = realloc(old, size);
        old = 0;
        break;
    }
    free(old);
    // Its size stands in it, because what the program says of itself must not come from the allocator.
    *block = size;
    blocks++;
    return block;
}

static void *work(void *seed) {
    unsigned dice = (unsigned)(size_t)seed;
    for (long round = 0; round < rounds; round++) {
        unsigned place = next(&dice) % PLACES;
        size_t *old = atomic_exchange(&places[place], 0);
        size_t *block = ask(next(&dice), SMALLEST + next(&dice) % SIZES, old);
        free(atomic_exchange(&places[place], block));
    }
    return 0;
}

int main(int count, char **words) {
    int threads = atoi(words[1]);
    rounds = atol(words[2]);
    pthread_t handles[64];
    for (int n = 0; n < threads; n++) pthread_create(&handles[n], 0, work, (void *)(size_t)(n + 1));
    for (int n = 0; n < threads; n++) pthread_join(handles[n], 0);
    printf("%ld\n", blocks);
    for (int n = 0; n < PLACES; n++)
        if (places[n]) printf("%zu ", *places[n]);
    printf("\n");
    fflush(stdout);
    _Exit(0);
}
