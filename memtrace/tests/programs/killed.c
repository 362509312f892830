/* Loaded into memtrace with LD_PRELOAD: has it killed at the ptrace call that KILLED_AT counts to, before the kernel
   hears of it. A tracer that is gone by then is what the program must live with. */
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long calls;

long ptrace(int what, long pid, void *address, void *data) {
    const char *at = getenv("KILLED_AT");
    if (at && ++calls == atol(at)) kill(getpid(), SIGKILL);
    return syscall(SYS_ptrace, what, pid, address, data);
}
