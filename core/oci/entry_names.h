// Maps names to the entries of a layout, and entries to names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "layoutfs/descriptor.h"

namespace layoutfs {

// Immutable: a snapshot. Cost: linear in the number of entries for construction and for each find(), about
// constant for each label().
class EntryNames {
 public:
  // `entries` must outlive it.
  explicit EntryNames(const std::vector<Descriptor>& entries);

  // The rules by which a name matches entries. The first one with a match counts.
  enum class Rule : std::uint8_t {
    none,
    ref_name,     // it is their ref.name
    full_name,    // it is their full name (io.containerd.image.name)
    with_digest,  // NAME@DIGEST: NAME matches them, DIGEST is their digest or a short one (find_digest.h)
    familiar,     // it is the familiar form of one of their names (familiar_name.h)
    tag,          // one of their names ends with ":" and it
    latest,       // with ":latest", it is the familiar form of one of their names
  };
  struct Found {
    Rule rule = Rule::none;
    std::vector<std::size_t> positions;  // ascending; empty if no rule matches
  };
  Found match(std::string_view name) const;
  // Returns the positions alone.
  std::vector<std::size_t> find(std::string_view name) const { return match(name).positions; }

  // Returns a name of the entry for lists: its ref.name if no other image has it, otherwise its full name if
  // no other image has that, otherwise NAME@ and the short digest if no other entry has that, otherwise "@N".
  std::string label(std::size_t position) const;

 private:
  struct Holders {
    std::size_t first;       // position
    bool is_shared = false;  // several images have it
  };
  using Names = std::unordered_map<std::string_view, Holders>;

  template <class Matches>
  std::vector<std::size_t> positions(Matches matches) const;
  std::vector<std::size_t> find_with_digest(std::string_view name) const;
  std::vector<std::size_t> find_familiar(std::string_view name, std::string_view implied_tag) const;
  std::vector<std::size_t> find_tag(std::string_view tag) const;

  const std::vector<Descriptor>& entries_;
  Names ref_names_, full_names_;
  std::unordered_map<std::string_view, std::vector<std::size_t>> by_digest_;  // positions
};

}  // namespace layoutfs
