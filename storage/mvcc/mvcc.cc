// SPDX-License-Identifier: Apache-2.0
#include "storage/mvcc/mvcc.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/status_macros.h"
#include "storage/mvcc/version_key.h"

namespace isochron::storage {
namespace {

absl::Status DamagedValue() {
  return absl::DataLossError("a stored version has a value of an unknown kind");
}

// One scan: walks key by key, and within a key goes straight to the version that t sees.
class Scanner {
 public:
  Scanner(Engine* engine, const KeyRange& range, Timestamp t, const ScanOptions& options,
          RowVisitor* visitor = nullptr)
      : options_(options),
        t_(t),
        visitor_(visitor),
        it_(engine->NewIterator(LowerBound(range), UpperBound(range))) {}

  absl::StatusOr<ScanResult> Run() {
    if (options_.reverse) {
      it_->SeekToLast();
    } else {
      it_->SeekToFirst();
    }
    while (it_->Valid()) {
      ISO_RETURN_IF_ERROR(ParseVersionKey(it_->key(), &key_, &version_));
      shared_.assign(SharedPart(it_->key()).data(), SharedPart(it_->key()).size());
      if (options_.limit_examined > 0 && examined_ == options_.limit_examined) {
        Stop();
        break;
      }
      ++examined_;
      ISO_RETURN_IF_ERROR(options_.reverse ? FindVisibleBackward() : FindVisibleForward());
      if (found_) {
        ISO_ASSIGN_OR_RETURN(const bool more, Take());
        if (!more) break;
      }
      if (OnKey()) {
        if (options_.reverse) {
          it_->SeekForPrev(shared_);
        } else {
          LeaveForward();
        }
      }
    }
    // An iterator that failed is not valid.
    ISO_RETURN_IF_ERROR(it_->status());
    return std::move(result_);
  }

 private:
  // A few single steps are cheaper than a seek; long histories are not walked.
  static constexpr int kSteps = 16;

  bool OnKey() const { return it_->Valid() && SharedPart(it_->key()) == shared_; }

  // At the newest version of a key: to the one that t sees.
  absl::Status FindVisibleForward() {
    found_ = false;
    for (int i = 0; version_ > t_; ++i) {
      if (i < kSteps) {
        it_->Next();
      } else {
        seek_ = shared_;
        AppendInverted(&seek_, t_);
        it_->Seek(seek_);
      }
      if (!OnKey()) return it_->status();
      ISO_RETURN_IF_ERROR(ParseVersionTime(it_->key(), &version_));
    }
    return Keep(false);
  }

  // At the oldest version of a key.
  absl::Status FindVisibleBackward() {
    found_ = false;
    if (version_ > t_) return absl::OkStatus();
    for (int i = 0; i < kSteps; ++i) {
      ISO_RETURN_IF_ERROR(Keep(true));
      it_->Prev();
      if (!OnKey()) return it_->status();
      ISO_RETURN_IF_ERROR(ParseVersionTime(it_->key(), &version_));
      if (version_ > t_) return absl::OkStatus();
    }
    seek_ = shared_;
    AppendInverted(&seek_, t_);
    it_->Seek(seek_);
    ISO_RETURN_IF_ERROR(it_->status());
    ISO_CHECK(OnKey(), "an iterator lost a version it had shown");
    ISO_RETURN_IF_ERROR(ParseVersionTime(it_->key(), &version_));
    return Keep(false);
  }

  // `moves_on`: the iterator leaves the version before the value is taken.
  absl::Status Keep(bool moves_on) {
    const absl::string_view v = it_->value();
    if (v.empty() || (v[0] != kRowKind && v[0] != kTombstoneKind)) return DamagedValue();
    found_ = true;
    is_row_ = v[0] == kRowKind;
    value_ = v.substr(1);
    if (moves_on) {
      kept_.assign(value_.data(), value_.size());
      value_ = kept_;
    }
    seen_ = version_;
    return absl::OkStatus();
  }

  // Adds what was found; false when the scan ends here.
  absl::StatusOr<bool> Take() {
    if (is_row_) {
      const uint64_t bytes = key_.size() + value_.size();
      const bool full =
          (options_.limit_rows > 0 && taken_ == options_.limit_rows) ||
          (options_.limit_bytes > 0 && taken_ > 0 && bytes_ + bytes > options_.limit_bytes);
      if (full) {
        Stop();
        return false;
      }
      bytes_ += bytes;
      ++taken_;
      if (visitor_ != nullptr) {
        result_.max_version_examined = std::max(result_.max_version_examined, seen_);
        ISO_ASSIGN_OR_RETURN(const bool more, visitor_->OnRow(key_, value_));
        if (!more) StopBehind();
        return more;
      }
      result_.rows.push_back(Row{key_, std::string(value_), seen_});
    }
    result_.max_version_examined = std::max(result_.max_version_examined, seen_);
    return true;
  }

  // To the next key. The iterator stands on a version of this one.
  void LeaveForward() {
    for (int i = 0; i < kSteps; ++i) {
      it_->Next();
      if (!OnKey()) return;
    }
    seek_ = shared_;
    seek_.back() = static_cast<char>(seek_.back() + 1);  // the terminator's 0x01
    it_->Seek(seek_);
  }

  // The scan ends before key_.
  void Stop() {
    result_.resume_key = options_.reverse ? absl::StrCat(key_, absl::string_view("\0", 1)) : key_;
  }

  // The scan ends behind key_.
  void StopBehind() {
    result_.resume_key = options_.reverse ? key_ : absl::StrCat(key_, absl::string_view("\0", 1));
  }

  const ScanOptions options_;
  const Timestamp t_;
  RowVisitor* const visitor_;
  std::unique_ptr<Iterator> it_;
  ScanResult result_;
  uint64_t examined_ = 0;
  uint64_t bytes_ = 0;
  uint64_t taken_ = 0;  // rows

  std::string key_;     // the key being looked at
  std::string shared_;  // and the engine bytes of it
  std::string seek_;
  Timestamp version_;   // of the version the iterator stands on
  bool found_ = false;  // a version at or below t, in the next three
  bool is_row_ = false;
  absl::string_view value_;
  Timestamp seen_;
  std::string kept_;  // the value, where the iterator has left it
};

}  // namespace

void MvccStore::PutVersion(WriteBatch* batch, absl::string_view key, Timestamp t,
                           absl::string_view value) {
  ISO_CHECK(t > Timestamp(0), "a version needs a timestamp");
  std::string stored;
  stored.reserve(value.size() + 1);
  stored.push_back(kRowKind);
  stored.append(value.data(), value.size());
  batch->Put(VersionKey(key, t), stored);
}

void MvccStore::PutTombstone(WriteBatch* batch, absl::string_view key, Timestamp t) {
  ISO_CHECK(t > Timestamp(0), "a version needs a timestamp");
  batch->Put(VersionKey(key, t), absl::string_view(&kTombstoneKind, 1));
}

absl::StatusOr<ReadResult> MvccStore::Get(absl::string_view key, Timestamp t) const {
  ReadResult result;
  if (t <= Timestamp(0)) return result;
  std::string stored;
  uint64_t inverted = 0;
  ISO_ASSIGN_OR_RETURN(const bool found,
                       engine_->SeekVersion(VersionKey(key, t), &inverted, &stored));
  if (!found) return result;
  result.version = FromInverted(inverted);
  if (stored.empty()) return DamagedValue();
  if (stored[0] == kRowKind) {
    stored.erase(0, 1);
    result.value = std::move(stored);
  } else if (stored[0] != kTombstoneKind) {
    return DamagedValue();
  }
  return result;
}

absl::StatusOr<Timestamp> MvccStore::NewestVersion(absl::string_view key) const {
  std::string stored;
  uint64_t inverted = 0;
  ISO_ASSIGN_OR_RETURN(const bool found,
                       engine_->SeekVersion(VersionKey(key, Timestamp::Max()), &inverted, &stored));
  return found ? FromInverted(inverted) : Timestamp(0);
}

absl::StatusOr<ScanResult> MvccStore::Scan(const KeyRange& range, Timestamp t,
                                           const ScanOptions& options) const {
  if (range.Empty() || t <= Timestamp(0)) return ScanResult();
  return Scanner(engine_, range, t, options).Run();
}

absl::StatusOr<ScanResult> MvccStore::Visit(const KeyRange& range, Timestamp t,
                                            const ScanOptions& options, RowVisitor* visitor) const {
  if (range.Empty() || t <= Timestamp(0)) return ScanResult();
  return Scanner(engine_, range, t, options, visitor).Run();
}

}  // namespace isochron::storage
