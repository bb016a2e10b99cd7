// The requests of one blob. The way of a chunk:
//
//   - A reader that misses it looks for a request that will deliver it soon. If there is none, it adds one,
//     for all missing chunks up to the end of its read-ahead.
//   - The request's thread reads the chunk, puts it into the cache, and hands it to its readers.
//   - Its thread waits for a slot first, because the host answers few requests at a time.
//   - At its limit, the thread pauses without its slot, and the response stays open. A reader that comes near
//   the limit moves
//     it, so a sequential reader needs only a few requests. The response ends after a while, or as soon as
//     another request waits to run.
//
// Invariants: a chunk in [next, limit) of a request is not requested by another one, except for a few chunks
// that an open response passes, because skipping them would cost another request. A chunk that is awaited
// belongs to a request, running or waiting. The cache is looked up under the lock before a chunk is
// requested, and a request puts a chunk into the cache before it gives up the claim on it, so no chunk is
// requested that has just arrived.
#include "core/remote/chunk_requests.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/wait.h"
#include "core/remote/range_chunks.h"
#include "core/remote/sequential_reads.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// Requests to read ahead are not shorter than this, in chunks.
constexpr std::uint64_t kShortestRequest = SequentialReads::kShortestWindow / kRangeChunk;
// The most chunks to read ahead, with and without a file for them.
constexpr std::uint64_t kFarthestAhead = SequentialReads::kLongestWindow / kRangeChunk;
constexpr std::uint64_t kFarthestInMemory = RecentChunks::kMost / 4;
// A reader waits for an open response that has to deliver at most this number of chunks first.
constexpr std::uint64_t kNearChunks = 16;
// An open response passes this number of chunks that are already present: less work than another request.
constexpr std::uint64_t kBridgedChunks = 4;
// The presence of this number of chunks is looked up at once.
constexpr std::uint64_t kLookedUp = 1024;

// Lowers the priority of this thread for the rest of its life: nobody waits for a proof, but readers want the
// cores. Failure only costs time.
void give_way_to_readers() noexcept {
  constexpr int kNice = 10;
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

}  // namespace

ChunkRequests::~ChunkRequests() {
  std::vector<std::jthread> threads;  // joined after the lock is released
  auto state = state_.lock();
  state->is_ending = true;
  for (Requests* list : {&state->requests, &state->proving, &state->ended})
    for (Request& request : *list) threads.push_back(std::move(request.thread));
  stop_.request_stop();
  changed_.notify_all();
}

void ChunkRequests::set_source(std::shared_ptr<const RangeSource> source) {
  state_.lock()->source.swap(source);
}

// ---- Readers ----

// Returns whether a request other than `except` delivers the chunk before its limit.
bool ChunkRequests::covers(const State& state, std::uint64_t chunk, const Request* except) const {
  return std::ranges::any_of(state.requests, [&](const Request& request) {
    return &request != except && request.next <= chunk && chunk < request.limit;
  });
}

// Moves the limit of an open response that delivers `chunk` soon. Returns false if there is none.
bool ChunkRequests::extend(State& state, std::uint64_t chunk, std::uint64_t limit) {
  const auto near = std::ranges::find_if(state.requests, [&](const Request& request) {
    return request.limit <= chunk && chunk < request.end &&
           (chunk - request.limit <= kBridgedChunks || chunk - request.next <= kNearChunks);
  });
  if (near == state.requests.end()) return false;
  near->limit = std::min(near->end, std::max(limit, chunk + 1));
  changed_.notify_all();
  return true;
}

// Returns the first chunk of [first, end) that is neither present nor requested by another one than `except`.
std::optional<std::uint64_t> ChunkRequests::first_missing(const State& state, std::uint64_t first,
                                                          std::uint64_t end, const Request* except) const {
  for (std::uint64_t begin = first; begin < end; begin += kLookedUp) {
    const auto present = ranges_.present(begin, std::min(kLookedUp, end - begin));
    for (std::uint64_t i = 0; i < present.size(); ++i)
      if (!present[i] && !covers(state, begin + i, except)) return begin + i;
  }
  return std::nullopt;
}

// Returns the end of the chunks from `first` on that are neither present nor requested. Up to `bridge` others
// may lie between two of them. Precondition: `first` is missing.
std::uint64_t ChunkRequests::run_end(const State& state, std::uint64_t first, std::uint64_t end,
                                     std::uint64_t bridge) const {
  std::uint64_t result = first + 1;
  for (std::uint64_t begin = first + 1; begin < end; begin += kLookedUp) {
    const auto present = ranges_.present(begin, std::min(kLookedUp, end - begin));
    for (std::uint64_t i = 0; i < present.size(); ++i) {
      if (!present[i] && !covers(state, begin + i))
        result = begin + i + 1;
      else if (begin + i - result >= bridge)
        return result;
    }
  }
  return result;
}

std::uint64_t ChunkRequests::farthest_ahead() const {
  return ranges_.is_stored() ? kFarthestAhead : kFarthestInMemory;
}

// Adds a request from the missing chunk `first` on. It runs as soon as fewer than the allowed ones run.
void ChunkRequests::add_request(State& state, std::uint64_t first, const WantedChunks& wanted) {
  const std::uint64_t all = chunk_count(ranges_.size());
  const std::uint64_t end = wanted.is_endless ? run_end(state, first, all, kBridgedChunks)
                                              : run_end(state, first, std::min(all, wanted.ahead_end), 0);
  const std::uint64_t limit = std::min(wanted.ahead_end, first + farthest_ahead());
  state.requests.push_back(
      {.next = first, .limit = std::min(limit, end), .end = end, .needed = first, .thread = {}});
  start_waiting(state);
  changed_.notify_all();  // paused responses make room for waiting ones
}

void ChunkRequests::start_waiting(State& state) noexcept {
  for (;;) {
    const auto next = std::ranges::find(state.requests, false, &Request::is_running);
    const auto running = std::ranges::count(state.requests, true, &Request::is_running);
    if (next == state.requests.end() || static_cast<std::size_t>(running) >= options_.most_running) return;
    try {
      next->thread = std::jthread([this, &request = *next] { run(request); });
      next->is_running = true;
      next->started = std::chrono::steady_clock::now();
    } catch (const std::exception&) {  // no thread or no memory available
      // One without a thread can be destroyed at any time.
      take_off(state, *next, fail(Errc::io, "no thread available to fetch a blob"));
      state.ended.splice(state.ended.end(), state.proving, next);
    }
  }
}

Result<ChunkBytes> ChunkRequests::await(std::uint64_t chunk, const WantedChunks& wanted,
                                        const Context& context) {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  Requests ended;  // joined after the lock is released
  auto state = state_.lock();
  ended.swap(state->ended);
  if (!covers(*state, chunk)) {
    if (ranges_.has(chunk)) return nullptr;
    if (another_waits(*state) || !extend(*state, chunk, std::min(wanted.ahead_end, chunk + farthest_ahead())))
      add_request(*state, chunk, wanted);
    if (!covers(*state, chunk)) return fail(Errc::io, "no thread available to fetch a blob");
  }
  auto& place = state->awaited[chunk];
  if (!place) place = std::make_shared<Awaited>();
  const auto awaited = place;
  ++awaited->readers;
  const auto waited = wait_until_met(arrived_, state.lock(), context, [&] { return awaited->is_over; });
  if (--awaited->readers == 0 && !awaited->is_over) state->awaited.erase(chunk);
  if (!waited) return fail(Error(waited.error()));
  if (awaited->error) return fail(Error(*awaited->error));
  return awaited->bytes;
}

void ChunkRequests::read_ahead(const WantedChunks& wanted) {
  Requests ended;  // joined after the lock is released
  auto state = state_.lock();
  ended.swap(state->ended);
  if (another_waits(*state)) return;  // readers go first
  const std::uint64_t window = std::min(wanted.ahead_end - wanted.end, farthest_ahead());
  const auto missing = first_missing(*state, wanted.end, wanted.end + window);
  if (!missing || extend(*state, *missing, wanted.end + window)) return;
  // As the kernel does: half of the window is left when the next request starts.
  if (*missing - wanted.end > window / 2 || state->requests.size() >= options_.most_ahead) return;
  add_request(*state, *missing,
              {.end = *missing + 1,
               .ahead_end = std::max(wanted.end + window, *missing + std::min(window, kShortestRequest)),
               .is_endless = wanted.is_endless});
}

void ChunkRequests::hint(std::uint64_t first, std::uint64_t end) {
  Requests ended;  // joined after the lock is released
  auto state = state_.lock();
  ended.swap(state->ended);
  if (another_waits(*state)) return;  // readers go first
  const auto missing = first_missing(*state, first, end);
  if (!missing || extend(*state, *missing, std::min(end, *missing + farthest_ahead()))) return;
  if (state->requests.size() < options_.most_ahead)
    add_request(*state, *missing, {.end = *missing + 1, .ahead_end = end});
}

// ---- Threads ----

void ChunkRequests::run(Request& request) noexcept {
  Status outcome;
  try {
    outcome = fetch(request);
  } catch (const std::bad_alloc&) {
    outcome = fail(Errc::io, "no memory available to fetch a blob");
  }
  auto state = state_.lock();
  finish(*state, request, outcome);
  try {
    if (!state->is_ending && !state->is_proving && ranges_.awaits_proof()) {
      give_way_to_readers();
      if (auto proven = prove_unlocked(state, {.stop = stop_.get_token(), .deadline = {}});
          !proven && proven.error().code() != Errc::cancelled)
        log(LogLevel::warning, proven.error().message());
    }
  } catch (const std::bad_alloc&) {
    // A later request, or prove(), tries it again.
  }
  const auto place = std::ranges::find(state->proving, &request, [](const Request& one) { return &one; });
  state->ended.splice(state->ended.end(), state->proving, place);
}

Status ChunkRequests::take_slot(Request& request, std::optional<RequestSlots::Slot>& slot) {
  auto taken = slots_->acquire({.stop = stop_.get_token(), .deadline = {}});
  if (!taken) return fail(std::move(taken).error());
  slot.emplace(*std::move(taken));
  auto state = state_.lock();
  request.started = std::chrono::steady_clock::now();
  return {};
}

Status ChunkRequests::fetch(Request& request) {
  const auto source = state_.lock()->source;
  const std::uint64_t begin = request.next * kRangeChunk;
  const std::uint64_t size = std::min(request.end * kRangeChunk, ranges_.size()) - begin;
  if (!source) return fail(Errc::not_found, ranges_.digest().str() + ": the blob has no source");
  std::optional<RequestSlots::Slot> slot;
  if (auto taken = take_slot(request, slot); !taken) return taken;
  ++stats_.requests;
  const auto opened = source->open(begin, size, {.stop = stop_.get_token(), .deadline = {}});
  if (!opened) return fail(Error(opened.error()));
  if (auto started = start_early(request, *opened); !started) return started;
  while (true) {
    if (auto state = state_.lock(); !goes_on(state, request, slot)) break;
    if (!slot)
      if (auto taken = take_slot(request, slot); !taken) return taken;
    auto bytes = std::make_shared<Bytes>(chunk_size(request.next, ranges_.size()));
    if (auto fetched = fetch_chunk(*opened->content, *bytes); !fetched) return fetched;
    deliver(request, std::move(bytes));
  }
  // A response that is read to its end leaves its connection to the next request.
  std::byte none{};
  if (request.next == request.end) ignore(opened->content->read({&none, 1}), "all bytes have arrived");
  return {};
}

// Extends the request to the chunks before it that are in the response. A source that has no ranges sends
// them each time, so the rest of the blob is fetched as well, unless the cache would lose it.
Status ChunkRequests::start_early(Request& request, const OpenedRange& opened) {
  const std::uint64_t end = opened.offset + opened.size;
  check(opened.offset <= request.next * kRangeChunk && request.end <= chunk_count(end),
        "a response has the requested range");
  const std::uint64_t first = std::min(request.next, chunk_count(opened.offset));
  Bytes unused(first * kRangeChunk - opened.offset);
  if (auto skipped = fetch_chunk(*opened.content, unused); !skipped) return skipped;
  const bool has_more = first < request.next || request.end < chunk_count(end);
  if (!has_more) return {};
  auto state = state_.lock();
  request.next = first;
  request.is_whole = ranges_.is_stored() && end == ranges_.size();
  if (request.is_whole) request.limit = request.end = chunk_count(end);
  return {};
}

Status ChunkRequests::fetch_chunk(ByteSource& body, std::span<std::byte> out) {
  while (!out.empty()) {
    const auto got = body.read(out);
    if (!got) return fail(Error(got.error()));
    if (*got == 0) return fail(Errc::unexpected_eof, ranges_.digest().str() + ": the response is truncated");
    stats_.fetched += *got;
    out = out.subspan(*got);
  }
  return {};
}

// Returns whether the next chunk should be fetched. Pauses at the limit, and gives up the slot for the pause.
bool ChunkRequests::goes_on(Locked& state, Request& request, std::optional<RequestSlots::Slot>& slot) {
  if (another_waits(*state) && !request.is_whole) give_way(*state, request);
  const auto is_changed = [&] {
    return state->is_ending || request.next < request.limit || another_waits(*state);
  };
  if (request.next < request.end && request.next == request.limit && !is_changed()) {
    slot.reset();
    changed_.wait_for(state.lock(), options_.idle_time, is_changed);
  }
  return !state->is_ending && request.next < request.limit && !is_superfluous(*state, request);
}

bool ChunkRequests::another_waits(const State& state) {
  return std::ranges::any_of(state.requests, [](const Request& request) { return !request.is_running; });
}

// Gives up read-ahead, because a reader waits for a request that cannot run yet.
void ChunkRequests::give_way(const State& state, Request& request) {
  if (request.limit - request.next <= kNearChunks) return;
  const auto behind = state.awaited.lower_bound(request.limit);
  const bool has_reader = behind != state.awaited.begin() && std::prev(behind)->first >= request.next;
  request.limit = has_reader ? std::prev(behind)->first + 1 : request.next;
}

// Returns whether the next chunks are present, or another request will deliver them. Another response with
// the whole blob would cost more than passing any number of them.
bool ChunkRequests::is_superfluous(const State& state, Request& request) const {
  if (request.next < request.needed) return false;
  const std::uint64_t end =
      request.is_whole ? request.end : std::min(request.end, request.next + kBridgedChunks + 1);
  const auto missing = first_missing(state, request.next, end, &request);
  if (missing) request.needed = *missing;
  return !missing;
}

void ChunkRequests::deliver(Request& request, const ChunkBytes& bytes) {
  ranges_.add(request.next, bytes);
  auto state = state_.lock();
  const auto awaited = state->awaited.find(request.next);
  ++request.next;
  if (awaited == state->awaited.end()) return;
  awaited->second->bytes = bytes;
  awaited->second->is_over = true;
  state->awaited.erase(awaited);
  arrived_.notify_all();
}

// Ends a request. If the network has failed for all of its time, those that have waited since before are
// ended with it, as in RequestSlots.
void ChunkRequests::finish(State& state, Request& request, const Status& outcome) {
  take_off(state, request, outcome);
  const bool is_network = !outcome && outcome.error().code() == Errc::io;
  if (is_network) slots_->fail_waiting(request.started, outcome.error());
  for (auto one = state.requests.begin(); is_network && one != state.requests.end();) {
    const auto other = one++;
    if (other->is_running || other->added > request.started) continue;
    take_off(state, *other, outcome);
    state.ended.splice(state.ended.end(), state.proving, other);
  }
  start_waiting(state);
}

// Removes a request. Its other readers get the error, or try again.
void ChunkRequests::take_off(State& state, Request& request, const Status& outcome) {
  const std::uint64_t first = request.next, limit = request.limit;
  const auto place = std::ranges::find(state.requests, &request, [](const Request& one) { return &one; });
  state.proving.splice(state.proving.end(), state.requests, place);
  for (auto one = state.awaited.lower_bound(first); one != state.awaited.end() && one->first < limit;) {
    if (covers(state, one->first)) {
      ++one;
      continue;
    }
    if (!outcome) one->second->error = outcome.error();
    one->second->is_over = true;
    one = state.awaited.erase(one);
  }
  arrived_.notify_all();
}

// ---- Proof ----

// Precondition: nobody else proves the content.
Status ChunkRequests::prove_unlocked(Locked& state, const Context& context) {
  state->is_proving = true;
  state.lock().unlock();
  auto proven = ranges_.prove(context);
  state.lock().lock();
  state->is_proving = false;
  if (!proven && proven.error().code() == Errc::corrupt) ++state->wrong_count;
  arrived_.notify_all();
  return proven;
}

Status ChunkRequests::prove(const Context& context) {
  auto state = state_.lock();
  auto waited = wait_until_met(arrived_, state.lock(), context, [&] { return !state->is_proving; });
  if (!waited || !ranges_.awaits_proof()) return waited;
  return prove_unlocked(state, context);
}

}  // namespace layoutfs
