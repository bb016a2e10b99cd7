#include "core/remote/registries_conf.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/base/is_at_or_below.h"
#include "core/remote/toml_table.h"

namespace layoutfs {
namespace {

constexpr std::string_view kWildcard = "*.";
constexpr std::string_view kRegistriesConf = "/registries.conf", kDropIns = "/registries.conf.d";

// Returns the size of the part of `name` that `prefix` matches; 0 if it does not.
std::size_t matching_size(std::string_view name, std::string_view prefix) {
  if (!prefix.starts_with(kWildcard)) {
    // An empty prefix has the size 0, so it never matches.
    return is_at_or_below(name, prefix) ? prefix.size() : 0;
  }
  const std::string_view domain = name.substr(0, name.find_first_of(":/"));
  const std::string_view suffix = prefix.substr(1);
  return domain.size() > suffix.size() && domain.ends_with(suffix) ? domain.size() : 0;
}

// Reads a prefix or a location, without the slashes at its end.
Result<std::string> name_member(const TomlTable& table, std::string_view member) {
  auto text = table.text(member);
  if (!text) return text;
  if (text->contains("://")) return table.malformed(member, "expected HOST[:PORT][/PATH] without a scheme");
  text->resize(text->find_last_not_of('/') + 1);
  return text;
}

Result<RegistryMirror> parse_mirror(const TomlTable& table, bool is_by_digest) {
  RegistryMirror mirror;
  auto location = name_member(table, "location");
  if (!location) return fail(std::move(location).error());
  if (location->empty()) return table.malformed("location", "missing in [[registry.mirror]]");
  mirror.location = std::move(*location);
  const auto insecure = table.flag("insecure");
  if (!insecure) return fail(Error(insecure.error()));
  mirror.is_insecure = insecure->value_or(false);
  const auto use = table.text("pull-from-mirror");
  if (!use) return fail(Error(use.error()));
  if (is_by_digest && !use->empty())
    return table.malformed("pull-from-mirror", "conflicts with mirror-by-digest-only");
  if (is_by_digest || *use == "digest-only")
    mirror.use = RegistryMirror::Use::by_digest;
  else if (*use == "tag-only")
    mirror.use = RegistryMirror::Use::by_tag;
  else if (!use->empty() && *use != "all")
    return table.malformed("pull-from-mirror", "expected all, digest-only or tag-only");
  return mirror;
}

Status parse_names(const TomlTable& table, RegistryEntry& entry) {
  auto prefix = name_member(table, "prefix");
  if (!prefix) return fail(std::move(prefix).error());
  auto location = name_member(table, "location");
  if (!location) return fail(std::move(location).error());
  if (prefix->empty() && location->empty())
    return table.malformed("location", "missing in [[registry]], as is prefix");
  const bool is_wildcard = prefix->starts_with(kWildcard);
  if (is_wildcard && prefix->find_first_of("/@:") != std::string::npos)
    return table.malformed("prefix", "expected *.DOMAIN, without a port or a path");
  // Without this rule of containers-registries.conf(5), a misspelt location would be ignored.
  if (!is_wildcard && location->empty()) return table.malformed("location", "missing in [[registry]]");
  entry.prefix = prefix->empty() ? *location : std::move(*prefix);
  entry.location = std::move(*location);
  return {};
}

Result<RegistryEntry> parse_entry(const TomlTable& table) {
  RegistryEntry entry{.place = table.place()};
  if (auto names = parse_names(table, entry); !names) return fail(std::move(names).error());
  bool is_by_digest = false;
  const std::array flags = {std::pair("insecure", &entry.is_insecure),
                            std::pair("blocked", &entry.is_blocked),
                            std::pair("mirror-by-digest-only", &is_by_digest)};
  for (const auto& [name, flag] : flags) {
    const auto value = table.flag(name);
    if (!value) return fail(Error(value.error()));
    *flag = value->value_or(false);
  }
  const auto mirrors = table.tables("mirror");
  if (!mirrors) return fail(Error(mirrors.error()));
  for (const TomlTable& mirror : *mirrors) {
    auto parsed = parse_mirror(mirror, is_by_digest);
    if (!parsed) return fail(std::move(parsed).error());
    entry.mirrors.push_back(std::move(*parsed));
  }
  return entry;
}

// Adds the lists of version 1, which old installations still have: hosts that are insecure or blocked.
Status add_old_lists(const TomlTable& root, std::vector<RegistryEntry>& entries) {
  const auto registries = root.table("registries");
  if (!registries || !*registries) return registries ? Status() : fail(Error(registries.error()));
  const std::array lists = {std::pair("insecure", &RegistryEntry::is_insecure),
                            std::pair("block", &RegistryEntry::is_blocked)};
  for (const auto& [list, flag] : lists) {
    const auto table = (*registries)->table(list);
    if (!table) return fail(Error(table.error()));
    if (!*table) continue;
    const auto hosts = (*table)->texts("registries");
    if (!hosts) return fail(Error(hosts.error()));
    for (const std::string& host : *hosts) {
      auto entry = std::ranges::find(entries, host, &RegistryEntry::prefix);
      if (entry == entries.end())
        entry = entries.insert(entry, {.prefix = host, .location = host, .place = (*table)->place()});
      (*entry).*flag = true;
    }
  }
  return {};
}

Result<std::vector<RegistryEntry>> parse_entries(const TomlDocument& document) {
  const TomlTable root(document);
  const auto tables = root.tables("registry");
  if (!tables) return fail(Error(tables.error()));
  std::vector<RegistryEntry> entries;
  for (const TomlTable& table : *tables) {
    auto entry = parse_entry(table);
    if (!entry) return fail(std::move(entry).error());
    if (std::ranges::find(entries, entry->prefix, &RegistryEntry::prefix) == entries.end())
      entries.push_back(std::move(*entry));
  }
  if (auto added = add_old_lists(root, entries); !added) return fail(std::move(added).error());
  return entries;
}

}  // namespace

std::string RegistryEntry::rewritten(std::string_view name, std::string_view new_location) const {
  if (new_location.empty()) return std::string(name);
  return std::string(new_location) + std::string(name.substr(matching_size(name, prefix)));
}

Result<RegistriesConf> RegistriesConf::read(const ConfigPaths& paths) {
  RegistriesConf conf;
  const std::string own = paths.user.empty() ? "" : paths.user + std::string(kRegistriesConf);
  const bool is_chosen = !paths.registries_conf.empty();
  std::error_code error;
  const bool is_own = !is_chosen && !own.empty() && std::filesystem::exists(own, error);
  const std::string system = paths.system + std::string(kRegistriesConf);
  Status status = conf.add_file(is_chosen ? paths.registries_conf : is_own ? own : system, is_chosen);
  if (status && !is_own) status = conf.add_drop_ins(paths.system + std::string(kDropIns));
  if (status && !paths.user.empty()) status = conf.add_drop_ins(paths.user + std::string(kDropIns));
  if (!status) return fail(std::move(status).error());
  return conf;
}

Status RegistriesConf::add_file(const std::string& path, bool is_required) {
  const auto document = TomlDocument::read(path);
  if (!document) return fail(Error(document.error()));
  if (!*document) {
    if (!is_required) return {};
    return fail(Error(Errc::not_found, path + ": file of registries does not exist")
                    .with_hint("check CONTAINERS_REGISTRIES_CONF"));
  }
  auto entries = parse_entries(**document);
  if (!entries) return fail(std::move(entries).error());
  for (RegistryEntry& entry : *entries) {
    const auto before = std::ranges::find(entries_, entry.prefix, &RegistryEntry::prefix);
    if (before == entries_.end())
      entries_.push_back(std::move(entry));
    else
      *before = std::move(entry);
  }
  return {};
}

Status RegistriesConf::add_drop_ins(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator file(directory, error), end; !error && file != end;
       file.increment(error))
    if (file->path().extension() == ".conf") files.push_back(file->path());
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    return fail(Error::system(error.value(), directory));
  std::ranges::sort(files);
  for (const std::string& file : files)
    if (!std::filesystem::is_directory(file, error))
      if (auto added = add_file(file, false); !added) return added;
  return {};
}

const RegistryEntry* RegistriesConf::find(std::string_view name) const {
  const RegistryEntry* found = nullptr;
  for (const RegistryEntry& entry : entries_)
    if (matching_size(name, entry.prefix) > 0 &&
        (found == nullptr || entry.prefix.size() > found->prefix.size()))
      found = &entry;
  return found;
}

}  // namespace layoutfs
