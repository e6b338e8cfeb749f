// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_MAIN_STORE_CHECK_H_
#define ISOCHRON_SERVER_MAIN_STORE_CHECK_H_

// A node that met damage in its store ends, and looks the store over at its next start: groups
// whose data is hurt are kept out, all others go on from a copy without the damage
// (tablet/group/salvage).
//
// FOLDER/CHECK says that the look is due. The copy is made in store.new and then takes the place of
// store, which is kept as store.damaged; an end at any moment is made good by the next start.

#include <string>

#include "absl/status/status.h"

namespace isochron::server {

// Durable when it returns. Any thread.
void MarkStoreForCheck(const std::string& data, const std::string& why);

// Before the store is opened; does nothing unless it was marked. DATA_LOSS when the damage cannot
// be put down to groups.
absl::Status CheckMarkedStore(const std::string& data);

}  // namespace isochron::server

#endif  // ISOCHRON_SERVER_MAIN_STORE_CHECK_H_
