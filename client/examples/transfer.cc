// SPDX-License-Identifier: Apache-2.0
//
// The SDK in one page: makes two accounts, moves money between them in a transaction, and looks at
// both in a snapshot.
//
//   transfer HOST:PORT

#include <iostream>

#include "client/client.h"
#include "common/status_macros.h"

namespace {

using isochron::client::Client;
using isochron::client::Result;
using isochron::client::Row;
using isochron::client::Transaction;

absl::Status Transfer(Client* client, int64_t from, int64_t to, int64_t amount) {
  // Runs again, from the start, whenever the transaction is aborted: so it has no effect but
  // through `txn`.
  const auto body = [&](Transaction& txn) -> absl::Status {
    ISO_ASSIGN_OR_RETURN(
        Result source,
        txn.Execute("SELECT balance FROM example_accounts WHERE id = $1 FOR UPDATE", {from}));
    if (source.rows.empty()) return absl::NotFoundError("no such account");
    ISO_ASSIGN_OR_RETURN(const int64_t balance, source.rows[0].Get<int64_t>("balance"));
    if (balance < amount) return absl::FailedPreconditionError("not enough money");
    const char* add = "UPDATE example_accounts SET balance = balance + $1 WHERE id = $2";
    ISO_RETURN_IF_ERROR(txn.Execute(add, {-amount, from}).status());
    return txn.Execute(add, {amount, to}).status();
  };
  ISO_ASSIGN_OR_RETURN(const isochron::client::CommitInfo info, client->ReadWrite(body));
  std::cout << "committed at " << isochron::client::TimeToText(info.commit_timestamp) << "\n";
  return absl::OkStatus();
}

absl::Status Run(const std::string& target) {
  ISO_ASSIGN_OR_RETURN(std::unique_ptr<Client> client, Client::Connect({target}, {}));
  ISO_RETURN_IF_ERROR(client
                          ->Execute("CREATE TABLE IF NOT EXISTS example_accounts ("
                                    "id bigint PRIMARY KEY, owner text, balance bigint NOT NULL)")
                          .status());
  ISO_RETURN_IF_ERROR(client
                          ->Execute("INSERT INTO example_accounts VALUES ($1, $2, 100), "
                                    "($3, NULL, 100) ON CONFLICT DO NOTHING",
                                    {1, "Ada", 2})
                          .status());
  ISO_RETURN_IF_ERROR(Transfer(client.get(), 1, 2, 10));

  ISO_ASSIGN_OR_RETURN(isochron::client::Snapshot snapshot, client->StrongSnapshot());
  ISO_ASSIGN_OR_RETURN(
      const Result accounts,
      snapshot.Execute("SELECT id, owner, balance FROM example_accounts ORDER BY id"));
  for (const Row& row : accounts.rows) {
    using Account = std::tuple<int64_t, std::optional<std::string>, int64_t>;
    ISO_ASSIGN_OR_RETURN(const Account account,
                         (row.As<int64_t, std::optional<std::string>, int64_t>()));
    const auto& [id, owner, balance] = account;
    std::cout << id << " " << owner.value_or("nobody") << " " << balance << "\n";
  }
  std::cout << "as of " << isochron::client::TimeToText(snapshot.read_timestamp()) << "\n";
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: transfer HOST:PORT\n";
    return 2;
  }
  const absl::Status status = Run(argv[1]);
  if (!status.ok()) std::cerr << status.message() << "\n";
  return status.ok() ? 0 : 1;
}
