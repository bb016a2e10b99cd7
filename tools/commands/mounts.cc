// `layoutfs mounts`.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "fs/fuse/dead_mount.h"
#include "fs/fuse/mount_server.h"
#include "fs/fuse/mount_table.h"
#include "tools/cli/command.h"
#include "tools/cli/store.h"
#include "tools/cli/table.h"

namespace layoutfs::tools {
namespace {

constexpr std::int64_t kMountsVersion = 1;

struct KnownMount {
  std::string mount_point;
  Mount mount;
  std::optional<JsonDocument> statistics;  // nullopt if the mount does not answer, or denies access
  bool is_dead = false;
};

std::vector<KnownMount> known_mounts() {
  std::vector<KnownMount> known;
  for (auto& [mount_point, mount] : layoutfs_mounts()) {
    KnownMount each{.mount_point = mount_point, .mount = std::move(mount)};
    auto statistics = JsonDocument::parse(as_bytes(ask_for_statistics(mount_point).text));
    if (statistics && statistics->root().is_object())
      each.statistics = std::move(*statistics);
    else
      each.is_dead = is_dead_mount(mount_point);
    known.push_back(std::move(each));
  }
  return known;
}

std::uint64_t number_of(const JsonDocument& statistics, std::string_view name) {
  const auto member = statistics.root().find(name);
  const std::int64_t number = member ? member->as_integer().value_or(0) : 0;
  return number > 0 ? static_cast<std::uint64_t>(number) : 0;
}

std::string hit_rate(const JsonDocument& statistics) {
  const std::uint64_t hits = number_of(statistics, "cacheHits"),
                      misses = number_of(statistics, "cacheMisses");
  if (hits + misses == 0) return "";
  return std::to_string(hits * 100 / (hits + misses)) + "%";
}

void print_text(const std::vector<KnownMount>& mounts, Output& output) {
  using enum Table::Align;
  Table table({{"USER"},
               {"VIEW"},
               {"CACHE", right},
               {"HITS", right},
               {"DECODED", right},
               {"MOUNTPOINT"},
               {"SOURCE"}});
  for (const auto& [mount_point, mount, statistics, is_dead] : mounts)
    table.add_row({mount.user ? printable(user_name(*mount.user)) : "",
                   mount.view ? std::string(name_of(*mount.view)) : "",
                   statistics ? human_size(number_of(*statistics, "cacheBytes"))
                   : is_dead  ? "dead"
                              : "?",
                   statistics ? hit_rate(*statistics) : "",
                   statistics ? human_size(number_of(*statistics, "decodedBytes")) : "",
                   printable(mount_point), printable(mount.source)});
  const TextStyle style = stdout_style();
  // Paths are not cut if the output is for scripts.
  output << table.text(style, !style.is_terminal);
}

void print_json(const std::vector<KnownMount>& mounts, Output& output) {
  JsonWriter json;
  json.begin_object().key("version").integer(kMountsVersion).key("mounts").begin_array();
  for (const auto& [mount_point, mount, statistics, is_dead] : mounts) {
    json.begin_object().key("mountPoint").string(mount_point).key("source").string(mount.source);
    json.key("uid");
    mount.user ? json.integer(*mount.user) : json.null();
    json.key("user");
    mount.user ? json.string(user_name(*mount.user)) : json.null();
    json.key("view").string(mount.view ? name_of(*mount.view) : "");
    json.key("isDead").boolean(is_dead).key("statistics");
    statistics ? json.value(statistics->root()) : json.null();
    json.end_object();
  }
  output << json.end_array().end_object().str() << "\n";
}

}  // namespace

void add_mounts_command(Command program, int& exit_code) {
  const auto is_json = std::make_shared<bool>(false);
  const Command command =
      program.add_subcommand("mounts", "List the layouts that are mounted, their users and caches");
  command.example("layoutfs mounts");
  command.example("layoutfs mounts --json | jq -r '.mounts[].mountPoint'");
  command.add_flag("--json", *is_json, "Print JSON").group(kOutputGroup);
  command.callback([is_json, &exit_code] {
    exit_code = with_output([&](Output& output) {
      const auto mounts = known_mounts();
      *is_json ? print_json(mounts, output) : print_text(mounts, output);
      return kDone;
    });
  });
}

}  // namespace layoutfs::tools
