/* A malloc of its own, as jemalloc is: it knows its blocks by the mark before them, and ends the program
   when it is given one of another allocator. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { MARK = 0x1234567 };
static char arena[1 << 26];
static size_t used;

static void *give(size_t size, size_t alignment) {
    size_t at = __sync_fetch_and_add(&used, size + alignment + 32);
    uintptr_t block = ((uintptr_t)arena + at + 16 + alignment - 1) / alignment * alignment;
    ((size_t *)block)[-1] = size;
    ((size_t *)block)[-2] = MARK;
    return (void *)block;
}

size_t malloc_usable_size(void *block) {
    if (((size_t *)block)[-2] != MARK) {
        (void)!write(2, "a foreign block\n", 16);
        _exit(99);
    }
    return ((size_t *)block)[-1];
}

void *malloc(size_t size) { return give(size, 16); }
void *memalign(size_t alignment, size_t size) { return give(size, alignment); }
void *aligned_alloc(size_t alignment, size_t size) { return give(size, alignment); }
int posix_memalign(void **out, size_t alignment, size_t size) { return *out = give(size, alignment), 0; }
void *calloc(size_t count, size_t size) { return memset(give(count * size, 16), 0, count * size); }

void free(void *block) {
    if (block) malloc_usable_size(block);
}

void *realloc(void *block, size_t size) {
    size_t before = block ? malloc_usable_size(block) : 0;
    return memcpy(give(size, 16), block ? block : "", before < size ? before : size);
}
