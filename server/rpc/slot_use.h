// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_SERVER_RPC_SLOT_USE_H_
#define ISOCHRON_SERVER_RPC_SLOT_USE_H_

// One request's hold on a place among what runs (server/admission), for a scope.
//
// A request that stands alone has the place that it was let in with, and no longer. One of a
// transaction uses the transaction's, which rests when the request is over. Loop-thread only.

#include <functional>
#include <utility>

#include "server/admission/admission.h"

namespace isochron::rpc {

class SlotUse {
 public:
  using Slot = admission::Admission::Slot;

  // `fresh`: what the request was let in with; empty for work that was begun before. `kept`: the
  // transaction's place; null for a request that stands alone. `goes_on` says, at the end, whether
  // the transaction does. What they refer to outlives this.
  SlotUse(admission::Admission* admission, Slot fresh, Slot* kept,
          std::function<bool()> goes_on = nullptr)
      : own_(std::move(fresh)), kept_(kept), goes_on_(std::move(goes_on)) {
    if (kept_ == nullptr) return;
    if (*kept_) {
      kept_->Resume();
      own_.Release();
    } else {
      *kept_ = own_ ? std::move(own_) : admission->Pass();
    }
  }
  ~SlotUse() {
    if (kept_ == nullptr) return;
    if (goes_on_ && !goes_on_()) {
      kept_->Release();
    } else {
      kept_->Rest();
    }
  }
  SlotUse(const SlotUse&) = delete;
  SlotUse& operator=(const SlotUse&) = delete;

 private:
  Slot own_;
  Slot* const kept_;
  const std::function<bool()> goes_on_;
};

}  // namespace isochron::rpc

#endif  // ISOCHRON_SERVER_RPC_SLOT_USE_H_
