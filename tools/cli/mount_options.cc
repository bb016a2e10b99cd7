// The parser of -o.
#include "tools/cli/mount_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <utility>

#include "core/base/nearest_word.h"
#include "fs/fuse/mount_table.h"

namespace layoutfs {
namespace {

std::unexpected<Error> bad_value(std::string_view name, std::string_view value, const std::string& expected) {
  return fail(Errc::invalid_argument,
              "mount option " + std::string(name) + "=" + std::string(value) + ": expected " + expected);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return std::nullopt;
  return number;
}

struct Unit {
  char letter;
  std::uint64_t factor;
};

// Parses a number with an optional one-letter unit.
std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  std::uint64_t factor = 1;
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.letter)) continue;
    factor = unit.factor;
    text.remove_suffix(1);
    break;
  }
  const auto number = parse_number(text);
  if (!number || *number > std::numeric_limits<std::int64_t>::max() / factor) return std::nullopt;
  return *number * factor;
}

// Passed to libfuse unchanged.
constexpr std::array<std::string_view, 10> kKernelOptions{"allow_other",  "allow_root", "suid", "nosuid",
                                                          "dev",          "nodev",      "exec", "noexec",
                                                          "auto_unmount", "noatime"};
// Ignored: always in force, or meant for mount(8) and readers of fstab.
constexpr std::array<std::string_view, 14> kIgnoredOptions{
    "ro",     "rw",    "defaults", "auto",   "noauto",  "user",     "users",
    "nouser", "owner", "group",    "nofail", "_netdev", "relatime", "default_permissions"};

struct FlagOption {
  std::string_view name;
  void (*set)(MountOptions&);
};
constexpr std::array kFlagOptions{
    FlagOption{"repositories", [](MountOptions& o) { o.is_of_repositories = true; }},
    FlagOption{"follow_links", [](MountOptions& o) { o.follow_links = true; }},
    FlagOption{"prefetch", [](MountOptions& o) { o.prefetches = true; }},
    FlagOption{"acl", [](MountOptions& o) { o.acl = true; }},
    FlagOption{"noacl", [](MountOptions& o) { o.acl = false; }},
};

using Setter = Status (*)(MountOptions&, std::string_view);
struct ValueOption {
  std::string_view name;
  std::string_view value;  // the kind of the value, as in KnownMountOption
  Setter set;
};

Status set_id(std::optional<std::uint32_t>& id, std::string_view name, std::string_view value) {
  const auto number = parse_number(value);
  // chown(2) reserves the last number for "unchanged".
  if (!number || *number >= std::numeric_limits<std::uint32_t>::max())
    return bad_value(name, value, "a number");
  id = static_cast<std::uint32_t>(*number);
  return {};
}

Status set_size(std::uint64_t& bytes, std::string_view name, std::string_view value) {
  const auto size = parse_size(value);
  if (!size) return fail(Error(size.error()).with("mount option " + std::string(name)));
  bytes = *size;
  return {};
}

struct NamedView {
  std::string_view name;
  EngineView view;
};
constexpr std::array kEngineViews{NamedView{"containers-storage", EngineView::containers_storage},
                                  NamedView{"containerd", EngineView::containerd}};

Status set_engine_view(MountOptions& options, std::string_view value) {
  if (const auto found = std::ranges::find(kEngineViews, value, &NamedView::name);
      found != kEngineViews.end()) {
    options.engine_view = found->view;
    return {};
  }
  std::string names;
  for (const NamedView& each : kEngineViews) names += (names.empty() ? "" : " or ") + std::string(each.name);
  Error error(Errc::invalid_argument, "mount option view=" + std::string(value) + ": unknown view");
  return fail(std::move(error).with_hint("use view=" + names));
}

constexpr std::array kValueOptions{
    ValueOption{"uid", "N", [](MountOptions& o, std::string_view v) { return set_id(o.uid, "uid", v); }},
    ValueOption{"gid", "N", [](MountOptions& o, std::string_view v) { return set_id(o.gid, "gid", v); }},
    ValueOption{"platform", "OS[/ARCH[/VARIANT]]",
                [](MountOptions& o, std::string_view v) -> Status {
                  o.platform = v;
                  return {};
                }},
    ValueOption{"cache_dir", "DIR",
                [](MountOptions& o, std::string_view v) -> Status {
                  o.cache_dir = v;
                  return {};
                }},
    ValueOption{"cache_size", "SIZE",
                [](MountOptions& o, std::string_view v) { return set_size(o.cache_size, "cache_size", v); }},
    ValueOption{"cache_disk", "SIZE",
                [](MountOptions& o, std::string_view v) { return set_size(o.cache_disk, "cache_disk", v); }},
    ValueOption{
        "cache_remote", "SIZE",
        [](MountOptions& o, std::string_view v) { return set_size(o.cache_remote, "cache_remote", v); }},
    ValueOption{"authfile", "FILE",
                [](MountOptions& o, std::string_view v) -> Status {
                  o.auth_file = v;
                  return {};
                }},
    ValueOption{"tls_verify", "true|false",
                [](MountOptions& o, std::string_view v) -> Status {
                  if (v != "true" && v != "false") return bad_value("tls_verify", v, "true or false");
                  o.tls_verify = v;
                  return {};
                }},
    ValueOption{"net_timeout", "TIME",
                [](MountOptions& o, std::string_view v) -> Status {
                  const auto duration = parse_duration(v);
                  if (!duration) return fail(Error(duration.error()).with("mount option net_timeout"));
                  o.net_timeout = *duration;
                  return {};
                }},
    ValueOption{"net", "fail|wait",
                [](MountOptions& o, std::string_view v) -> Status {
                  if (v != "fail" && v != "wait") return bad_value("net", v, "fail or wait");
                  o.waits_for_net = v == "wait";
                  return {};
                }},
    ValueOption{"verify", "on|off",
                [](MountOptions& o, std::string_view v) -> Status {
                  if (v != "on" && v != "off") return bad_value("verify", v, "on or off");
                  o.verify = v == "on";
                  return {};
                }},
    ValueOption{"kernel", "auto|yes|no",
                [](MountOptions& o, std::string_view v) -> Status {
                  if (v != "auto" && v != "yes" && v != "no")
                    return bad_value("kernel", v, "auto, yes or no");
                  o.view = v == "yes"  ? std::optional(View::kernel)
                           : v == "no" ? std::optional(View::fuse)
                                       : std::nullopt;
                  return {};
                }},
    ValueOption{"view", "containers-storage|containerd", set_engine_view},
    ValueOption{"idle_timeout", "TIME",
                [](MountOptions& o, std::string_view v) -> Status {
                  const auto duration = parse_duration(v);
                  if (!duration) return fail(Error(duration.error()).with("mount option idle_timeout"));
                  o.idle_timeout = *duration;
                  return {};
                }},
    ValueOption{"max_threads", "N",
                [](MountOptions& o, std::string_view v) -> Status {
                  const auto number = parse_number(v);
                  if (!number || *number < 1 || *number > 1000)
                    return bad_value("max_threads", v, "1 to 1000");
                  o.max_threads = static_cast<unsigned>(*number);
                  return {};
                }},
    ValueOption{"log_format", "text|json",
                [](MountOptions& o, std::string_view v) -> Status {
                  if (v != "text" && v != "json") return bad_value("log_format", v, "text or json");
                  o.log_format = v == "json" ? LogFormat::json : LogFormat::text;
                  return {};
                }},
    ValueOption{"fsname", "NAME",
                [](MountOptions& o, std::string_view v) -> Status {
                  o.fsname = v;
                  return {};
                }},
};

std::unexpected<Error> unknown(std::string_view name) {
  NearestWord search(name);
  for (const KnownMountOption& option : known_mount_options()) search.consider(option.name);
  const std::string& nearest = search.found();
  return fail(Errc::invalid_argument, "unknown mount option '" + std::string(name) + "'" +
                                          (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
}

std::string without_escapes(std::string_view option) {
  std::string text;
  for (std::size_t i = 0; i < option.size(); ++i) {
    if (option[i] != '\\' || i + 1 == option.size()) {
      text += option[i];
      continue;
    }
    const auto byte = option[i + 1] <= '3' ? octal_escape(option.substr(i + 1)) : std::nullopt;
    if (byte) {
      text += *byte;
      i += 3;
    } else {
      text += option[++i];
    }
  }
  return text;
}

}  // namespace

std::string_view name_of(EngineView view) noexcept {
  return std::ranges::find(kEngineViews, view, &NamedView::view)->name;
}

std::vector<KnownMountOption> known_mount_options() {
  std::vector<KnownMountOption> known;
  for (const ValueOption& option : kValueOptions) known.push_back({option.name, option.value});
  for (const FlagOption& option : kFlagOptions) known.push_back({option.name, ""});
  for (const std::string_view name : kKernelOptions) known.push_back({name, ""});
  for (const std::string_view name : kIgnoredOptions) known.push_back({name, ""});
  return known;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  constexpr std::array kUnits{Unit{'K', 1ULL << 10}, Unit{'M', 1ULL << 20}, Unit{'G', 1ULL << 30},
                              Unit{'T', 1ULL << 40}};
  const auto size = parse_with_unit(text, kUnits);
  if (!size)
    return fail(Errc::invalid_argument,
                "size '" + std::string(text) + "': expected a number of bytes, or one with K, M, G or T");
  return *size;
}

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::array kUnits{Unit{'s', 1}, Unit{'m', 60}, Unit{'h', 3600}, Unit{'d', 86400}};
  const auto seconds = parse_with_unit(text, kUnits);
  // More than a century is a mistake, and would overflow clocks that count nanoseconds.
  if (!seconds || *seconds > 100ULL * 366 * 86400)
    return fail(Errc::invalid_argument,
                "duration '" + std::string(text) + "': expected seconds, or a number with s, m, h or d");
  return std::chrono::seconds(*seconds);
}

Status add_mount_option(MountOptions& options, std::string_view option) {
  if (option.empty()) return {};
  const auto equals = option.find('=');
  const std::string_view name = option.substr(0, equals);
  const bool has_value = equals != std::string_view::npos;
  const std::string_view value = has_value ? option.substr(equals + 1) : "";
  if (const auto found = std::ranges::find(kValueOptions, name, &ValueOption::name);
      found != kValueOptions.end()) {
    if (value.empty())
      return fail(Errc::invalid_argument, "mount option " + std::string(name) + " needs a value");
    return found->set(options, value);
  }
  if (name.starts_with("x-") || name == "comment") return {};
  const bool is_kernel_option = std::ranges::find(kKernelOptions, name) != kKernelOptions.end();
  const auto flag = std::ranges::find(kFlagOptions, name, &FlagOption::name);
  const bool is_flag = flag != kFlagOptions.end();
  if (!is_kernel_option && !is_flag && std::ranges::find(kIgnoredOptions, name) == kIgnoredOptions.end())
    return unknown(name);
  if (has_value) return fail(Errc::invalid_argument, "mount option " + std::string(name) + " takes no value");
  if (is_kernel_option) options.kernel.emplace_back(name);
  if (is_flag) flag->set(options);
  return {};
}

std::vector<std::string_view> split_mount_options(std::string_view argument) {
  std::vector<std::string_view> options;
  std::size_t start = 0;
  for (std::size_t i = 0; i < argument.size(); ++i) {
    if (argument[i] == '\\') {
      ++i;
    } else if (argument[i] == ',') {
      options.push_back(argument.substr(start, i - start));
      start = i + 1;
    }
  }
  options.push_back(argument.substr(start));
  return options;
}

Status add_mount_options(MountOptions& options, std::string_view argument) {
  for (const std::string_view option : split_mount_options(argument)) {
    const std::string text = without_escapes(option);
    // A C string would end at the NUL byte.
    if (text.find('\0') != std::string::npos)
      return fail(Errc::invalid_argument, "mount option '" + std::string(option) + "' contains a NUL byte");
    if (auto added = add_mount_option(options, text); !added) return added;
  }
  return {};
}

}  // namespace layoutfs
