/* What a program is told of errors before it has done anything. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>

int main(void) {
    int code = errno;
    const char *error = dlerror();
    printf("%d %s\n", code, error ? error : "none");
    return 0;
}
