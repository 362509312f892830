/* A child that fork's handlers hear nothing of, allocating at the same time as its parent. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void work(int count, size_t size) {
    for (int i = 0; i < count; i++) {
        void *volatile block = malloc(size);
        free(block);
    }
}

int main(void) {
    work(100, 1000);
    long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    work(child ? 50000 : 200000, child ? 2000 : 70000);
    if (child) waitpid(child, NULL, 0);
    return child ? 3 : 4;
}
