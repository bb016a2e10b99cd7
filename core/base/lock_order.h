// The order in which a thread takes locks, permits and other claims that threads wait for; checked in every
// build.
//
// All that a thread can wait for in core/stream, core/image/image_library and fs/tree has a level below. A
// thread that holds a level waits only for higher ones, so no cycle of waiting threads can form. The levels,
// and the operations that are allowed while they are held:
//
//   store          StorageCatalog lists the images of all layouts of a mount, once for all threads that ask.
//                  Reads documents, opens blobs, opens layouts.
//   record         RecentTarSplits loads or makes the record of a layer, once for all threads that ask. Opens
//                  images and layers, decodes the whole layer.
//   image          ImageLibrary builds or loads the tree of an image, or of a layer alone, once for all
//                  threads that ask (SingleFlight). Opens layers.
//   layer          The same for the index of a layer. Opens blobs, decodes the whole layer in its own
//                  threads.
//   document       LayoutGraph reads a document, once for all threads that ask. Opens layouts and blobs.
//   metadata       OpenErofs loads or makes the EROFS metadata of an image, once for all threads that ask.
//                  Reads and writes files of the cache directory alone.
//   copied_span    LayerStream reads a span from a decoded copy, once for all threads that ask. May wait
//                  until the thread that makes the copy has come to the span.
//   background     A task of the WorkerPool that decodes ahead of a reader, or the thread that makes a
//                  decoded copy. ~LayerStream waits for those of its stream. So a layout, image or stream
//                  is never released by such a thread, nor by one that opens or decodes for a reader:
//                  ReleaseQueue has a thread for that, which holds nothing.
//   decode         A pending decode (PendingDecodes): a range of spans that other readers of the stream
//                  wait for. Its holder opens the blob, takes a permit, decodes, and puts spans into the
//                  cache.
//   layout         OnDemandReader opens a layout of a mount of several. This may release another layout.
//   layouts        The table of those layouts (RepositoryLayouts). Nothing is opened or released while it
//                  is held.
//   permit         One of as many permits as there are cores to decode (DecodePermits). Its holder reads an
//                  open blob and waits for memory and disk alone: blobs are opened before the permit is
//                  taken.
//
// The mutexes from here on are held for a few instructions, and protect tables in memory. The upper ones may
// be held while the lower ones are taken.
//
//   readers        ReadPatterns of a stream, while the spans to decode ahead are chosen. A blob
//                  says which of its bytes are at hand, for which it may read some bytes of a file in the
//                  cache directory. It is released after the lock.
//   decodes        The table of pending decodes of a stream.
//   parked         Decoders that wait for the next read.
//   spans          The span cache. Spans that leave it are freed after the lock is released.
//   buffers        Memory of spans.
//   tasks          The queue of a WorkerPool. Tasks run, and are destroyed, after the lock is released.
//
// Mutexes without a level (Guarded) are leaves: nothing of this list is taken while they are held.
#pragma once

#include <cstdint>
#include <mutex>
#include <utility>

#include "core/base/check.h"
#include "core/base/guarded.h"

namespace layoutfs {

enum class LockLevel : std::uint8_t {
  none,  // not checked
  store,
  record,
  image,
  layer,
  document,
  metadata,
  copied_span,
  background,
  decode,
  layout,
  layouts,
  permit,
  readers,
  decodes,
  parked,
  spans,
  buffers,
  tasks,
};

// The levels that the current thread holds, as bits. A few instructions per operation, no allocation.
class HeldLevels {
 public:
  // Aborts the program if waiting for `level` now would break the order.
  static void check_may_take(LockLevel level) {
    check(level == LockLevel::none || held_ >> static_cast<unsigned>(level) == 0,
          "locks are taken in the order of lock_order.h");
  }
  static void take(LockLevel level) {
    check_may_take(level);
    held_ |= bit(level);
  }
  static void give_back(LockLevel level) noexcept { held_ &= ~bit(level); }
  static std::uint64_t all() noexcept { return held_; }

 private:
  friend class HoldingLevels;
  static constexpr std::uint64_t bit(LockLevel level) noexcept {
    return level == LockLevel::none ? 0 : std::uint64_t{1} << static_cast<unsigned>(level);
  }
  static inline constinit thread_local std::uint64_t held_ = 0;
};

// Holds a level for a scope, for claims that are not mutexes.
class HoldingLevel {
 public:
  explicit HoldingLevel(LockLevel level) : level_(level) { HeldLevels::take(level); }
  HoldingLevel(const HoldingLevel&) = delete;
  HoldingLevel& operator=(const HoldingLevel&) = delete;
  ~HoldingLevel() { HeldLevels::give_back(level_); }

 private:
  const LockLevel level_;
};

// Gives the current thread, for a scope, the levels of the thread that waits for it.
class HoldingLevels {
 public:
  explicit HoldingLevels(std::uint64_t levels) noexcept : before_(HeldLevels::held_) {
    HeldLevels::held_ |= levels;
  }
  HoldingLevels(const HoldingLevels&) = delete;
  HoldingLevels& operator=(const HoldingLevels&) = delete;
  ~HoldingLevels() { HeldLevels::held_ = before_; }

 private:
  const std::uint64_t before_;
};

// A Guarded with a level in the order.
template <class T, LockLevel level>
class OrderedGuarded {
 public:
  class Locked {
   public:
    explicit Locked(Guarded<T>& guarded) : holding_(level), locked_(guarded) {}
    T* operator->() { return &*locked_; }
    T& operator*() { return *locked_; }
    // For std::condition_variable::wait.
    std::unique_lock<std::mutex>& lock() { return locked_.lock(); }

   private:
    const HoldingLevel holding_;
    typename Guarded<T>::Locked locked_;
  };

  OrderedGuarded() = default;
  explicit OrderedGuarded(T value) : guarded_(std::move(value)) {}
  Locked lock() { return Locked(guarded_); }

 private:
  Guarded<T> guarded_;
};

}  // namespace layoutfs
