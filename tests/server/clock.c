/*
 * A clock that a test moves: loaded before everything else (LD_PRELOAD), it adds the seconds that the file $TEST_CLOCK
 * holds (a 64-bit number) to the time of day. Other clocks, and so every wait, stay true.
 *
 * libfaketime would do, but it switches itself off in the processes that PostgreSQL 15 forks from a signal handler:
 * background workers.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead;

__attribute__((constructor)) static void open_clock(void)
{
    const char *path = getenv("TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0);

    if (page != MAP_FAILED)
        ahead = page;
    if (file >= 0)
        close(file);
}

static int64_t offset(void)
{
    return ahead ? *ahead : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int) syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    int result = clock_gettime(CLOCK_REALTIME, &exact);

    (void) zone;
    if (result == 0)
        *now = (struct timeval) { exact.tv_sec, exact.tv_nsec / 1000 };
    return result;
}

time_t time(time_t *result)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return (time_t) -1;
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}
