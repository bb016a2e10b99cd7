#include "core/codec/gzip_chunk_queue.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/check.h"

namespace layoutfs::gzip {
namespace {

constexpr std::size_t kMostWakes = 4096;

}  // namespace

ChunkQueue::ChunkQueue(const Options& options)
    : options_(options), memory_(options.most, 2 * options.chunk_size), pool_(options.threads, kMostWakes) {}

ChunkQueue::~ChunkQueue() { state_.lock()->is_ending = true; }

bool ChunkQueue::is_full() { return state_.lock()->jobs.size() >= options_.most; }

void ChunkQueue::push(Piece piece) {
  auto job = std::make_shared<Job>(std::move(piece));
  {
    auto state = state_.lock();
    check(state->jobs.size() < options_.most, "the queue has room");
    if (!state->jobs.empty() && !state->jobs.back()->is_last) state->jobs.back()->next = job;
    state->jobs.push_back(std::move(job));
  }
  is_empty_ = false;
  wake();
}

void ChunkQueue::end_run() {
  {
    auto state = state_.lock();
    if (state->jobs.empty() || state->jobs.back()->is_last) return;
    state->jobs.back()->is_last = true;
  }
  wake();
}

void ChunkQueue::pop() {
  JobPtr job;  // destroyed after the lock
  auto state = state_.lock();
  job = std::move(state->jobs.front());
  state->jobs.pop_front();
  is_empty_ = state->jobs.empty();
  if (windows_set_ > 0)
    --windows_set_;
  else
    position_.reset();
}

std::uint64_t ChunkQueue::front_end() { return state_.lock()->jobs.front()->piece.end(); }

std::optional<std::uint64_t> ChunkQueue::first_begin(std::uint64_t least) {
  auto state = state_.lock();
  // The caller alone changes the queue.
  for (const JobPtr& job : state->jobs) {
    if (job->piece.end() * 8 <= least) continue;
    changed_.wait(state.lock(), [&] { return has_begin(*job); });
    if (const auto begin = job->chunk.begin(); begin && *begin >= least) return begin;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ChunkQueue::front_begin() {
  auto state = state_.lock();
  const JobPtr job = state->jobs.front();
  changed_.wait(state.lock(), [&] { return has_begin(*job); });
  return job->chunk.begin();
}

// Sets the windows of chunks that are decoded, as far as they follow each other.
void ChunkQueue::set_windows() {
  for (bool is_set = true; is_set && position_;) {
    JobPtr job;
    {
      auto state = state_.lock();
      if (windows_set_ == state->jobs.size()) return;
      job = state->jobs[windows_set_];
      if (job->stage < Stage::decoded) return;
    }
    is_set = false;
    if (job->stage == Stage::decoded && job->chunk.begin() == position_) {
      auto after = job->chunk.set_window(window_);
      if (after) {
        window_ = *after;
        position_ = job->chunk.end();
        job->window_after = *std::move(after);
        ++windows_set_;
        is_set = true;
      }
      set_stage(*job, is_set ? Stage::has_window : Stage::unusable);
    }
    if (!is_set) position_.reset();
  }
}

Chunk* ChunkQueue::front_after(const Bytes& window) {
  JobPtr job = state_.lock()->jobs.front();
  if (windows_set_ == 0) {
    position_ = job->chunk.begin();
    window_ = window;
  }
  for (;;) {
    set_windows();
    auto state = state_.lock();
    if (job->stage >= Stage::resolved) break;
    changed_.wait(state.lock(), [&] {
      const bool is_one_ready = position_ && windows_set_ < state->jobs.size() &&
                                state->jobs[windows_set_]->stage >= Stage::decoded;
      return job->stage >= Stage::resolved || is_one_ready;
    });
  }
  // It may have been set after a chunk that turned out to be unusable.
  const bool is_usable = job->stage == Stage::resolved && job->chunk.window() == window;
  return is_usable ? &job->chunk : nullptr;
}

const Bytes& ChunkQueue::window_after_front() { return state_.lock()->jobs.front()->window_after; }

bool ChunkQueue::can_be_decoded(const Job& job) noexcept {
  return job.stage == Stage::found && (job.next != nullptr ? has_begin(*job.next) : job.is_last);
}

// Returns the most urgent work: chunks that can be completed, then begins, which are also ends of others.
ChunkQueue::JobPtr ChunkQueue::pick() {
  auto state = state_.lock();
  if (state->is_ending) return nullptr;
  const auto take = [&](auto is_it, Stage stage) -> JobPtr {
    const auto job = std::ranges::find_if(state->jobs, is_it);
    if (job == state->jobs.end()) return nullptr;
    (*job)->stage = stage;
    return *job;
  };
  if (auto job = take([](const JobPtr& it) { return it->stage == Stage::has_window; }, Stage::resolving))
    return job;
  if (auto job = take([](const JobPtr& it) { return it->stage == Stage::waiting; }, Stage::finding))
    return job;
  return take([](const JobPtr& it) { return can_be_decoded(*it); }, Stage::decoding);
}

void ChunkQueue::wake() {
  // Without threads, the caller does the work.
  if (!pool_.post(this, [this] { work(); })) work();
}

void ChunkQueue::work() {
  while (const JobPtr job = pick()) {
    try {
      do_stage(*job);
    } catch (const std::exception&) {  // no memory
      set_stage(*job, Stage::unusable);
    }
  }
}

void ChunkQueue::do_stage(Job& job) {
  switch (job.stage) {
    case Stage::finding:
      job.chunk.find_begin();
      return set_stage(job, job.chunk.begin() ? Stage::found : Stage::unusable);
    case Stage::decoding:
      decode(job);
      return set_stage(job, job.chunk.end() ? Stage::decoded : Stage::unusable);
    case Stage::resolving: {
      const bool is_right = job.chunk.resolve();
      if (is_right && options_.has_states) {
        std::unique_ptr<GzipStateWriter> writer;
        if (auto writers = writers_.lock(); !writers->empty()) {
          writer = std::move(writers->back());
          writers->pop_back();
        }
        if (writer == nullptr) writer = std::make_unique<GzipStateWriter>(options_.library);
        job.chunk.make_states(*writer);
        writers_.lock()->push_back(std::move(writer));
      }
      return set_stage(job, is_right ? Stage::resolved : Stage::unusable);
    }
    default:
      check(false, "a picked chunk has work");
  }
}

void ChunkQueue::decode(Job& job) {
  JobPtr next;
  {
    auto state = state_.lock();
    next = std::move(job.next);
    job.next = nullptr;
  }
  job.memory = memory_.take();
  const std::span memory(job.memory.get(), 2 * options_.chunk_size);
  Chunk::Limits limits{.next = {}, .target = std::nullopt, .spacing = options_.spacing};
  if (next != nullptr) {
    limits.next = next->piece;
    limits.target = next->chunk.begin();
  }
  job.chunk.decode(limits, options_.library, memory.first(options_.chunk_size),
                   memory.last(options_.chunk_size));
}

void ChunkQueue::set_stage(Job& job, Stage stage) {
  {
    auto state = state_.lock();
    job.stage = stage;
  }
  changed_.notify_all();
  // A begin may let two chunks be decoded, of which this thread takes one.
  if (stage == Stage::found || stage == Stage::has_window) wake();
}

}  // namespace layoutfs::gzip
