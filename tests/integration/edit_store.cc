// SPDX-License-Identifier: Apache-2.0
//
// edit_store FOLDER OLD NEW: changes rows behind everybody's back, for the tests of `isochron
// verify`. In the store of a stopped node every value that holds OLD gets NEW in its place, with
// good checksums: what no disk check finds. Prints how many values were changed.

#include <iostream>
#include <string>

#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "storage/engine/rocks_engine.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: edit_store FOLDER OLD NEW\n";
    return 2;
  }
  auto engine = isochron::storage::RocksEngine::Open(argv[1]);
  if (!engine.ok()) {
    std::cerr << "edit_store: " << engine.status().message() << "\n";
    return 1;
  }
  isochron::storage::WriteBatch batch;
  int changed = 0;
  const auto all = (*engine)->NewIterator("", "", nullptr);
  for (all->SeekToFirst(); all->Valid(); all->Next()) {
    if (all->value().find(argv[2]) == absl::string_view::npos) continue;
    batch.Put(std::string(all->key()),
              absl::StrReplaceAll(std::string(all->value()), {{argv[2], argv[3]}}));
    ++changed;
  }
  absl::Status status = (*engine)->Write(std::move(batch));
  if (status.ok()) status = (*engine)->Flush();
  if (!status.ok()) {
    std::cerr << "edit_store: " << status.message() << "\n";
    return 1;
  }
  std::cout << changed << std::endl;
  return 0;
}
