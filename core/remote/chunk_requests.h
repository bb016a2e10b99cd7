// The running requests for chunks of one blob, and the readers that wait for these chunks.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>
#include <utility>

#include "core/base/guarded.h"
#include "core/remote/cached_ranges.h"
#include "core/remote/range_source.h"
#include "core/remote/remote_stats.h"
#include "core/remote/request_slots.h"
#include "layoutfs/context.h"
#include "layoutfs/error.h"

namespace layoutfs {

struct RequestOptions {
  std::size_t most_running = 4;  // requests of one blob
  // With this number of running requests, none is started only to read ahead.
  std::size_t most_ahead = 2;
  // A response that nobody continues to read is closed after this time.
  std::chrono::milliseconds idle_time{1000};
};

// Chunks that a reader needs, and those that it will probably need next.
struct WantedChunks {
  std::uint64_t end;        // needs chunks before it
  std::uint64_t ahead_end;  // will need chunks before it; not less than `end`
  // Reads so much in sequence that it will probably read up to the end of the blob.
  bool is_endless = false;
};

// Every request has a thread, which puts the arriving chunks into the cache and wakes their readers.
// Thread-safe.
class ChunkRequests {
 public:
  // `ranges` must outlive this. Requests share the slots with those of other blobs.
  ChunkRequests(CachedRanges& ranges, RemoteBlobStats& stats, RequestOptions options,
                std::shared_ptr<RequestSlots> slots)
      : ranges_(ranges), stats_(stats), options_(options), slots_(std::move(slots)) {}
  // Ends all requests. Nobody may wait for a chunk.
  ~ChunkRequests();

  // Further requests use this source.
  void set_source(std::shared_ptr<const RangeSource> source);

  // Waits until `chunk` arrives; requests it, with other wanted chunks behind it, unless it has been
  // requested. Returns nullptr if it is in the cache, or if its request ended early: look in the cache, and
  // try again. Errors of the source are returned to the readers that wait for the request. Errc::cancelled if
  // `context` ends; the request continues.
  Result<ChunkBytes> await(std::uint64_t chunk, const WantedChunks& wanted, const Context& context);
  // Starts to read ahead, or continues, up to wanted.ahead_end. Does not wait.
  void read_ahead(const WantedChunks& wanted);
  // Requests the missing chunks of [first, end) as far as a reader would read ahead, unless enough requests
  // are running.
  void hint(std::uint64_t first, std::uint64_t end);

  // Waits until the content is proven, or proves it in this thread. Errors are those of
  // CachedRanges::prove().
  Status prove(const Context& context);
  // Returns how often the content of all ranges was found to be wrong.
  std::uint64_t wrong_count() const { return state_.lock()->wrong_count; }

 private:
  // A response, which delivers the chunks [next, end) in order.
  struct Request {
    std::uint64_t next;     // arrives next; changed by the request's thread alone
    std::uint64_t limit;    // the thread pauses before it
    std::uint64_t end;      // not less than `limit`; changed by the request's thread alone
    std::uint64_t needed;   // was missing: the response is not superfluous before it has arrived
    bool is_whole = false;  // the source sends the whole blob whatever it is asked for
    bool is_running = false;
    std::chrono::steady_clock::time_point added = std::chrono::steady_clock::now(), started{};
    std::jthread thread;
  };
  using Requests = std::list<Request>;
  // A chunk that readers wait for.
  struct Awaited {
    std::size_t readers = 0;
    bool is_over = false;
    ChunkBytes bytes;
    std::optional<Error> error;
  };
  struct State {
    std::shared_ptr<const RangeSource> source;
    Requests requests;  // waiting ones in the order in which they will run
    Requests proving;   // their threads prove the content
    Requests ended;     // their threads can be joined
    std::map<std::uint64_t, std::shared_ptr<Awaited>> awaited;
    bool is_ending = false, is_proving = false;
    std::uint64_t wrong_count = 0;
  };
  using Locked = Guarded<State>::Locked;

  // Readers.
  bool covers(const State& state, std::uint64_t chunk, const Request* except = nullptr) const;
  bool extend(State& state, std::uint64_t chunk, std::uint64_t limit);
  std::optional<std::uint64_t> first_missing(const State& state, std::uint64_t first, std::uint64_t end,
                                             const Request* except = nullptr) const;
  std::uint64_t run_end(const State& state, std::uint64_t first, std::uint64_t end,
                        std::uint64_t bridge) const;
  std::uint64_t farthest_ahead() const;
  void add_request(State& state, std::uint64_t first, const WantedChunks& wanted);
  void start_waiting(State& state) noexcept;

  // Threads of requests.
  void run(Request& request) noexcept;
  Status fetch(Request& request);
  Status take_slot(Request& request, std::optional<RequestSlots::Slot>& slot);
  Status start_early(Request& request, const OpenedRange& opened);
  Status fetch_chunk(ByteSource& body, std::span<std::byte> out);
  bool goes_on(Locked& state, Request& request, std::optional<RequestSlots::Slot>& slot);
  static bool another_waits(const State& state);
  static void give_way(const State& state, Request& request);
  bool is_superfluous(const State& state, Request& request) const;
  void deliver(Request& request, const ChunkBytes& bytes);
  void finish(State& state, Request& request, const Status& outcome);
  void take_off(State& state, Request& request, const Status& outcome);
  Status prove_unlocked(Locked& state, const Context& context);

  CachedRanges& ranges_;
  RemoteBlobStats& stats_;
  const RequestOptions options_;
  const std::shared_ptr<RequestSlots> slots_;
  std::stop_source stop_;
  mutable Guarded<State> state_;
  std::condition_variable_any arrived_;  // a chunk, or the end of a request or proof
  std::condition_variable_any changed_;  // the limit of a request, or the number of waiting requests
};

}  // namespace layoutfs
