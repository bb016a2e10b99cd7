// The names of a layout's entries: which entries a name finds, and which name finds an entry.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "layoutfs/descriptor.h"

namespace layoutfs {

// Immutable; of one moment. Cost: linear in the number of entries to make, and for each find(); about
// constant for each label().
class EntryNames {
 public:
  // `entries` must outlive it.
  explicit EntryNames(const std::vector<Descriptor>& entries);

  // The positions of the entries that `name` finds, in their order, by the first of these rules that finds
  // any: it is their ref.name; it is their full name (io.containerd.image.name); it is NAME@DIGEST, where
  // NAME is one of these names or finds them, and DIGEST is theirs or seven or more of its first digits; it
  // is the familiar form of one of their names (familiar_name.h); ":" and `name` end one of their names; it
  // is the familiar form without ":latest".
  std::vector<std::size_t> find(std::string_view name) const;

  // What to call the entry in a list: its ref.name, if no other image has it; else its full name, if no other
  // image has that; else NAME@ and the short digest, if no other entry has that. "@N" for all others.
  std::string label(std::size_t position) const;

 private:
  struct Holders {
    std::size_t first;       // position
    bool is_shared = false;  // by entries of several images
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
