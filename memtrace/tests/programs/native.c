// Allocates in functions that call each other, by one that is inlined and by a library that is loaded late.
// Arguments: libraries, of each of which `library_block` is called. Link with -ldl.
#include <dlfcn.h>
#include <stdlib.h>

void *kept[64];
static int count;

static inline __attribute__((always_inline)) void keep(size_t size) {
    kept[count++] = malloc(size); // line 10
}

__attribute__((noinline)) void inner(size_t size) {
    keep(size); // line 14
    __asm__ volatile("");
}

__attribute__((noinline)) void outer(size_t size, int depth) {
    if (depth > 0) {
        outer(size, depth - 1); // line 20
    } else {
        inner(size); // line 22
    }
    __asm__ volatile("");
}

// The same place on the stack, called from two lines.
__attribute__((noinline)) void turns(void) {
    for (int n = 0; n < 4; n++) {
        if (n % 2) {
            outer(100001 + n, 2); // line 31
        } else {
            outer(100001 + n, 2); // line 33
        }
    }
    __asm__ volatile("");
}

int main(int argc, char **argv) {
    outer(123456, 3);
    turns();
    for (int n = 1; n < argc; n++) {
        void *library = dlopen(argv[n], RTLD_NOW);
        if (!library) {
            return 1;
        }
        ((void (*)(size_t))dlsym(library, "library_block"))(200000 + n);
        dlclose(library);
    }
    return 0;
}
