// Walks over descriptors with several threads.
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "core/base/guarded.h"
#include "core/oci/visit_checks.h"
#include "core/oci/walk.h"

namespace layoutfs {
namespace {

// A descriptor that has children, and its parent.
struct Way;
using Parent = std::pair<const Digest, Way>;
struct Way {
  const Parent* parent;  // null for a root
};

struct Task {
  Descriptor descriptor;
  const Parent* parent;
};

class Dispatcher {
 public:
  Dispatcher(const Handler& handler, const Context& context)
      : handler_(handler),
        context_{.stop = stop_.get_token(), .deadline = context.deadline},
        on_stop_(context.stop, [this] { stop_.request_stop(); }) {}

  Status run(std::span<const Descriptor> roots, std::size_t threads);

 private:
  struct State {
    std::vector<Task> waiting;  // the next one last; depth first, so that few tasks wait
    std::size_t running = 0;    // tasks
    // Contains a digest once per descent; a cycle passes through one of these again.
    std::unordered_multimap<Digest, Way> parents;
    std::optional<Error> failure;
    std::exception_ptr thrown;
    bool is_ended() const { return failure || thrown || (waiting.empty() && running == 0); }
  };

  void work() noexcept;
  void do_task(const Task& task);
  void add_children(const Task& task, std::vector<Descriptor> children);
  static void end(State& state, Error error) {
    if (!state.failure) state.failure = std::move(error);
  }

  const Handler& handler_;
  std::stop_source stop_;
  const Context context_;
  const std::stop_callback<std::function<void()>> on_stop_;
  Guarded<State> state_;
  std::condition_variable changed_;
};

Status Dispatcher::run(std::span<const Descriptor> roots, std::size_t threads) {
  {
    auto state = state_.lock();
    for (const Descriptor& root : roots) state->waiting.push_back({root, nullptr});
    std::ranges::reverse(state->waiting);
  }
  {
    std::vector<std::jthread> others;
    try {
      for (std::size_t i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // Continue with the threads that could be started.
    }
    work();
  }
  auto state = state_.lock();
  if (state->thrown) std::rethrow_exception(state->thrown);
  if (state->failure) return fail(std::move(*state->failure));
  return {};
}

void Dispatcher::work() noexcept {
  auto state = state_.lock();
  for (;;) {
    changed_.wait(state.lock(), [&] { return state->is_ended() || !state->waiting.empty(); });
    if (state->is_ended()) break;
    const Task task = std::move(state->waiting.back());
    state->waiting.pop_back();
    ++state->running;
    state.lock().unlock();
    std::exception_ptr thrown;
    try {
      do_task(task);
    } catch (...) {
      thrown = std::current_exception();
    }
    state.lock().lock();
    --state->running;
    if (thrown && !state->thrown) state->thrown = thrown;
    if (state->failure || state->thrown) stop_.request_stop();
    if (state->is_ended()) break;
  }
  changed_.notify_all();
}

void Dispatcher::do_task(const Task& task) {
  auto children = children_by(handler_, task.descriptor, context_);
  if (!children) return end(*state_.lock(), std::move(children).error());
  if (!children->empty()) add_children(task, std::move(*children));
}

void Dispatcher::add_children(const Task& task, std::vector<Descriptor> children) {
  const Digest& digest = task.descriptor.digest;
  auto state = state_.lock();
  if (!digest.empty() && state->parents.contains(digest))
    for (const Parent* parent = task.parent; parent != nullptr; parent = parent->second.parent)
      if (parent->first == digest) return end(*state, leads_to_itself(task.descriptor));
  const Parent* const parent = &*state->parents.emplace(digest, Way{task.parent});
  for (auto child = children.rbegin(); child != children.rend(); ++child)
    state->waiting.push_back({std::move(*child), parent});
  changed_.notify_all();
}

}  // namespace

Status dispatch(std::span<const Descriptor> roots, const Handler& handler, std::size_t max_concurrency,
                const Context& context) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  return Dispatcher(handler, context).run(roots, max_concurrency == 0 ? cores : max_concurrency);
}

}  // namespace layoutfs
