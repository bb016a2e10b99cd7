// A map of limited size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace layoutfs {

// A map with a maximum number of keys. It drops the key that was set longest ago.
template <class Key, class Value>
class RecentMap {
 public:
  struct Entry {
    Value value;
    std::int64_t set;  // time, in calls of set()
  };
  using Entries = std::map<Key, Entry>;

  RecentMap() = default;
  RecentMap(RecentMap&&) noexcept = default;
  RecentMap& operator=(RecentMap&&) noexcept = default;

  // Sets `key`. Returns the entry that was dropped for it, if any.
  std::optional<std::pair<Key, Entry>> set(const Key& key, Value value, std::size_t limit) {
    const auto [place, is_new] = entries_.try_emplace(key);
    if (!is_new) by_age_.erase(place->second.set);
    place->second = {std::move(value), ++clock_};
    by_age_.emplace(clock_, place);
    if (entries_.size() <= limit) return std::nullopt;
    const auto oldest = by_age_.begin()->second;
    std::pair<Key, Entry> gone = *oldest;
    by_age_.erase(by_age_.begin());
    entries_.erase(oldest);
    return gone;
  }
  const Entries& entries() const { return entries_; }
  // Returns the entries by time, the oldest first.
  const std::map<std::int64_t, typename Entries::iterator>& by_age() const { return by_age_; }

 private:
  Entries entries_;
  std::map<std::int64_t, typename Entries::iterator> by_age_;
  std::int64_t clock_ = 0;
};

}  // namespace layoutfs
