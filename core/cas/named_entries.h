// Entries with the same name: some programs give one name to several images, or to several platforms of one
// image.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "layoutfs/descriptor.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns io.containerd.image.name, the full name of the image, if the entry has one. Its ref.name is often
// only the tag.
std::optional<std::string_view> full_name(const Descriptor& entry);

// Returns whether both entries have the same names, digest and platform. Other annotations may differ.
bool is_same_image(const Descriptor& a, const Descriptor& b);

// Returns Errc::ambiguous with the digests of `entries`, their full names and platforms.
Error ambiguous_name(std::string_view name, const std::vector<const Descriptor*>& entries);

// An entry of index.json with the name in question; nullopt if it is invalid.
using NamedEntry = std::optional<Descriptor>;

// Errc::ambiguous if `entries` belong to several images.
Status check_one_image(std::string_view name, const std::vector<NamedEntry>& entries);

// Returns the positions of the entries that `wanted` may replace: those with its full name or, if there are
// none, those without a full name. If `wanted` has no full name, all of them.
std::vector<std::size_t> replaceable_by(const Descriptor& wanted, const std::vector<NamedEntry>& entries);

// The changes of put_reference(), given the entries of the name: `wanted` exists already, or replaces some
// entries, or is appended.
struct PutPlan {
  bool is_there = false;
  std::vector<std::size_t> replaced;  // positions in the list of entries; empty: append
};

// Keeps entries with another full name than `wanted`, because they belong to other images. Errc::clobber
// depending on `mode`. Errc::ambiguous if several images would be replaced.
Result<PutPlan> plan_put(std::string_view name, const std::vector<NamedEntry>& entries,
                         const Descriptor& wanted, PutMode mode);

}  // namespace layoutfs
