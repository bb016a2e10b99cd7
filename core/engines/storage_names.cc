#include "core/engines/storage_names.h"

#include <algorithm>

#include "core/base/ascii.h"
#include "core/base/base64.h"
#include "core/base/check.h"
#include "core/cas/named_entries.h"
#include "core/oci/familiar_name.h"
#include "core/oci/repository_names.h"

namespace layoutfs {
namespace {

constexpr std::string_view kLocalhost = "localhost";
constexpr std::string_view kLatest = "latest";
constexpr std::size_t kMaxFileName = 255;  // NAME_MAX

bool is_small_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Returns the first `length` characters of the bytes `hex` (RFC 4648, section 6).
std::string base32_of_hex(std::string_view hex, std::size_t length) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  std::size_t bits = 0;
  unsigned count = 0;
  for (const char digit : hex) {
    bits = (bits << 4 | kHex.find(digit)) & 0xff;
    count += 4;
    if (count < 5) continue;
    count -= 5;
    text += kAlphabet[(bits >> count) & 31];
    if (text.size() == length) break;
  }
  return text;
}

// The registry may also be "localhost", which is none in RegistryReference.
std::string with_registry(std::string_view name) {
  const auto reference = RegistryReference::parse(name);
  if (!reference || !reference->digest.empty()) return "";
  const bool is_local = reference->host.empty() && reference->repository.starts_with("localhost/");
  if (reference->host.empty() && !is_local) return "";
  return full_image_name(name, kLatest).value_or("");
}

}  // namespace

std::vector<std::string> storage_layer_ids(std::span<const Digest> diff_ids) {
  std::vector<std::string> ids;
  for (const Digest& diff_id : diff_ids) {
    check(diff_id.algorithm() == Algorithm::sha256, "IDs of layers are made of SHA-256");
    ids.push_back(ids.empty() ? diff_id.hex() : Digest::of(as_bytes(ids.back() + "+" + diff_id.hex())).hex());
  }
  return ids;
}

std::string storage_link(std::string_view layer_id) {
  // As many characters as the random names of containers/storage have.
  constexpr std::size_t kLength = 26;
  return base32_of_hex(Digest::of(as_bytes(layer_id)).hex(), kLength);
}

std::optional<std::string> storage_item_file(std::string_view key) {
  if (key == "." || key == ".." || key.empty()) return std::nullopt;
  const bool is_plain = std::ranges::all_of(key, [](char c) { return is_small_or_digit(c) || c == '.'; });
  std::string name = is_plain ? std::string(key) : "=" + base64(as_bytes(key));
  // The alphabet of base64 has a slash.
  if (name.size() > kMaxFileName || name.contains('/')) return std::nullopt;
  return name;
}

std::string storage_manifest_key(const Digest& digest) { return "manifest-" + digest.str(); }

std::string storage_repository_of_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  std::string_view base = path.substr(path.rfind('/') + 1);
  if (base.size() > 4 && base.ends_with(".tar")) base.remove_suffix(4);
  std::string name;
  for (const char each : base) {
    const char c = lower_ascii(each);
    const bool is_separator = !is_small_or_digit(c);
    // Separators are single, and between other characters.
    if (is_separator && (name.empty() || !is_small_or_digit(name.back()))) continue;
    name += !is_separator || c == '.' || c == '_' ? c : '-';
  }
  while (!name.empty() && !is_small_or_digit(name.back())) name.pop_back();
  if (!is_repository_name(name)) name = "layout";
  return std::string(kLocalhost) + "/" + name;
}

std::string storage_repository_of_name(std::string_view repository) {
  const auto slash = repository.find('/');
  const std::string_view first = repository.substr(0, slash);
  if (slash != std::string_view::npos && (first == kLocalhost || is_registry_host(first)))
    return std::string(repository);
  return std::string(kLocalhost) + "/" + std::string(repository);
}

std::string storage_image_name(const Descriptor& entry, std::string_view repository) {
  const std::string_view ref_name = entry.ref_name().value_or("");
  if (std::string name = with_registry(ref_name); !name.empty()) return name;
  if (const auto full = full_name(entry))
    if (std::string name = with_registry(*full); !name.empty()) return name;
  if (is_tag(ref_name))
    return full_image_name(std::string(repository) + ":" + std::string(ref_name)).value_or("");
  const auto reference = RegistryReference::parse_relative(ref_name);
  if (!reference || !reference->digest.empty()) return "";
  return std::string(kLocalhost) + "/" + reference->repository + ":" +
         (reference->tag.empty() ? std::string(kLatest) : reference->tag);
}

}  // namespace layoutfs
