// What stands behind the files of a mount that are read at the moment.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <optional>
#include <utility>

#include "core/base/guarded.h"

namespace layoutfs {

// Keeps the most recently used values open. Most of them are mapped from the cache directory; those that
// could not be stored there take memory, within a limit. Thread-safe.
template <class Key, class Value>
class RecentFiles {
 public:
  // Returns the value, and marks it as used.
  std::optional<Value> find(const Key& key) {
    auto items = items_.lock();
    const auto found = std::ranges::find(*items, key, &Item::key);
    if (found == items->end()) return std::nullopt;
    items->splice(items->begin(), *items, found);
    return found->value;
  }
  // Adds a value that find() does not return. `memory`: its bytes, not counting mapped files.
  void keep(Key key, Value value, std::uint64_t memory) {
    std::list<Item> closed;  // destroyed after the lock is released
    auto items = items_.lock();
    items->push_front({std::move(key), std::move(value), memory});
    memory = 0;
    std::size_t count = 0;
    for (auto each = items->begin(); each != items->end(); ++count) {
      const auto next = std::next(each);
      memory += each->memory;
      if (count > 0 && (count >= kMaxOpen || memory > kMaxMemory)) closed.splice(closed.end(), *items, each);
      each = next;
    }
  }

 private:
  static constexpr std::size_t kMaxOpen = 16;
  static constexpr std::uint64_t kMaxMemory = std::uint64_t{64} << 20;  // but at least one is kept

  struct Item {
    Key key;
    Value value;
    std::uint64_t memory;
  };
  Guarded<std::list<Item>> items_;  // most recently used first
};

}  // namespace layoutfs
