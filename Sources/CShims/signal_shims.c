#define _GNU_SOURCE
#include "signal_shims.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

static int ends[2] = {-1, -1};

void cordee_signals_stop(void) {
  int kept = errno;
  // A full pipe already says what this byte would.
  if (write(ends[1], "", 1) < 0) {
  }
  errno = kept;
}

static void on_signal(int number) {
  (void)number;
  cordee_signals_stop();
}

int cordee_signals_catch(void) {
  if (ends[0] >= 0) return 0;
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  if (sigaction(SIGINT, &action, NULL) != 0) return errno;
  if (sigaction(SIGTERM, &action, NULL) != 0) return errno;
  // A terminal that goes away; whoever was started to outlive it (nohup) goes on.
  struct sigaction before;
  if (sigaction(SIGHUP, NULL, &before) != 0) return errno;
  if (before.sa_handler != SIG_IGN && sigaction(SIGHUP, &action, NULL) != 0) return errno;
  // A parent's thread pool may have left them blocked; a mask is inherited.
  sigset_t all;
  sigemptyset(&all);
  sigaddset(&all, SIGINT);
  sigaddset(&all, SIGTERM);
  sigaddset(&all, SIGHUP);
  return pthread_sigmask(SIG_UNBLOCK, &all, NULL);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int cordee_signals_wait(int milliseconds) {
  long long end = now() + milliseconds;
  int left = milliseconds;
  for (;;) {
    struct pollfd watched = {.fd = ends[0], .events = POLLIN};
    int ready = poll(&watched, 1, left);
    if (ready > 0) return 1;
    if (ready == 0) return 0;
    if (errno != EINTR) return 1;
    if (milliseconds < 0) continue;
    long long rest = end - now();
    left = rest > 0 ? (int)rest : 0;
  }
}
