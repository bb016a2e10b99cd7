#include "core/oci/entry_to_write.h"

#include <algorithm>
#include <vector>

#include "core/cas/find_digest.h"
#include "core/cas/named_entries.h"
#include "core/oci/entry_names.h"

namespace layoutfs {
namespace {

std::optional<std::string> full_name_of(const Descriptor& entry) {
  const auto name = full_name(entry);
  return name ? std::optional<std::string>(*name) : std::nullopt;
}

EntryToWrite present_entry(const Descriptor& entry) {
  return {std::string(entry.ref_name().value_or("")), full_name_of(entry), entry};
}

// Returns whether `text` is a digest with its algorithm, which no entry is found by as its name.
bool is_read_as_digest(std::string_view text) {
  const auto colon = text.find(':');
  return colon != std::string_view::npos && find_algorithm(text.substr(0, colon)).has_value();
}

// Refuses "sha256:...", and NAME@DIGEST unless it is the whole digest of the image: a store of repositories
// names manifests without a tag so.
Status check_new(std::string_view name, const Digest& digest) {
  const auto at = name.rfind('@');
  const std::string_view end = at == std::string_view::npos ? "" : name.substr(at + 1);
  const bool ends_in_digest = is_read_as_digest(end) || is_short_digest(end);
  if (!is_read_as_digest(name) && (!ends_in_digest || end == digest.str())) return {};
  return fail(Errc::invalid_argument, "'" + std::string(name) + "': expected a name, not a digest");
}

bool have_same_names(const Descriptor& a, const Descriptor& b) {
  return a.ref_name() == b.ref_name() && full_name(a) == full_name(b);
}

Error another_image(std::string_view name, const std::string& label) {
  return Error(Errc::clobber, "'" + std::string(name) + "' is " + label + ", another image")
      .with_hint("replace it by its whole name, or choose another name");
}

}  // namespace

Result<EntryToWrite> find_entry_to_write(const References& references, std::string_view name,
                                         const Digest& digest) {
  using Rule = EntryNames::Rule;
  const EntryNames names(references.entries);
  const auto [rule, positions] = names.match(name);
  if (rule == Rule::none)
    if (auto checked = check_new(name, digest); !checked) return fail(std::move(checked).error());
  if (rule == Rule::none || rule == Rule::ref_name) return EntryToWrite{std::string(name), {}, {}};
  std::vector<const Descriptor*> found;
  for (const std::size_t position : positions) found.push_back(&references.entries[position]);
  const auto same = std::ranges::find(found, digest, &Descriptor::digest);
  if (same != found.end()) return present_entry(**same);
  const Descriptor& first = *found.front();
  if (!std::ranges::all_of(found, [&](const Descriptor* other) { return have_same_names(*other, first); }))
    return fail(ambiguous_name(name, found));
  const bool is_whole_name = rule == Rule::full_name || rule == Rule::familiar;
  if (!is_whole_name || !first.ref_name()) return fail(another_image(name, names.label(positions.front())));
  return EntryToWrite{std::string(*first.ref_name()), full_name_of(first), {}};
}

}  // namespace layoutfs
