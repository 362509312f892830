/* Becomes another program by the way that the first argument names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int is(const char *way, const char *name) { return strcmp(way, name) == 0; }

int main(int count, char **arguments) {
    const char *way = arguments[1];
    void *volatile taken = malloc(200000 + strlen(way));
    free(taken);
    if (is(way, "end")) return count == 9 ? 33 : 1;
    char *self = "/proc/self/exe";
    char *again[] = {self, "end", "a", "b", "c", "d", "e", "f", "g", NULL};
    pid_t child;
    int status;
    if (is(way, "execv")) execv(self, again);
    if (is(way, "execve")) execve(self, again, environ);
    if (is(way, "execvp")) execvp(self, again);
    if (is(way, "execvpe")) execvpe(self, again, environ);
    if (is(way, "execl")) execl(self, self, "end", "a", "b", "c", "d", "e", "f", "g", (char *)NULL);
    if (is(way, "execlp")) execlp(self, self, "end", "a", "b", "c", "d", "e", "f", "g", (char *)NULL);
    if (is(way, "execle")) execle(self, self, "end", "a", "b", "c", "d", "e", "f", "g", (char *)NULL, environ);
    if (is(way, "fexecve")) fexecve(open(self, O_RDONLY), again, environ);
    if (is(way, "execveat")) execveat(AT_FDCWD, self, again, environ, 0);
    if (is(way, "posix_spawn") && posix_spawn(&child, self, NULL, NULL, again, environ) == 0) {
        waitpid(child, &status, 0);
        return WEXITSTATUS(status);
    }
    if (is(way, "posix_spawnp") && posix_spawnp(&child, self, NULL, NULL, again, environ) == 0) {
        waitpid(child, &status, 0);
        return WEXITSTATUS(status);
    }
    /* The shell's own variables and name are as ever, whatever brings the library along. */
    const char *line = "test \"$0 ${LD_PRELOAD-none} ${MEMTRACE_CAPTURE-none}\" = 'sh none none' &&"
                       " ./execs end a b c d e f 'g h'; exit $?";
    if (is(way, "system")) return WEXITSTATUS(system(line));
    if (is(way, "popen")) return WEXITSTATUS(pclose(popen(line, "r")));
    if (is(way, "fails")) {
        execl("/no/such/program", "no", (char *)NULL);
        taken = malloc(300000);
        free(taken);
        return 34;
    }
    return 2;
}
