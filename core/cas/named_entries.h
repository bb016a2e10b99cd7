// Entries of one name: programs write one name for several images, or for several platforms of one.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "layoutfs/descriptor.h"
#include "layoutfs/engine.h"
#include "layoutfs/error.h"

namespace layoutfs {

// io.containerd.image.name: the full name of the image, if the entry has one. ref.name beside it is often its
// tag alone.
std::optional<std::string_view> full_name(const Descriptor& entry);

// Whether both entries name the same image for the same platform by the same names. What else their
// annotations say may differ.
bool is_same_image(const Descriptor& a, const Descriptor& b);

// Errc::ambiguous, listing the digests of `entries` with their full names and platforms.
Error ambiguous_name(std::string_view name, const std::vector<const Descriptor*>& entries);

// An entry of index.json with the name in question; nothing stands for one that cannot be understood.
using NamedEntry = std::optional<Descriptor>;

// Errc::ambiguous if `entries` are of several images.
Status check_one_image(std::string_view name, const std::vector<NamedEntry>& entries);

// The positions of those that `wanted` may replace: the entries with its full name; if there are none, the
// entries that say no full name. All of them if `wanted` says none itself.
std::vector<std::size_t> replaceable_by(const Descriptor& wanted, const std::vector<NamedEntry>& entries);

// What put_reference() changes, given the entries of the name: `wanted` is there already, or it replaces some
// of them, or comes behind all.
struct PutPlan {
  bool is_there = false;
  std::vector<std::size_t> replaced;  // positions in the list of entries; empty: none
};

// An entry whose full name is not that of `wanted` is another image's and stays. Errc::clobber by `mode`;
// Errc::ambiguous if several images would be replaced.
Result<PutPlan> plan_put(std::string_view name, const std::vector<NamedEntry>& entries,
                         const Descriptor& wanted, PutMode mode);

}  // namespace layoutfs
