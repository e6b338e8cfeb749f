// SPDX-License-Identifier: Apache-2.0
#include "sim/universe/explain.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace isochron::sim {
namespace {

constexpr size_t kMaxTimeline = 300;
constexpr size_t kMaxStories = 4;

using Lines = std::vector<std::pair<Micros, std::string>>;

std::string At(Micros us) {
  return absl::StrFormat("%12.6f", static_cast<double>(us - SimScheduler::kStartOfTime) / 1e6);
}

// The group that holds a key now, and held it then if there was no split in between.
GroupId GroupOf(Universe* universe, const std::string& key) {
  for (auto& node : universe->nodes()) {
    if (!node->up()) continue;
    for (const ReplicaView& r : node->Replicas()) {
      if (r.serving && r.range.Contains(key)) return r.group;
    }
  }
  return GroupId();
}

// The timestamps that a transaction's groups were given while it committed: its s, and below it the
// prepare timestamps. `vague` counts those that may be another transaction's.
Lines Timestamps(Universe* universe, const Operation& op, size_t* vague) {
  std::set<GroupId> groups;
  for (const ObservedRead& r : op.reads) groups.insert(GroupOf(universe, r.key));
  for (const RecordedWrite& w : op.writes) groups.insert(GroupOf(universe, w.key));
  Micros sent = op.invoke_us;
  for (const History::Step& s : universe->history()->steps()) {
    if (s.op == op.id && s.what.rfind("sends", 0) == 0) sent = s.at;
  }
  Lines lines;
  bool chosen = false;
  std::map<GroupId, size_t> prepared;
  for (const Universe::Assigned& a : universe->assigned()) {
    if (a.at < sent || a.at > op.complete_us || !groups.contains(a.group) || a.s > op.ts) continue;
    std::string what = absl::StrCat("gives it the prepare timestamp ", a.s.us);
    if (a.s != op.ts) {
      ++prepared[a.group];
    } else if (std::exchange(chosen, true)) {
      what = "hears of s and logs the outcome";
    } else {
      what = absl::StrCat("gives it the commit timestamp s = ", a.s.us, ": ", a.s.us - a.at,
                          " us ahead of real time, so it waits");
    }
    lines.emplace_back(
        a.at, absl::StrCat(ToString(a.node), ", which leads ", ToString(a.group), ", ", what));
  }
  *vague = 0;
  for (const auto& [group, count] : prepared) *vague += count - 1;
  return lines;
}

std::vector<std::string> Story(Universe* universe, const Operation& op) {
  Lines lines;
  for (const History::Step& s : universe->history()->steps()) {
    if (s.op == op.id) lines.emplace_back(s.at, s.what);
  }
  const bool committed = op.outcome == Outcome::kCommitted && !op.writes.empty();
  if (committed) {
    size_t vague = 0;
    for (auto& line : Timestamps(universe, op, &vague)) lines.push_back(std::move(line));
    if (op.complete_us > op.ts.us) {
      lines.emplace_back(op.ts.us, "real time reaches s: from here on it may be seen");
    }
    for (const Operation& reader : universe->history()->operations()) {
      if (reader.id == op.id || reader.complete_seq == 0) continue;
      const bool saw =
          std::any_of(reader.reads.begin(), reader.reads.end(), [&op](const ObservedRead& r) {
            return std::any_of(op.writes.begin(), op.writes.end(), [&r](const RecordedWrite& w) {
              return w.value && w.key == r.key && w.value == r.value;
            });
          });
      if (!saw) continue;
      lines.emplace_back(reader.complete_us, absl::StrCat("op ", reader.id, " has seen it"));
      break;
    }
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> story = {
      absl::StrCat("The story of op ", op.id, " of client ", op.client, " (", op.note, "):"),
      absl::StrCat(At(op.invoke_us), "  begins")};
  for (const auto& [when, what] : lines) story.push_back(absl::StrCat(At(when), "  ", what));
  if (op.complete_seq == 0) {
    story.push_back("              and never hears what became of it");
  } else if (!committed) {
    static constexpr const char* kEnds[] = {"open", "is answered", "is aborted", "ends unknown"};
    story.push_back(
        absl::StrCat(At(op.complete_us), "  ", kEnds[static_cast<int>(op.outcome)],
                     op.ts != Timestamp() ? absl::StrCat(", read at ", op.ts.us) : std::string()));
  }
  return story;
}

// One over several groups, of which it is plain which timestamps were its own.
const Operation* Example(Universe* universe) {
  const Operation* best = nullptr;
  size_t best_lines = 0;
  int looked = 0;
  for (const Operation& op : universe->history()->operations()) {
    if (op.outcome != Outcome::kCommitted || op.writes.size() < 2 || op.reads.empty()) continue;
    size_t vague = 0;
    const size_t lines = Timestamps(universe, op, &vague).size();
    if (vague == 0 && lines > best_lines) {
      best = &op;
      best_lines = lines;
    }
    if (++looked == 300) break;
  }
  return best;
}

std::vector<std::string> Around(Universe* universe, const Anomaly& anomaly) {
  const auto& ops = universe->history()->operations();
  Micros from = universe->scheduler()->now(), to = 0;
  for (size_t id : anomaly.operations) {
    from = std::min(from, ops[id].invoke_us - 300'000);
    to = std::max({to, ops[id].invoke_us + 50'000, ops[id].complete_us + 50'000});
  }
  Lines lines;
  for (const auto& [when, what] : universe->log()) lines.emplace_back(when, what);
  for (const Operation& op : ops) {
    const bool named = std::find(anomaly.operations.begin(), anomaly.operations.end(), op.id) !=
                       anomaly.operations.end();
    lines.emplace_back(op.invoke_us, absl::StrCat(named ? ">>> " : "    ", ToString(op)));
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> timeline;
  for (const auto& [when, what] : lines) {
    const bool kept = when >= from && when <= to && timeline.size() < kMaxTimeline;
    if (kept || what.rfind(">>>", 0) == 0) timeline.push_back(absl::StrCat(At(when), "  ", what));
  }
  return timeline;
}

}  // namespace

std::vector<std::string> Explain(Universe* universe) {
  const auto& ops = universe->history()->operations();
  std::vector<std::string> lines;
  const auto tell = [&](const Operation& op) {
    for (std::string& line : Story(universe, op)) lines.push_back(std::move(line));
  };
  if (universe->anomalies().empty()) {
    const Operation* example = Example(universe);
    if (example == nullptr) return {"no transaction wrote in several groups"};
    tell(*example);
    return lines;
  }
  for (const Anomaly& a : universe->anomalies()) {
    if (a.operations.empty()) continue;
    for (size_t i = 0; i < std::min(kMaxStories, a.operations.size()); ++i) {
      tell(ops[a.operations[i]]);
    }
    lines.push_back("What happened around:");
    for (std::string& line : Around(universe, a)) lines.push_back(std::move(line));
    return lines;
  }
  for (const auto& [when, what] : universe->log()) {
    if (lines.size() < kMaxTimeline) lines.push_back(absl::StrCat(At(when), "  ", what));
  }
  return lines;
}

}  // namespace isochron::sim
