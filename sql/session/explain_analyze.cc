// SPDX-License-Identifier: Apache-2.0
#include "sql/session/explain_analyze.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace isochron::sql {
namespace {

std::string Ms(Micros us) { return absl::StrFormat("%.3f", static_cast<double>(us) / 1000.0); }

// What was done where the rows lie.
std::string TabletText(const NodeProfile& node) {
  if (node.mapped >= 0) {
    return absl::StrCat("  (mapped: ", node.mapped, " rows in ", node.pages,
                        " pages; combined: ", node.rows, " partial groups)");
  }
  return node.pages > 0 ? absl::StrCat("  (chosen at the tablets: ", node.pages, " pages)") : "";
}

// As PostgreSQL has it: averages over the loops.
std::string NodeText(const NodeProfile& node, bool timing) {
  if (node.loops == 0) return "  (never executed)";
  const std::string time = timing ? absl::StrCat("time=", Ms(node.first_us / node.loops), "..",
                                                 Ms(node.total_us / node.loops), " ")
                                  : "";
  return absl::StrCat("  (actual ", time, "rows=", node.rows / node.loops, " loops=", node.loops,
                      ")", TabletText(node));
}

std::string LatencyText(const LatencyAccount& l) {
  return absl::StrCat("queue ", Ms(l.queue_us), " ms, lock wait ", Ms(l.lock_wait_us),
                      " ms, paxos ", Ms(l.paxos_us), " ms, 2pc ", Ms(l.two_pc_us),
                      " ms, commit wait ", Ms(l.commit_wait_exposed_us), " ms (",
                      Ms(l.commit_wait_hidden_us), " ms hidden)");
}

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

// The lines of a plan as a tree: nodes by their depth, details with the node above them.
struct JsonNode {
  std::string text;
  std::vector<std::string> details;
  const NodeProfile* profile = nullptr;
  std::vector<JsonNode> children;
};

void AppendJson(const JsonNode& node, bool ran, bool timing, int indent, std::string* out) {
  const std::string pad(static_cast<size_t>(indent), ' ');
  const size_t kind = node.text.find("  ");
  std::vector<std::string> fields = {
      absl::StrCat("\"Node Type\": ", Quoted(node.text.substr(0, kind)))};
  if (kind != std::string::npos) {
    fields.push_back(absl::StrCat(
        "\"Properties\": ", Quoted(absl::StripLeadingAsciiWhitespace(node.text.substr(kind)))));
  }
  if (!node.details.empty()) {
    fields.push_back(absl::StrCat("\"Details\": ", Quoted(absl::StrJoin(node.details, "; "))));
  }
  if (ran) {
    static constexpr NodeProfile kNever;
    const NodeProfile& p = node.profile != nullptr ? *node.profile : kNever;
    const int64_t loops = std::max<int64_t>(p.loops, 1);
    if (timing) {
      fields.push_back(absl::StrCat("\"Actual Startup Time\": ", Ms(p.first_us / loops)));
      fields.push_back(absl::StrCat("\"Actual Total Time\": ", Ms(p.total_us / loops)));
    }
    fields.push_back(absl::StrCat("\"Actual Rows\": ", p.rows / loops));
    fields.push_back(absl::StrCat("\"Actual Loops\": ", p.loops));
    if (p.mapped >= 0) {
      fields.push_back(absl::StrCat("\"Mapped Rows\": ", p.mapped));
      fields.push_back(absl::StrCat("\"Mapped Pages\": ", p.pages));
    }
  }
  if (!node.children.empty()) {
    std::string plans = "\"Plans\": [";
    for (size_t i = 0; i < node.children.size(); ++i) {
      absl::StrAppend(&plans, i > 0 ? ",\n" : "\n", pad, "    ");
      AppendJson(node.children[i], ran, timing, indent + 4, &plans);
    }
    fields.push_back(absl::StrCat(plans, "\n", pad, "  ]"));
  }
  absl::StrAppend(out, "{\n", pad, "  ", absl::StrJoin(fields, absl::StrCat(",\n", pad, "  ")),
                  "\n", pad, "}");
}

// `at` is the line of the node; afterwards the first line behind all that is below it.
JsonNode Tree(const std::vector<std::string>& lines, const std::map<size_t, const PlanNode*>& nodes,
              const Profile* profile, size_t depth, size_t* at) {
  JsonNode node;
  node.text = std::string(absl::StripPrefix(absl::StripLeadingAsciiWhitespace(lines[*at]), "-> "));
  if (auto it = nodes.find(*at); it != nodes.end() && profile != nullptr) {
    auto found = profile->nodes.find(it->second);
    if (found != profile->nodes.end()) node.profile = &found->second;
  }
  ++*at;
  while (*at < lines.size()) {
    const std::string& line = lines[*at];
    const size_t blanks = line.find_first_not_of(' ');
    const bool detail = absl::string_view(line).substr(blanks, 3) != "-> ";
    if (blanks <= depth) break;
    if (detail) {
      node.details.push_back(line.substr(blanks));
      ++*at;
    } else {
      node.children.push_back(Tree(lines, nodes, profile, blanks, at));
    }
  }
  return node;
}

std::string Json(const std::vector<std::string>& lines,
                 const std::map<size_t, const PlanNode*>& nodes, const ast::Explain& explain,
                 const Explained& explained) {
  const bool ran = explained.profile != nullptr;
  std::string out = "[\n  {\n    \"Plan\": ";
  for (size_t at = 0; at < lines.size();) {
    const bool first = at == 0;
    if (!first) absl::StrAppend(&out, at > 0 ? ",\n    \"Subplan\": " : "");
    AppendJson(Tree(lines, nodes, explained.profile, 0, &at), ran, explain.timing, 4, &out);
  }
  if (ran) {
    const LatencyAccount& l = explained.latency;
    const std::optional<size_t>& groups = explained.profile->groups;
    if (groups) absl::StrAppend(&out, ",\n    \"Groups\": ", *groups);
    absl::StrAppend(&out, ",\n    \"Rows Read\": ", explained.profile->rows_read,
                    ",\n    \"Bytes Read\": ", explained.profile->bytes_read,
                    ",\n    \"Lock Wait Time\": ", Ms(l.lock_wait_us),
                    ",\n    \"Queue Time\": ", Ms(l.queue_us));
  }
  if (explain.summary.value_or(ran)) {
    absl::StrAppend(&out, ",\n    \"Planning Time\": ", Ms(explained.planning_us));
    if (ran) absl::StrAppend(&out, ",\n    \"Execution Time\": ", Ms(explained.execution_us));
  }
  return out + "\n  }\n]";
}

}  // namespace

std::vector<std::string> ExplainRows(const Plan& plan, const ast::Explain& explain,
                                     const Explained& explained) {
  std::map<size_t, const PlanNode*> nodes;
  std::vector<std::string> lines = ExplainPlan(plan, &nodes);
  if (explain.json) return {Json(lines, nodes, explain, explained)};
  const Profile* const profile = explained.profile;
  if (profile != nullptr) {
    for (const auto& [line, node] : nodes) {
      auto it = profile->nodes.find(node);
      lines[line] +=
          NodeText(it != profile->nodes.end() ? it->second : NodeProfile(), explain.timing);
    }
    lines.push_back(
        absl::StrCat("Rows Read: ", profile->rows_read, "  Bytes Read: ", profile->bytes_read,
                     profile->groups ? absl::StrCat("  Groups: ", *profile->groups) : ""));
    lines.push_back(absl::StrCat("Latency: ", LatencyText(explained.latency)));
  }
  if (explain.summary.value_or(profile != nullptr)) {
    lines.push_back(absl::StrCat("Planning Time: ", Ms(explained.planning_us), " ms"));
    if (profile != nullptr) {
      lines.push_back(absl::StrCat("Execution Time: ", Ms(explained.execution_us), " ms"));
    }
  }
  return lines;
}

std::vector<std::string> CommitRows(const LatencyAccount& latency, int groups) {
  return {absl::StrCat("Commit: groups ", groups, ", ", LatencyText(latency))};
}

}  // namespace isochron::sql
