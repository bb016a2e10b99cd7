// Platforms, normalized and compared as containerd does (github.com/containerd/platforms).
#include "layoutfs/platform.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <vector>

#include "core/base/ascii.h"
#include "layoutfs/documents.h"

namespace layoutfs {
namespace {

struct Alias {
  std::string_view name, architecture, variant;
};
// Names of uname(2), Debian and others that differ from Go's.
constexpr std::array kAliases{
    Alias{"x86_64", "amd64", ""},
    Alias{"x86-64", "amd64", ""},
    Alias{"i386", "386", ""},
    Alias{"i486", "386", ""},
    Alias{"i586", "386", ""},
    Alias{"i686", "386", ""},
    Alias{"x86", "386", ""},
    Alias{"aarch64", "arm64", ""},
    Alias{"armhf", "arm", "v7"},
    Alias{"armel", "arm", "v6"},
    Alias{"armv5l", "arm", "v5"},
    Alias{"armv5tel", "arm", "v5"},
    Alias{"armv5tejl", "arm", "v5"},
    Alias{"armv6l", "arm", "v6"},
    Alias{"armv7l", "arm", "v7"},
    Alias{"armv8l", "arm", "v8"},
    Alias{"loongarch64", "loong64", ""},
};
// Go's names of the architectures of images.
constexpr std::array<std::string_view, 14> kArchitectures{
    "386",      "amd64",  "arm",   "arm64",   "loong64", "mips",  "mips64",
    "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm"};

std::string lower_text(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower_ascii);
  return result;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._-").find(c) != std::string_view::npos;
}

// The versions of these architectures are ordered: programs for one run on all later ones.
bool has_ordered_variants(std::string_view architecture) {
  return architecture == "arm" || architecture == "arm64" || architecture == "amd64";
}

// "v8" is 800, "v8.2" is 802; nullopt if it is not a version.
std::optional<int> level_of(std::string_view variant) {
  if (!variant.starts_with('v')) return std::nullopt;
  variant.remove_prefix(1);
  const auto take_number = [&](std::string_view digits) -> std::optional<int> {
    int number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool is_whole = error == std::errc() && end == digits.data() + digits.size();
    return is_whole && number >= 0 && number < 100 ? std::optional(number) : std::nullopt;
  };
  const auto dot = variant.find('.');
  const auto major = take_number(variant.substr(0, dot));
  const auto minor = dot == std::string_view::npos ? std::optional(0) : take_number(variant.substr(dot + 1));
  if (!major || !minor) return std::nullopt;
  return *major * 100 + *minor;
}

// platform_distance() of normalized platforms, ignoring features.
std::optional<int> distance(const Platform& entry, const Platform& wanted) {
  if (entry.os != wanted.os || entry.architecture != wanted.architecture) return std::nullopt;
  if (entry.variant == wanted.variant) return 0;
  if (!has_ordered_variants(wanted.architecture)) return std::nullopt;
  const auto level = [](const Platform& platform) {
    // amd64 without a variant is amd64/v1; normalized platforms of other architectures always have one.
    return platform.variant.empty() ? std::optional(100) : level_of(platform.variant);
  };
  const auto entry_level = level(entry);
  const auto wanted_level = level(wanted);
  if (!entry_level || !wanted_level || *entry_level > *wanted_level) return std::nullopt;
  return *wanted_level - *entry_level;
}

}  // namespace

bool is_without_platform(const Descriptor& entry) {
  return !entry.platform || (entry.platform->os.empty() && entry.platform->architecture.empty());
}

std::optional<int> platform_distance(const Platform& image, const Platform& wanted) {
  const auto& features = wanted.os_features;
  const bool has_features = std::ranges::all_of(image.os_features, [&](const std::string& needed) {
    return std::ranges::find(features, needed) != features.end();
  });
  if (!has_features) return std::nullopt;
  return distance(normalized(image), normalized(wanted));
}

Platform normalized(Platform platform) {
  platform = {lower_text(platform.os), lower_text(platform.architecture), lower_text(platform.variant)};
  if (platform.os == "macos") platform.os = "darwin";
  const auto alias = std::ranges::find(kAliases, platform.architecture, &Alias::name);
  if (alias != kAliases.end()) {
    platform.architecture = alias->architecture;
    if (!alias->variant.empty()) platform.variant = alias->variant;
  }
  if (platform.architecture == "arm" || platform.architecture == "arm64") {
    if (platform.variant.empty()) platform.variant = platform.architecture == "arm" ? "v7" : "v8";
    if (platform.variant.front() >= '0' && platform.variant.front() <= '9')
      platform.variant.insert(0, 1, 'v');
    if (platform.variant == "v8.0") platform.variant = "v8";
  } else if (platform.architecture == "386" ||
             (platform.architecture == "amd64" && platform.variant == "v1")) {
    platform.variant.clear();
  }
  return platform;
}

bool is_attestation(const Descriptor& entry) {
  if (entry.annotation("vnd.docker.reference.type")) return true;
  return entry.platform && entry.platform->os == "unknown" && entry.platform->architecture == "unknown";
}

bool is_not_image(const Descriptor& entry) {
  const std::string& type = entry.artifact_type;
  const bool is_artifact =
      !type.empty() && !is_config_type(type) && document_kind(type) == DocumentKind::other;
  return is_attestation(entry) || is_artifact;
}

Result<Platform> parse_platform(std::string_view text) {
  const auto invalid = [&] {
    return fail(Errc::invalid_argument,
                "invalid platform '" + std::string(text) + "', expected os[/arch[/variant]]");
  };
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '/') {
      parts.emplace_back();
    } else if (is_name_character(c)) {
      parts.back() += c;
    } else {
      return invalid();
    }
  }
  if (parts.size() > 3 || std::ranges::any_of(parts, &std::string::empty)) return invalid();
  const Platform host = host_platform();
  if (parts.size() == 1) {
    Platform alone = normalized({host.os, parts[0], ""});
    if (alone.architecture == host.architecture) return host;
    if (std::ranges::find(kArchitectures, alone.architecture) != kArchitectures.end()) return alone;
    return normalized({parts[0], host.architecture, host.variant});
  }
  if (parts.size() == 2) parts.push_back(lower_text(parts[1]) == host.architecture ? host.variant : "");
  return normalized({parts[0], parts[1], parts[2]});
}

Platform host_platform() {
  utsname names{};
  // Fails only for an invalid address.
  ::uname(&names);
  return normalized({names.sysname, names.machine, ""});
}

std::string to_string(const Platform& platform) {
  const auto known = [](const std::string& name) { return name.empty() ? std::string("unknown") : name; };
  std::string text = known(platform.os) + "/" + known(platform.architecture);
  if (!platform.variant.empty()) text += "/" + platform.variant;
  return text;
}

std::string to_file_name(const Platform& platform) {
  // Three of these fit into the 255 bytes of a name.
  constexpr std::size_t kMaxPart = 80;
  const auto part = [](const std::string& name) {
    std::string text = name.empty() ? "unknown" : name.substr(0, kMaxPart);
    std::ranges::replace_if(text, [](char c) { return !is_name_character(c); }, '_');
    return text;
  };
  std::string text = part(platform.os) + "-" + part(platform.architecture);
  if (!platform.variant.empty()) text.append(1, '-').append(part(platform.variant));
  return text;
}

std::optional<std::size_t> choose_platform(std::span<const Descriptor> entries, const Platform& wanted) {
  constexpr int kWithoutPlatform = std::numeric_limits<int>::max();
  std::optional<std::size_t> best;
  int best_distance = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& entry = entries[i];
    if (is_not_image(entry)) continue;
    const auto found =
        is_without_platform(entry) ? kWithoutPlatform : platform_distance(*entry.platform, wanted);
    if (!found || (best && *found >= best_distance)) continue;
    best = i;
    best_distance = *found;
  }
  return best;
}

}  // namespace layoutfs
