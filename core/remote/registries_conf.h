// Which servers have the content of a registry: registries.conf (containers-registries.conf(5)).
//
// Of version 1 of the format, the lists registries.insecure and registries.block are read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/remote/config_paths.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A [[registry.mirror]].
struct RegistryMirror {
  enum class Use : std::uint8_t { all, by_digest, by_tag };
  std::string location;  // HOST[:PORT][/PATH], which replaces the prefix
  bool is_insecure = false;
  Use use = Use::all;
};

// A [[registry]].
struct RegistryEntry {
  std::string prefix;    // HOST[:PORT][/PATH], or "*.DOMAIN" for its subdomains
  std::string location;  // as of a mirror; empty if the name itself is the location
  bool is_insecure = false;
  bool is_blocked = false;
  std::vector<RegistryMirror> mirrors;  // in the order to try
  std::string place;                    // "PATH:LINE", for messages

  // Returns `name` (HOST/REPOSITORY) with `location` in place of the prefix; `name` if `location` is empty.
  // Precondition: the entry was found for `name`.
  std::string rewritten(std::string_view name, std::string_view location) const;
  // Returns whether content may be elsewhere than its name says.
  bool redirects() const { return !mirrors.empty() || (!location.empty() && location != prefix); }
};

class RegistriesConf {
 public:
  // Reads `paths.registries_conf` if it is set, otherwise registries.conf of the user, otherwise the
  // system's; then the drop-ins registries.conf.d/*.conf in alphabetical order, of the system (unless the
  // user's own file was used), then of the user. A later entry of the same prefix replaces the earlier one;
  // within a file, the first one counts. Files may be missing, except the first. Errc::not_found,
  // Errc::invalid_argument (malformed, with path and line), Errc::io.
  static Result<RegistriesConf> read(const ConfigPaths& paths);

  // Returns the entry with the longest prefix of `name` (HOST[/REPOSITORY]); nullptr if there is none.
  // Prefixes end at a '/' or at the end of the name.
  const RegistryEntry* find(std::string_view name) const;

 private:
  Status add_file(const std::string& path, bool is_required);
  Status add_drop_ins(const std::string& directory);

  std::vector<RegistryEntry> entries_;
};

}  // namespace layoutfs
