// SPDX-License-Identifier: Apache-2.0
//
// Preloaded into a node by the fault runner: makes its syncs slow or failing, and its clocks wrong.
//
// What to do stands in a file of 64-bit integers that the runner changes while the node runs
// (shim.py); its path is in ISOCHRON_FAULT_CONTROL. Without one nothing is changed.
//
//   real_offset_us   added to CLOCK_REALTIME alone: somebody set the clock
//   both_offset_us   added to CLOCK_REALTIME and CLOCK_BOOTTIME: a clock that is wrong, and
//                    that nothing on the machine tells from a right one
//   drift_ppm        both run faster by so much, since boot time drift_since_us
//   sync_delay_us    every fsync and fdatasync takes so much longer
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct Control {
  volatile int64_t real_offset_us;
  volatile int64_t both_offset_us;
  volatile int64_t drift_ppm;
  volatile int64_t drift_since_us;
  volatile int64_t sync_delay_us;
};

static struct Control* control;
static int (*real_clock_gettime)(clockid_t, struct timespec*);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void Start(void) {
  real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  real_fsync = dlsym(RTLD_NEXT, "fsync");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  const char* path = getenv("ISOCHRON_FAULT_CONTROL");
  const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* mapped = mmap(NULL, sizeof(struct Control), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) control = mapped;
}

int clock_gettime(clockid_t id, struct timespec* t) {
  // Others' constructors may ask for the time before ours has run.
  if (real_clock_gettime == NULL) real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
  const int result = real_clock_gettime(id, t);
  if (result != 0 || control == NULL || (id != CLOCK_REALTIME && id != CLOCK_BOOTTIME)) {
    return result;
  }
  int64_t add_us = control->both_offset_us;
  if (control->drift_ppm != 0) {
    struct timespec boot;
    real_clock_gettime(CLOCK_BOOTTIME, &boot);
    const int64_t passed_us =
        boot.tv_sec * INT64_C(1000000) + boot.tv_nsec / 1000 - control->drift_since_us;
    add_us += passed_us * control->drift_ppm / 1000000;
  }
  if (id == CLOCK_REALTIME) add_us += control->real_offset_us;
  int64_t us = t->tv_sec * INT64_C(1000000) + t->tv_nsec / 1000 + add_us;
  if (us < 0) us = 0;
  t->tv_sec = us / 1000000;
  t->tv_nsec = us % 1000000 * 1000 + t->tv_nsec % 1000;
  return result;
}

static void Delay(void) {
  const int64_t us = control == NULL ? 0 : control->sync_delay_us;
  if (us <= 0) return;
  struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
  nanosleep(&t, NULL);
}

int fsync(int fd) {
  Delay();
  return real_fsync(fd);
}

int fdatasync(int fd) {
  Delay();
  return real_fdatasync(fd);
}
