/* vfork and exec, and a vfork child that ends with _exit. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    for (volatile int i = 0; i < 50; i++) {
        int status;
        pid_t child = vfork();
        if (child == 0) {
            if (i % 2)
                execl("/bin/true", "true", (char *)NULL);
            _exit(3);
        }
        if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != (i % 2 ? 0 : 3))
            return 1;
    }
    puts("fine");
    return 0;
}
