// Open layers and images by digest, for ImageLibrary.
#pragma once

#include <chrono>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/base/guarded.h"
#include "core/image/image_library.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Keeps the most recently used layers and images of all libraries with the same resources open. Thread-safe.
class RecentlyOpened {
 public:
  explicit RecentlyOpened(std::size_t max_files) : max_files_(max_files) {}

  // Marks it as used now; `files` is its number of mapped files.
  void use(const void* library, const std::shared_ptr<const void>& opened, std::size_t files) {
    std::list<Opened> closed;  // destroyed after the lock is released
    auto recent = recent_.lock();
    if (const auto found = recent->by_address.find(opened.get()); found != recent->by_address.end()) {
      recent->order.splice(recent->order.begin(), recent->order, found->second);
      return;
    }
    std::list<Opened> added{{library, opened, files}};
    recent->by_address.emplace(opened.get(), added.begin());
    recent->order.splice(recent->order.begin(), added);
    recent->files += files;
    while (recent->files > max_files_ && recent->order.size() > 1)
      recent->close(std::prev(recent->order.end()), closed);
  }
  void release(const void* library) {
    std::list<Opened> closed;
    auto recent = recent_.lock();
    for (auto each = recent->order.begin(); each != recent->order.end();) {
      const auto next = std::next(each);
      if (each->library == library) recent->close(each, closed);
      each = next;
    }
  }

 private:
  struct Opened {
    const void* library;
    std::shared_ptr<const void> opened;
    std::size_t files;
  };
  struct Recent {
    std::list<Opened> order;  // most recently used first
    std::unordered_map<const void*, std::list<Opened>::iterator> by_address;
    std::size_t files = 0;

    void close(std::list<Opened>::iterator which, std::list<Opened>& closed) {
      by_address.erase(which->opened.get());
      files -= which->files;
      closed.splice(closed.end(), order, which);
    }
  };
  const std::size_t max_files_;
  Guarded<Recent> recent_;
};

inline std::size_t files_of(const Layer&) { return 1; }
inline std::size_t files_of(const Image& image) { return 1 + image.tree().layer_count(); }

// Open layers or images by digest, as long as they are used or recently opened, and recent failures.
// Thread-safe.
template <class T>
class ResultCache {
 public:
  using Value = std::shared_ptr<const T>;
  // Stores results of `library`.
  ResultCache(const void* library, RecentlyOpened& recent, std::chrono::seconds failures_remembered)
      : library_(library), recent_(recent), failures_remembered_(failures_remembered) {}
  // Returns the value of `digest`; nullopt if it is not open, or if its failure has expired.
  std::optional<Result<Value>> find(const Digest& digest) {
    Value value;
    if (auto items = items_.lock(); true) {
      const auto found = items->find(digest);
      if (found == items->end()) return std::nullopt;
      if (found->second.failure) {
        if (std::chrono::steady_clock::now() > found->second.forget_at) return std::nullopt;
        return fail(Error(*found->second.failure));
      }
      value = found->second.value.lock();
    }
    if (!value) return std::nullopt;
    recent_.use(library_, value, files_of(*value));
    return value;
  }
  Result<Value> put(const Digest& digest, Result<Value> result) {
    if (result) {
      items_.lock()->insert_or_assign(digest, Opened{.value = *result});
      recent_.use(library_, *result, files_of(**result));
    } else {
      items_.lock()->insert_or_assign(
          digest, Opened{.failure = result.error(),
                         .forget_at = std::chrono::steady_clock::now() + failures_remembered_});
    }
    return result;
  }
  void clear() { items_.lock()->clear(); }

 private:
  struct Opened {
    std::weak_ptr<const T> value;
    std::optional<Error> failure;
    std::chrono::steady_clock::time_point forget_at;  // of a failure
  };
  const void* const library_;
  RecentlyOpened& recent_;
  const std::chrono::seconds failures_remembered_;
  Guarded<std::map<Digest, Opened>> items_;
};

}  // namespace layoutfs
