// SPDX-License-Identifier: Apache-2.0
#ifndef ISOCHRON_CLIENT_VALUE_H_
#define ISOCHRON_CLIENT_VALUE_H_

// Values, columns and rows as a program sees them.
//
//   ISO_ASSIGN_OR_RETURN(int64_t balance, row.Get<int64_t>("balance"));
//   ISO_ASSIGN_OR_RETURN(auto [id, name], (row.As<int64_t, std::optional<std::string>>()));
//
// A C++ type stands for a column type: bool, int64_t (bigint), double, std::string (text), Bytes
// (bytea), Timestamp (timestamptz). std::optional of one is for columns that may be NULL. Get fails
// with INVALID_ARGUMENT when the type does not fit or a NULL has no place, NOT_FOUND without such a
// column.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/types.h"
#include "google/protobuf/struct.pb.h"
#include "google/spanner/v1/type.pb.h"

namespace isochron::client {

struct Bytes {
  std::string data;
  friend bool operator==(const Bytes&, const Bytes&) = default;
};

// monostate is NULL.
class Value {
 public:
  using Variant =
      std::variant<std::monostate, bool, int64_t, double, std::string, Bytes, Timestamp>;

  Value() = default;
  Value(bool v) : v_(v) {}                       // NOLINT(google-explicit-constructor)
  Value(int v) : v_(static_cast<int64_t>(v)) {}  // NOLINT(google-explicit-constructor)
  Value(int64_t v) : v_(v) {}                    // NOLINT(google-explicit-constructor)
  Value(double v) : v_(v) {}                     // NOLINT(google-explicit-constructor)
  Value(std::string v) : v_(std::move(v)) {}     // NOLINT(google-explicit-constructor)
  Value(const char* v) : v_(std::string(v)) {}   // NOLINT(google-explicit-constructor)
  Value(Bytes v) : v_(std::move(v)) {}           // NOLINT(google-explicit-constructor)
  Value(Timestamp v) : v_(v) {}                  // NOLINT(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::monostate>(v_); }
  const Variant& variant() const { return v_; }
  // As PostgreSQL prints it; NULL is empty.
  std::string ToText() const;

  friend bool operator==(const Value& a, const Value& b) { return a.v_ == b.v_; }

 private:
  Variant v_;
};

struct Column {
  std::string name;
  google::spanner::v1::TypeCode type = google::spanner::v1::TYPE_CODE_UNSPECIFIED;
};
using Columns = std::vector<Column>;

class Row {
 public:
  Row() = default;
  Row(std::shared_ptr<const Columns> columns, std::vector<Value> values)
      : columns_(std::move(columns)), values_(std::move(values)) {}

  size_t size() const { return values_.size(); }
  const Value& operator[](size_t i) const { return values_[i]; }
  const std::vector<Value>& values() const { return values_; }
  const Columns& columns() const { return *columns_; }

  template <typename T>
  absl::StatusOr<T> Get(size_t i) const {
    if (i >= values_.size()) {
      return absl::NotFoundError(absl::StrCat("the row has no column ", i));
    }
    return Convert<T>(i);
  }
  template <typename T>
  absl::StatusOr<T> Get(absl::string_view name) const {
    for (size_t i = 0; i < values_.size(); ++i) {
      if ((*columns_)[i].name == name) return Convert<T>(i);
    }
    return absl::NotFoundError(absl::StrCat("the row has no column \"", name, "\""));
  }
  // All columns at once.
  template <typename... Ts>
  absl::StatusOr<std::tuple<Ts...>> As() const {
    if (values_.size() != sizeof...(Ts)) {
      return absl::InvalidArgumentError(absl::StrCat("the row has ", values_.size(), " columns, ",
                                                     sizeof...(Ts), " were wanted"));
    }
    return AsTuple<Ts...>(std::index_sequence_for<Ts...>());
  }

 private:
  template <typename T>
  struct IsOptional : std::false_type {};
  template <typename T>
  struct IsOptional<std::optional<T>> : std::true_type {};

  template <typename T>
  absl::StatusOr<T> Convert(size_t i) const {
    const Value& v = values_[i];
    if constexpr (IsOptional<T>::value) {
      if (v.is_null()) return T();
      absl::StatusOr<typename T::value_type> inner = Convert<typename T::value_type>(i);
      if (!inner.ok()) return inner.status();
      return T(*std::move(inner));
    } else {
      if (const T* exact = std::get_if<T>(&v.variant())) return *exact;
      if constexpr (std::is_same_v<T, double>) {
        if (const int64_t* n = std::get_if<int64_t>(&v.variant())) return static_cast<double>(*n);
      }
      return WrongType(i);
    }
  }
  template <typename... Ts, size_t... I>
  absl::StatusOr<std::tuple<Ts...>> AsTuple(std::index_sequence<I...>) const {
    std::tuple<absl::StatusOr<Ts>...> parts{Convert<Ts>(I)...};
    absl::Status failed;
    ((failed.Update(std::get<I>(parts).status())), ...);
    if (!failed.ok()) return failed;
    return std::tuple<Ts...>(*std::move(std::get<I>(parts))...);
  }
  absl::Status WrongType(size_t i) const;

  std::shared_ptr<const Columns> columns_;
  std::vector<Value> values_;
};

// The API's forms.
absl::StatusOr<Value> DecodeValue(const google::spanner::v1::Type& type,
                                  const google::protobuf::Value& value);
// Sets `type` too; both stay empty-handed (NULL, no type) for a NULL.
void EncodeValue(const Value& value, google::protobuf::Value* out, google::spanner::v1::Type* type);
std::string TimeToText(Timestamp t);  // RFC 3339, UTC
absl::StatusOr<Timestamp> TimeFromText(absl::string_view text);

}  // namespace isochron::client

#endif  // ISOCHRON_CLIENT_VALUE_H_
