// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_COMMON_CHECK_H_
#define ISOCHRON_COMMON_CHECK_H_

// A broken invariant ends the process, in production too: going on could lie to a client.

#include <cstdio>
#include <cstdlib>

#define ISO_CHECK(cond, what)                                                                \
  do {                                                                                       \
    if (!(cond)) {                                                                           \
      std::fprintf(stderr, "invariant broken at %s:%d: %s: %s\n", __FILE__, __LINE__, #cond, \
                   what);                                                                    \
      std::abort();                                                                          \
    }                                                                                        \
  } while (0)

#endif  // ISOCHRON_COMMON_CHECK_H_
