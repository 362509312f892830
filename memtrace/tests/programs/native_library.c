// A library whose one function, besides that which is exported, allocates.
#include <stdlib.h>

static __attribute__((noinline)) void *hidden(size_t size) {
    void *block = malloc(size); // line 5
    __asm__ volatile("" : "+r"(block));
    return block;
}

void *library_block(size_t size) {
    void *block = hidden(size); // line 11
    __asm__ volatile("" : "+r"(block));
    return block;
}
