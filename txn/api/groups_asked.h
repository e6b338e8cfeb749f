// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_TXN_API_GROUPS_ASKED_H_
#define ISOCHRON_TXN_API_GROUPS_ASKED_H_

#include <set>

#include "common/types.h"

namespace isochron::txn {

// What a ReadTransaction of several groups is besides: it knows which of them its reads asked.
class AsksGroups {
 public:
  virtual ~AsksGroups() = default;
  virtual const std::set<GroupId>& groups_asked() const = 0;
};

}  // namespace isochron::txn

#endif  // ISOCHRON_TXN_API_GROUPS_ASKED_H_
