// SPDX-License-Identifier: Apache-2.0
#include "sim/runner/worker_pool.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace isochron::sim {
namespace {

bool WriteAll(int fd, absl::string_view data) {
  while (!data.empty()) {
    const ssize_t n = write(fd, data.data(), data.size());
    if (n <= 0) return false;
    data.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool ReadAll(int fd, char* to, size_t n) {
  while (n > 0) {
    const ssize_t got = read(fd, to, n);
    if (got <= 0) return false;
    to += got;
    n -= static_cast<size_t>(got);
  }
  return true;
}

int Processors() {
  return static_cast<int>(std::clamp<int64_t>(sysconf(_SC_NPROCESSORS_ONLN), 1, 16));
}

}  // namespace

WorkerPool::WorkerPool(Run run, int jobs)
    : run_(std::move(run)), jobs_(jobs > 0 ? jobs : Processors()) {}

WorkerPool::Worker WorkerPool::Start(uint64_t first, uint64_t last) const {
  int ends[2];
  ISO_CHECK(pipe(ends) == 0, "no pipe for a worker");
  std::fflush(nullptr);
  const int pid = fork();
  ISO_CHECK(pid >= 0, "no process for a worker");
  if (pid != 0) {
    close(ends[1]);
    return Worker{pid, ends[0]};
  }
  close(ends[0]);
  for (uint64_t seed = first; seed <= last; seed += static_cast<uint64_t>(jobs_)) {
    const std::string bytes = EncodeResult(run_(seed));
    const uint64_t size = bytes.size();
    std::fflush(nullptr);
    if (!WriteAll(ends[1], {reinterpret_cast<const char*>(&size), sizeof(size)}) ||
        !WriteAll(ends[1], bytes)) {
      break;
    }
  }
  _exit(0);
}

bool WorkerPool::ReadResult(const Worker& worker, RunResult* result) {
  uint64_t size = 0;
  if (!ReadAll(worker.fd, reinterpret_cast<char*>(&size), sizeof(size))) return false;
  std::string bytes(size, '\0');
  return ReadAll(worker.fd, bytes.data(), size) && DecodeResult(bytes, result);
}

int WorkerPool::End(Worker* worker, bool kill_it) {
  if (worker->pid < 0) return 0;
  if (kill_it) kill(worker->pid, SIGKILL);
  int status = 0;
  waitpid(worker->pid, &status, 0);
  close(worker->fd);
  *worker = Worker();
  return status;
}

double WorkerPool::CpuSeconds() {
  rusage used = {};
  getrusage(RUSAGE_CHILDREN, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

void WorkerPool::RunSeeds(uint64_t first, uint64_t last, const OnResult& on_result) {
  const uint64_t jobs = static_cast<uint64_t>(jobs_);
  std::vector<Worker> workers(jobs);
  for (uint64_t j = 0; j < jobs && first + j <= last; ++j) workers[j] = Start(first + j, last);
  for (uint64_t seed = first; seed <= last; ++seed) {
    Worker& worker = workers[(seed - first) % jobs];
    RunResult result;
    if (!ReadResult(worker, &result)) {
      const int status = End(&worker, true);
      result = RunResult();
      result.seed = seed;
      result.anomalies.push_back(Anomaly{
          "process-died",
          WIFSIGNALED(status)
              ? absl::StrCat("signal ", WTERMSIG(status), "; a broken invariant is printed above")
              : absl::StrCat("exit status ", WEXITSTATUS(status)),
          {}});
      if (seed + jobs <= last) worker = Start(seed + jobs, last);
    }
    if (!on_result(result)) break;
  }
  for (Worker& worker : workers) End(&worker, true);
}

}  // namespace isochron::sim
