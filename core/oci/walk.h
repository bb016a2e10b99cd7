// Going along descriptors: what is done with each, and in which order.
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

// What a handler says of a descriptor.
struct Visit {
  enum class Flow : std::uint8_t {
    descend,  // to the children, if there are any
    skip,     // what is below this descriptor; its siblings are gone on with
    stop,     // the handlers that come after this one in handlers(), for this descriptor
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

// Runs `all` in order for a descriptor, and goes on with what they lead to, in order. One that says stop ends
// that; what those before it led to holds, what it says itself is dropped. After one that says skip nothing
// holds, nor after an error.
Handler handlers(std::vector<Handler> all);

// Visits the roots and everything behind them, parents first, what a descriptor leads to before its next
// sibling, in the thread that calls. What several lead to is visited as often: first_visits (graph.h) has
// that changed. Takes memory for what stands beside the way to one descriptor, not for all of them.
//
// Errors are those of the handler; Errc::invalid_image for a descriptor that leads to itself, at the second
// time; Errc::failed_precondition where a handler says stop and is none of handlers(); Errc::cancelled.
Status walk(std::span<const Descriptor> roots, const Handler& handler, const Context& context = {});

// walk() by several threads: siblings at the same time, what a descriptor leads to as soon as it was handled,
// in no order but parents first. At most `max_concurrency` handlers run at once; 0 stands for as many as
// there are cores. The first error is the result; it asks the handlers that run to stop (the Context that
// they are given), and no other one is begun. All have ended when this returns. Remembers each descriptor
// that leads to others until then.
Status dispatch(std::span<const Descriptor> roots, const Handler& handler, std::size_t max_concurrency = 0,
                const Context& context = {});

}  // namespace layoutfs
