// Resolves a name, a position or a digest to a descriptor.
#include "core/oci/reference.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/edit_distance.h"
#include "core/base/json.h"
#include "core/base/list_text.h"
#include "core/cas/find_digest.h"
#include "core/cas/named_entries.h"
#include "core/oci/entry_names.h"
#include "core/oci/image_entries.h"

namespace layoutfs {
namespace {

constexpr std::size_t kMaxNamesListed = 20;

// ---- Entries by name ----

bool is_platform_variant_list(const std::vector<const Descriptor*>& entries) {
  return std::ranges::all_of(entries, [&](const Descriptor* entry) {
    return entry->platform && entry->ref_name() == entries.front()->ref_name() &&
           entry->annotation(kContainerdName) == entries.front()->annotation(kContainerdName);
  });
}

bool differ_in_platforms(const std::vector<const Descriptor*>& entries) {
  std::set<std::string> seen;
  return std::ranges::all_of(entries, [&](const Descriptor* entry) {
    return seen.insert(to_string(normalized(*entry->platform))).second;
  });
}

// Returns the entry that matches `platform` best if the entries are one image for several platforms.
std::optional<Descriptor> choose_among(const std::vector<const Descriptor*>& entries,
                                       const Platform& platform) {
  if (!is_platform_variant_list(entries)) return std::nullopt;
  std::vector<Descriptor> copies;
  for (const auto* entry : entries) copies.push_back(*entry);
  const auto best = choose_platform(copies, platform);
  if (!best) return std::nullopt;
  const auto is_as_good = [&](const Descriptor& other) {
    return normalized(*other.platform) == normalized(*copies[*best].platform);
  };
  if (std::ranges::count_if(copies, is_as_good) != 1) return std::nullopt;
  return copies[*best];
}

// Returns one entry per digest.
template <class Matches>
std::vector<const Descriptor*> distinct_entries(const References& references, Matches matches) {
  std::vector<const Descriptor*> found;
  std::set<std::string_view> seen;
  for (const auto& entry : references.entries)
    if (matches(entry) && seen.insert(entry.digest.hex()).second) found.push_back(&entry);
  return found;
}

std::vector<std::string> labels_of(const References& references,
                                   const std::vector<const Descriptor*>& entries) {
  const EntryNames names(references.entries);
  std::vector<std::string> labels;
  std::set<std::string> seen;
  for (const auto* entry : entries)
    if (auto label = names.label(static_cast<std::size_t>(entry - references.entries.data()));
        seen.insert(label).second)
      labels.push_back(std::move(label));
  return labels;
}

// choose_among() with the platforms of the entries or of their configs.
std::optional<Descriptor> choose_image(const LayoutGraph& graph,
                                       const std::vector<const Descriptor*>& entries,
                                       const Platform& platform, const Context& context) {
  // No image has more platforms.
  constexpr std::size_t kMaxPlatforms = 64;
  if (entries.size() > kMaxPlatforms) return choose_among(entries, platform);
  std::vector<Descriptor> copies;
  for (const auto* entry : entries) {
    copies.push_back(*entry);
    if (is_without_platform(*entry)) copies.back().platform = platform_in_config(graph, *entry, context);
  }
  std::vector<const Descriptor*> told;
  for (const Descriptor& copy : copies) told.push_back(&copy);
  const auto chosen = choose_among(told, platform);
  if (!chosen) return std::nullopt;
  return **std::ranges::find(entries, chosen->digest, &Descriptor::digest);
}

Result<Descriptor> find_only(const LayoutReader& reader, const References& references,
                             const Platform& platform, const Context& context) {
  const LayoutGraph graph(reader);
  const auto entries = image_entries(graph, references, context);
  if (!entries) return fail(Error(entries.error()));
  if (entries->empty()) return fail(Errc::not_found, "the layout has no image");
  if (entries->size() == 1) return *entries->front();
  auto chosen = choose_image(graph, *entries, platform, context);
  // If reading a config was cancelled, its platform is unknown.
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  if (chosen) return *std::move(chosen);
  return fail(Errc::ambiguous, "the layout has " + std::to_string(entries->size()) +
                                   " images; choose one of: " + list_of(labels_of(references, *entries)));
}

// "@N"
std::optional<std::size_t> position_in(std::string_view reference) {
  if (reference.size() < 2 || reference.front() != '@') return std::nullopt;
  if (reference.find_first_not_of("0123456789", 1) != std::string_view::npos) return std::nullopt;
  std::size_t position = 0;
  const auto end = reference.data() + reference.size();
  // A number that exceeds the type exceeds every layout, too.
  if (std::from_chars(reference.data() + 1, end, position).ec != std::errc()) return std::string_view::npos;
  return position;
}

Result<Descriptor> find_position(const References& references, std::string_view reference,
                                 std::size_t position) {
  if (position < references.entries.size()) return references.entries[position];
  return fail(Errc::not_found, "no entry " + std::string(reference) + "; the layout has " +
                                   std::to_string(references.entries.size()) + " entries, starting at @0");
}

// Errc::ambiguous if several have different digests.
Result<Descriptor> only_of(const std::vector<const Descriptor*>& entries, std::string_view name,
                           const Platform& platform) {
  if (entries.size() == 1) return *entries.front();
  if (auto chosen = choose_among(entries, platform)) return *std::move(chosen);
  return fail(ambiguous_name(name, entries));
}

// Returns the edit distance of a name from the given text, which may be only a tag.
std::size_t distance_of(std::string_view label, std::string_view written) {
  constexpr std::size_t kMaxLength = 64;
  written = written.substr(0, kMaxLength);
  const std::string_view tag = label.substr(label.rfind(':') + 1);  // all of it if there is no colon
  return std::min(edit_distance(label.substr(0, kMaxLength), written),
                  edit_distance(tag.substr(0, kMaxLength), written));
}

// Returns all names, those most similar to `name` first.
std::vector<std::string> names_near(const References& references, std::string_view name) {
  std::vector<const Descriptor*> images;
  for (const auto& entry : references.entries)
    if (!is_attestation(entry)) images.push_back(&entry);
  std::vector<std::tuple<std::size_t, std::size_t, std::string>> names;  // by distance and position
  for (std::string& label : labels_of(references, images)) {
    const std::size_t distance = distance_of(label, name);
    names.emplace_back(distance, names.size(), std::move(label));
  }
  std::ranges::sort(names);
  std::vector<std::string> sorted;
  for (auto& [distance, position, label] : names) sorted.push_back(std::move(label));
  return sorted;
}

Error no_image_named(const References& references, std::string_view name) {
  const auto names = names_near(references, name);
  return {Errc::not_found, "no image named '" + std::string(name) + "'; " +
                               (names.empty() ? "the layout has no named images"
                                              : "available: " + list_of(names, kMaxNamesListed))};
}

// Returns the reason why `name` finds nothing, although it is NAME@DIGEST and NAME finds entries; nullopt
// otherwise.
std::optional<Error> explain_digest(const References& references, std::string_view name) {
  const auto at = name.rfind('@');
  if (at == std::string_view::npos || at == 0 || !is_short_digest(name.substr(at + 1))) return std::nullopt;
  const std::string_view own = name.substr(0, at);
  std::vector<Digest> digests;
  for (const std::size_t position : EntryNames(references.entries).find(own))
    if (const Digest& digest = references.entries[position].digest;
        std::ranges::find(digests, digest) == digests.end())
      digests.push_back(digest);
  if (digests.empty()) return std::nullopt;
  return has_other_digest(own, digests, name.substr(at + 1));
}

Error not_found(const References& references, std::string_view name) {
  auto error = explain_digest(references, name);
  return error ? *std::move(error) : no_image_named(references, name);
}

std::vector<const Descriptor*> entries_named(const References& references, std::string_view name) {
  const auto positions = EntryNames(references.entries).find(name);
  return distinct_entries(references, [&](const Descriptor& entry) {
    return std::ranges::binary_search(positions,
                                      static_cast<std::size_t>(&entry - references.entries.data()));
  });
}

// ---- Blobs by digest ----

bool looks_like_digest(std::string_view text) {
  const auto colon = text.find(':');
  return colon != std::string_view::npos && find_algorithm(text.substr(0, colon)).has_value();
}

Result<Descriptor> find_document(const LayoutReader& reader, const References& references,
                                 const Digest& digest) {
  const auto found = std::ranges::find(references.entries, digest, &Descriptor::digest);
  if (found != references.entries.end()) return *found;
  const auto size = reader.blob_size(digest);
  if (!size) return fail(Error(size.error()));
  if (!*size) return fail(Errc::not_found, digest.str() + ": no such manifest in the layout");
  auto descriptor = with_media_type(reader, Descriptor{.digest = digest, .size = **size});
  if (!descriptor) return descriptor;
  descriptor->json = descriptor->to_json();
  return descriptor;
}

// `text` is a digest or a short one.
Result<Descriptor> find_by_digest(const LayoutReader& reader, const References& references,
                                  std::string_view text, const Context& context) {
  const auto digest = find_digest(reader, text, context);
  if (!digest) return fail(Error(digest.error()));
  return find_document(reader, references, *digest);
}

Result<Descriptor> find_name(const LayoutReader& reader, const References& references, std::string_view name,
                             const Platform& platform, const Context& context) {
  const auto found = entries_named(references, name);
  if (!found.empty()) return only_of(found, name, platform);
  if (!is_short_digest(name)) return fail(not_found(references, name));
  auto document = find_by_digest(reader, references, name, context);
  const bool is_unknown = !document && document.error().code() == Errc::not_found;
  return is_unknown ? fail(not_found(references, name)) : std::move(document);
}

}  // namespace

Result<Descriptor> find_reference(const LayoutReader& reader, std::string_view reference,
                                  const Platform& platform, const Context& context) {
  auto references = reader.references(context);
  if (!references) return fail(std::move(references).error());
  if (reference.empty()) return find_only(reader, **references, platform, context);
  if (const auto position = position_in(reference)) return find_position(**references, reference, *position);
  if (looks_like_digest(reference)) return find_by_digest(reader, **references, reference, context);
  return find_name(reader, **references, reference, platform, context);
}

Result<std::vector<Descriptor>> find_every_platform(const LayoutReader& reader, std::string_view reference) {
  const auto references = reader.references();
  if (!references) return fail(Error(references.error()));
  const bool is_name = !reference.empty() && !position_in(reference) && !looks_like_digest(reference);
  const auto named = is_name ? entries_named(**references, reference) : std::vector<const Descriptor*>();
  std::vector<Descriptor> found;
  if (named.size() > 1 && is_platform_variant_list(named) && differ_in_platforms(named)) {
    for (const Descriptor* entry : named) found.push_back(*entry);
    return found;
  }
  auto one = find_reference(reader, reference);
  if (!one) return fail(std::move(one).error());
  found.push_back(std::move(*one));
  return found;
}

Result<std::vector<std::size_t>> find_entries(const References& references, std::string_view reference) {
  const auto& entries = references.entries;
  if (const auto position = position_in(reference)) {
    if (auto found = find_position(references, reference, *position); !found)
      return fail(std::move(found).error());
    return std::vector{*position};
  }
  std::vector<std::size_t> found;
  if (!looks_like_digest(reference)) found = EntryNames(entries).find(reference);
  if (found.empty())
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (begins_digest(reference, entries[i].digest)) found.push_back(i);
  if (found.empty()) return fail(not_found(references, reference));
  std::vector<const Descriptor*> distinct;
  for (const std::size_t position : found) {
    const auto is_same = [&](const Descriptor* other) { return is_same_image(*other, entries[position]); };
    if (std::ranges::none_of(distinct, is_same)) distinct.push_back(&entries[position]);
  }
  if (distinct.size() > 1) return fail(ambiguous_name(reference, distinct));
  return found;
}

std::string document_type_of(ByteView text) {
  const auto document = JsonDocument::parse(text);
  if (!document) return {};
  const auto member = document->root().find("mediaType");
  std::string own(member ? member->as_string().value_or("") : "");
  const auto kind = document_kind(own);
  if (kind != DocumentKind::manifest && Index::parse(text))
    return kind == DocumentKind::index ? own : "application/vnd.oci.image.index.v1+json";
  if (kind != DocumentKind::index && Manifest::parse(text))
    return kind == DocumentKind::manifest ? own : "application/vnd.oci.image.manifest.v1+json";
  return {};
}

namespace {

// Returns whether it is JSON except for repeated names.
bool has_repeated_names(ByteView text) {
  return !JsonDocument::parse(text) && JsonDocument::parse(text, {.are_names_unique = false});
}

}  // namespace

Result<Descriptor> with_media_type(const LayoutReader& reader, Descriptor descriptor) {
  auto text = read_document(reader, descriptor);
  // Larger blobs are not documents.
  if (!text && text.error().code() != Errc::unsupported) return fail(std::move(text).error());
  descriptor.media_type = text ? document_type_of(*text) : "";
  if (descriptor.media_type.empty() && text && has_repeated_names(*text))
    return fail(Error(JsonDocument::parse(*text).error()), descriptor.digest.str());
  if (descriptor.media_type.empty())
    return fail(Errc::not_found, descriptor.digest.str() + ": the blob is neither a manifest nor an index");
  return descriptor;
}

}  // namespace layoutfs
