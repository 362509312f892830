/* Calls every allocator once with a size of its own, and those that can fail so that they do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
    volatile void *kept = malloc(123456);
    free(calloc(2, 61730));
    char *block = realloc(malloc(123461), 123462);
    block = reallocarray(block, 2, 61732);
    if (realloc(block, SIZE_MAX / 2) != NULL) return 1; /* fails: the block stays */
    if (realloc(block, 0) != NULL) return 2;            /* frees it */
    void *aligned = NULL;
    if (posix_memalign(&aligned, 64, 123471)) return 3;
    free(aligned);
    free(aligned_alloc(64, 123472));
    free(memalign(64, 123473));
    free(valloc(123474));
    free(pvalloc(123475));
    if (malloc(SIZE_MAX / 2) != NULL) return 4;

    char *pages = mmap(NULL, 409600, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* reserved, not used */
    pages = mremap(pages, 409600, 819200, MREMAP_MAYMOVE);
    if (munmap(pages + 1, 4096) == 0) return 5; /* fails: not a page's address */
    if (munmap(pages + 40960, 4096) != 0) return 6;

    char *bottom = sbrk(163840);
    if (sbrk(-4096) == (void *)-1 || brk(bottom + 122880) != 0) return 8;
    if (sbrk(1L << 60) != (void *)-1) return 9; /* fails */

    /* C23, where libc has them or memtrace brings them. */
    void (*free_sized)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "free_sized");
    void (*free_aligned_sized)(void *, size_t, size_t) =
        (void (*)(void *, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
    if (free_sized && free_aligned_sized) {
        free_sized(malloc(123481), 123481);
        free_aligned_sized(aligned_alloc(64, 123482), 64, 123482);
    }
    char *text = malloc(123490);
    memset(text, 'x', 123489);
    text[123489] = 0;
    free(strdup(text));
    free(text);
    char *printed = NULL;
    if (asprintf(&printed, "%123499d", 1) != 123499) return 10;
    free(printed);
    return kept ? 42 : 7;
}
