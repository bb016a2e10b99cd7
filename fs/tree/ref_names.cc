// Paths for the names of references.
#include "fs/tree/ref_names.h"

#include <algorithm>

#include "core/base/split.h"
#include "core/cas/named_entries.h"
#include "core/oci/entry_names.h"
#include "core/oci/repository_names.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMaxComponent = 255;  // NAME_MAX
constexpr std::size_t kMaxPath = 2048;      // well below PATH_MAX, with room for the mount point
constexpr std::size_t kMaxDepth = 16;       // bounds the memory for the directories of one name

bool is_path(std::string_view name, const std::vector<std::string>& components) {
  return name.size() <= kMaxPath && components.size() <= kMaxDepth &&
         name.find('\0') == std::string_view::npos &&
         std::ranges::all_of(components, [](const std::string& component) {
           return !component.empty() && component != "." && component != ".." &&
                  component.size() <= kMaxComponent;
         });
}

std::string encode(std::string_view name) {
  const bool is_dots = name == "." || name == "..";
  std::string encoded;
  for (const char c : name) {
    if (c == '%' || c == '/' || c == '\0' || is_dots)
      encoded += percent_encoded(c);
    else
      encoded += c;
  }
  return encoded;
}

// Adds `digest` at the path. Returns false if another entry is in the way.
bool put(RefDirectory& root, const std::vector<std::string>& components, const Digest& digest) {
  RefDirectory* directory = &root;
  for (std::size_t i = 0; i + 1 < components.size(); ++i) {
    const auto found = directory->children.find(components[i]);
    if (found == directory->children.end()) {
      auto& made = directory->children.emplace(components[i], RefDirectory()).first->second;
      directory = &std::get<RefDirectory>(made);
    } else if (auto* below = std::get_if<RefDirectory>(&found->second)) {
      directory = below;
    } else {
      return false;
    }
  }
  const auto [found, is_new] = directory->children.try_emplace(components.back(), digest);
  const auto* there = std::get_if<Digest>(&found->second);
  return is_new || (there != nullptr && *there == digest);
}

void put_encoded(RefDirectory& root, std::string_view name, const Digest& digest) {
  std::string encoded = encode(name);
  const std::string suffix = "@" + std::string(digest.short_hex());
  if (encoded.size() <= kMaxComponent && put(root, {encoded}, digest)) return;
  encoded.resize(std::min(encoded.size(), kMaxComponent - suffix.size()));
  // Only a name that imitates this form could already exist.
  put(root, {encoded + suffix}, digest);
}

std::string_view without_repository(std::string_view name, std::string_view repository) {
  if (repository.empty() || !name.starts_with(repository)) return name;
  std::string_view tag = name.substr(repository.size());
  if (!tag.starts_with(':')) return name;
  tag.remove_prefix(1);
  return is_tag(tag) ? tag : name;
}

// Returns its ref.name, or its full name if it has no other, or if other images have the same ref.name.
std::string_view name_of(const EntryNames& names, const std::vector<Descriptor>& entries,
                         std::size_t position) {
  const std::string_view name = entries[position].ref_name().value_or("");
  const auto full = full_name(entries[position]);
  return full && names.label(position) != name ? *full : name;
}

}  // namespace

std::string percent_encoded(char c) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  return {'%', kHex[byte >> 4], kHex[byte & 15]};
}

RefDirectory lay_out_references(const std::vector<Descriptor>& entries, std::string_view repository) {
  RefDirectory root;
  const EntryNames names(entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Descriptor& entry = entries[i];
    const std::string_view name = without_repository(name_of(names, entries, i), repository);
    if (name.empty()) continue;
    std::vector<std::string> components = split(name, '/');
    if (!is_path(name, components)) {
      put_encoded(root, name, entry.digest);
      continue;
    }
    if (put(root, components, entry.digest)) continue;
    components.back() += "@" + std::string(entry.digest.short_hex());
    if (components.back().size() > kMaxComponent || !put(root, components, entry.digest))
      put_encoded(root, name, entry.digest);
  }
  return root;
}

}  // namespace layoutfs
