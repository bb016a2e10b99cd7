// Walks over descriptors: the action for each, and the order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/error.h"

namespace layoutfs {

// The result of a handler.
struct Visit {
  enum class Flow : std::uint8_t {
    descend,  // descend to these children
    skip,     // do not descend; continue with the siblings
    stop,     // do not call later handlers of handlers() for this descriptor
  };
  Flow flow = Flow::descend;
  std::vector<Descriptor> children;

  static Visit skip() { return {.flow = Flow::skip, .children = {}}; }
  static Visit stop() { return {.flow = Flow::stop, .children = {}}; }
  static Visit to(std::vector<Descriptor> children) {
    return {.flow = Flow::descend, .children = std::move(children)};
  }
};

// Called with each descriptor of a walk. An error ends the walk.
using Handler = std::function<Result<Visit>(const Descriptor&, const Context&)>;

// Returns a handler that calls `all` in order and descends to the children of all of them, in order. If a
// handler returns stop, later ones are not called, and the children of earlier ones are kept. If one returns
// skip or an error, there are no children.
Handler handlers(std::vector<Handler> all);

// Visits the roots and all their descendants in the calling thread: parents first, and descendants before the
// next sibling. A descriptor with several parents is visited several times, unless first_visits() (graph.h)
// is used. Memory: the siblings along one path, not the whole graph.
//
// Errors are those of the handler. Errc::invalid_image if a descriptor is its own descendant, at the second
// visit. Errc::failed_precondition if a handler outside of handlers() returns stop. Errc::cancelled.
Status walk(std::span<const Descriptor> roots, const Handler& handler, const Context& context = {});

// walk() with several threads: siblings in parallel, children as soon as their parent was handled, in no
// order except parents first. At most `max_concurrency` handlers run at a time; 0: the number of cores. The
// first error is the result. It requests running handlers to stop through their Context, and no other handler
// is started. All handlers have ended when this returns. Memory: all descriptors with children.
Status dispatch(std::span<const Descriptor> roots, const Handler& handler, std::size_t max_concurrency = 0,
                const Context& context = {});

}  // namespace layoutfs
