#include "core/transfer/entry_naming.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/cas/named_entries.h"
#include "layoutfs/platform.h"

namespace layoutfs {
namespace {

// Both annotations; an empty name counts as absent.
using Names = std::pair<std::string_view, std::string_view>;

Names names_of(const Descriptor& entry) {
  return {entry.ref_name().value_or(""), full_name(entry).value_or("")};
}

bool are_for_other_platforms(const Descriptor& a, const Descriptor& b) {
  return a.platform && b.platform && normalized(*a.platform) != normalized(*b.platform);
}

// Returns `image` as an entry. If it has no name, its annotations are unchanged.
Descriptor entry_of(const NamedDescriptor& image) {
  Descriptor entry = image.descriptor;
  if (!image.name.empty()) entry.annotations.insert_or_assign(std::string(kRefName), image.name);
  return entry;
}

// The resulting entries, one image after the other.
class EntryNaming {
 public:
  EntryNaming(const References& now, ReplacedEntry replaced) : now_(now.entries), replaced_(replaced) {
    states_.resize(now_.size());
    for (std::size_t i = 0; i < now_.size(); ++i) {
      const Names names = names_of(now_[i]);
      by_digest_.emplace(now_[i].digest, i);
      by_names_[names].push_back(i);
      if (names == Names()) unnamed_.emplace(now_[i].digest, i);
      if (!names.first.empty()) by_ref_name_[names.first].push_back(i);
    }
    for (const Descriptor& entry : now_) ++uses_[entry.digest];
  }

  // All at once: existing entries must be found before others lose their names.
  void take_over(const std::vector<Descriptor>& entries) {
    std::vector<std::optional<std::size_t>> places;
    for (const Descriptor& entry : entries) places.push_back(claim_same(entry));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!places[i]) places[i] = claim_unnamed(entries[i]);
      put(places[i], entries[i]);
    }
    std::set<std::tuple<Names, std::string>> done;
    for (const Descriptor& entry : entries) {
      const std::string platform = entry.platform ? to_string(normalized(*entry.platform)) : "";
      if (names_of(entry).first.empty() || !done.emplace(names_of(entry), platform).second) continue;
      const auto holders = by_names_.find(names_of(entry));
      if (holders == by_names_.end()) continue;
      for (const std::size_t position : holders->second)
        if (!states_[position].is_claimed && !are_for_other_platforms(now_[position], entry))
          displace(position, entry);
    }
  }

  // Called once for each name.
  Status name(const std::string& name, const Descriptor& entry) {
    const auto positions = holders_of(name, entry);
    if (!positions) return fail(Error(positions.error()));
    const auto same = std::ranges::find_if(
        *positions, [&](std::size_t position) { return now_[position].digest == entry.digest; });
    std::optional<std::size_t> place;
    if (same != positions->end())
      place = *same;
    else if (replaced_ == ReplacedEntry::removed && !positions->empty())
      place = positions->front();
    else if (const auto unnamed = unnamed_.find(entry.digest); unnamed != unnamed_.end())
      place = unnamed->second;
    // Put the new entry first: the displaced one may be the same image.
    put(place, entry);
    for (const std::size_t position : *positions)
      if (position != place) displace(position, entry);
    return {};
  }

  void keep_unnamed(Descriptor entry) {
    entry.annotations.erase(std::string(kRefName));
    const auto unnamed = unnamed_.find(entry.digest);
    if (unnamed != unnamed_.end())
      put(unnamed->second, std::move(entry));
    else if (uses_[entry.digest] == 0)
      put(std::nullopt, std::move(entry));
  }

  ReferenceChanges changes() && {
    ReferenceChanges changes{.changed = {}, .added = std::move(added_)};
    for (std::size_t i = 0; i < states_.size(); ++i) {
      State& state = states_[i];
      if (state.is_removed)
        changes.changed.push_back({i, std::nullopt});
      else if (state.entry && *state.entry != now_[i])
        changes.changed.push_back({i, std::move(state.entry)});
    }
    return changes;
  }

 private:
  struct State {
    std::optional<Descriptor> entry;  // replaces the existing one
    bool is_claimed = false;          // by a transferred entry
    bool is_removed = false;
  };

  std::optional<std::size_t> claim_same(const Descriptor& entry) {
    const auto [first, last] = by_digest_.equal_range(entry.digest);
    const auto same = std::find_if(first, last, [&](const auto& item) {
      return !states_[item.second].is_claimed && is_same_image(now_[item.second], entry);
    });
    if (same == last) return std::nullopt;
    states_[same->second].is_claimed = true;
    return same->second;
  }

  // No information of the entry may be lost.
  std::optional<std::size_t> claim_unnamed(const Descriptor& entry) {
    const auto [first, last] = unnamed_.equal_range(entry.digest);
    const auto found = std::find_if(first, last, [&](const auto& item) {
      return !states_[item.second].is_claimed &&
             std::ranges::includes(entry.annotations, now_[item.second].annotations);
    });
    if (found == last) return std::nullopt;
    states_[found->second].is_claimed = true;
    return found->second;
  }

  // Returns the positions of the entries that have the name of `entry`.
  Result<std::vector<std::size_t>> holders_of(const std::string& name, const Descriptor& entry) const {
    std::vector<std::size_t> positions;
    std::vector<NamedEntry> entries;
    if (const auto holders = by_ref_name_.find(name); holders != by_ref_name_.end())
      for (const std::size_t position : holders->second) {
        if (states_[position].is_claimed) continue;
        positions.push_back(position);
        entries.emplace_back(now_[position]);
      }
    std::vector<std::size_t> own;
    std::vector<NamedEntry> own_entries;
    for (const std::size_t i : replaceable_by(entry, entries)) {
      own.push_back(positions[i]);
      own_entries.push_back(entries[i]);
    }
    const bool have_one_full_name = std::ranges::all_of(own_entries, [&](const NamedEntry& other) {
      return full_name(*other) == full_name(*own_entries.front());
    });
    if (replaced_ == ReplacedEntry::removed || !have_one_full_name)
      if (auto one = check_one_image(name, own_entries); !one) return fail(std::move(one).error());
    return own;
  }

  // Replaces the entry at `place`, or appends.
  void put(std::optional<std::size_t> place, Descriptor entry) {
    ++uses_[entry.digest];
    if (!place) {
      added_.push_back(std::move(entry));
      return;
    }
    drop(*place);
    states_[*place].entry = std::move(entry);
  }

  void displace(std::size_t position, const Descriptor& by) {
    const Digest& digest = now_[position].digest;
    states_[position].is_claimed = true;
    Descriptor entry = now_[position];
    entry.annotations.erase(std::string(kRefName));
    // It can still be found under its own full name.
    if (full_name(entry) == full_name(by)) entry.annotations.erase(std::string(kContainerdName));
    const bool is_nameless = !full_name(entry);
    if (replaced_ == ReplacedEntry::removed || (is_nameless && uses_[digest] > 1)) {
      drop(position);
      states_[position].is_removed = true;
      return;
    }
    states_[position].entry = std::move(entry);
    if (is_nameless) unnamed_.emplace(digest, position);
  }

  // Removes the current entry at `position`.
  void drop(std::size_t position) {
    const Digest& digest = states_[position].entry ? states_[position].entry->digest : now_[position].digest;
    --uses_[digest];
    const auto [first, last] = unnamed_.equal_range(digest);
    const auto here = std::find_if(first, last, [&](const auto& item) { return item.second == position; });
    if (here != last) unnamed_.erase(here);
  }

  const std::vector<Descriptor>& now_;
  ReplacedEntry replaced_;
  std::vector<State> states_;  // of now_
  std::vector<Descriptor> added_;
  // Positions in now_, in ascending order.
  std::map<Names, std::vector<std::size_t>> by_names_;
  std::map<std::string_view, std::vector<std::size_t>> by_ref_name_;
  std::multimap<Digest, std::size_t> by_digest_;
  std::multimap<Digest, std::size_t> unnamed_;  // without any name
  std::map<Digest, std::size_t> uses_;          // number of entries per digest
};

}  // namespace

Result<ReferenceChanges> changes_to_name(const References& now, std::span<const NamedDescriptor> images,
                                         ReplacedEntry replaced) {
  std::vector<Descriptor> entries;
  std::map<std::string_view, std::size_t> last;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (images[i].is_entry)
      entries.push_back(entry_of(images[i]));
    else
      last[images[i].name] = i;
  }
  EntryNaming naming(now, replaced);
  naming.take_over(entries);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const NamedDescriptor& image = images[i];
    if (image.is_entry || image.name.empty() || last[image.name] != i) continue;
    if (auto named = naming.name(image.name, entry_of(image)); !named) return fail(std::move(named).error());
  }
  // Now it is known whether they have another entry.
  for (const NamedDescriptor& image : images)
    if (!image.is_entry && image.name.empty()) naming.keep_unnamed(image.descriptor);
  return std::move(naming).changes();
}

}  // namespace layoutfs
