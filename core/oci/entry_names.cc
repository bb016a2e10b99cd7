#include "core/oci/entry_names.h"

#include <algorithm>
#include <utility>

#include "core/cas/find_digest.h"
#include "core/cas/named_entries.h"
#include "core/oci/familiar_name.h"

namespace layoutfs {
namespace {

// An empty name counts as absent.
std::optional<std::string_view> ref_name_of(const Descriptor& entry) {
  const auto name = entry.ref_name();
  return name && !name->empty() ? name : std::nullopt;
}

bool ends_in_tag(std::optional<std::string_view> name, std::string_view tag) {
  return name && name->size() > tag.size() && name->ends_with(tag) &&
         name->at(name->size() - tag.size() - 1) == ':';
}

}  // namespace

EntryNames::EntryNames(const std::vector<Descriptor>& entries) : entries_(entries) {
  const auto note = [&](Names& names, std::optional<std::string_view> name, std::size_t position) {
    if (!name) return;
    const auto [found, is_new] = names.try_emplace(*name, Holders{position});
    if (!is_new && !is_same_image(entries_[found->second.first], entries_[position]))
      found->second.is_shared = true;
  };
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    note(ref_names_, ref_name_of(entries_[i]), i);
    note(full_names_, full_name(entries_[i]), i);
    by_digest_[entries_[i].digest.hex()].push_back(i);
  }
}

template <class Matches>
std::vector<std::size_t> EntryNames::positions(Matches matches) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (matches(entries_[i])) found.push_back(i);
  return found;
}

EntryNames::Found EntryNames::match(std::string_view name) const {
  if (name.empty()) return {};
  if (ref_names_.contains(name))
    return {Rule::ref_name, positions([&](const Descriptor& entry) { return entry.ref_name() == name; })};
  if (full_names_.contains(name))
    return {Rule::full_name, positions([&](const Descriptor& entry) { return full_name(entry) == name; })};
  if (auto found = find_with_digest(name); !found.empty()) return {Rule::with_digest, std::move(found)};
  if (auto found = find_familiar(name, {}); !found.empty()) return {Rule::familiar, std::move(found)};
  if (auto found = find_tag(name); !found.empty()) return {Rule::tag, std::move(found)};
  if (auto found = find_familiar(name, "latest"); !found.empty()) return {Rule::latest, std::move(found)};
  return {};
}

std::vector<std::size_t> EntryNames::find_with_digest(std::string_view name) const {
  const auto at = name.rfind('@');
  if (at == std::string_view::npos || at == 0) return {};
  const std::string_view digest = name.substr(at + 1);
  const std::string_view own = name.substr(0, at);
  const auto is_named = [&](const Descriptor& entry) {
    return (entry.ref_name() == own || full_name(entry) == own) && begins_digest(digest, entry.digest);
  };
  if (auto found = positions(is_named); !found.empty()) return found;
  std::vector<std::size_t> found = find(own);
  std::erase_if(found,
                [&](std::size_t position) { return !begins_digest(digest, entries_[position].digest); });
  return found;
}

std::vector<std::size_t> EntryNames::find_familiar(std::string_view name,
                                                   std::string_view implied_tag) const {
  const auto full = full_image_name(name, implied_tag);
  if (!full) return {};
  const auto is_it = [&](std::optional<std::string_view> own) {
    return own && full_image_name(*own) == full;
  };
  return positions(
      [&](const Descriptor& entry) { return is_it(full_name(entry)) || is_it(entry.ref_name()); });
}

std::vector<std::size_t> EntryNames::find_tag(std::string_view tag) const {
  return positions([&](const Descriptor& entry) {
    return ends_in_tag(entry.ref_name(), tag) || ends_in_tag(full_name(entry), tag);
  });
}

std::string EntryNames::label(std::size_t position) const {
  const Descriptor& entry = entries_[position];
  const auto name = ref_name_of(entry), full = full_name(entry);
  if (name && !ref_names_.at(*name).is_shared) return std::string(*name);
  // A ref.name takes precedence over an equal full name.
  if (full && !full_names_.at(*full).is_shared && !ref_names_.contains(*full)) return std::string(*full);
  if (!name && !full) return "@" + std::to_string(position);
  const std::string_view own = full ? *full : *name;
  const bool is_only_one = std::ranges::all_of(by_digest_.at(entry.digest.hex()), [&](std::size_t other) {
    return is_same_image(entries_[other], entry) ||
           (entries_[other].ref_name() != own && full_name(entries_[other]) != own);
  });
  if (!is_only_one) return "@" + std::to_string(position);
  return std::string(own) + "@" + std::string(entry.digest.short_hex());
}

}  // namespace layoutfs
