#include "core/oci/walk.h"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "core/oci/visit_checks.h"

namespace layoutfs {
namespace {

// A descriptor and its unvisited children, the next one last.
struct Level {
  Digest parent;
  std::vector<Descriptor> siblings;
};

class Walker {
 public:
  Walker(const Handler& handler, const Context& context) : handler_(handler), context_(context) {}

  Status walk(const Descriptor& root) {
    if (auto visited = visit(root); !visited) return visited;
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.siblings.empty()) {
        path_.erase(level.parent);
        levels_.pop_back();
        continue;
      }
      const Descriptor next = std::move(level.siblings.back());
      level.siblings.pop_back();
      if (auto visited = visit(next); !visited) return visited;
    }
    return {};
  }

 private:
  Status visit(const Descriptor& descriptor) {
    auto children = children_by(handler_, descriptor, context_);
    if (!children) return fail(std::move(children).error());
    if (children->empty()) return {};
    if (!descriptor.digest.empty() && !path_.insert(descriptor.digest).second)
      return fail(leads_to_itself(descriptor));
    std::ranges::reverse(*children);
    levels_.push_back({descriptor.digest, std::move(*children)});
    return {};
  }

  const Handler& handler_;
  const Context& context_;
  std::vector<Level> levels_;
  std::unordered_set<Digest> path_;  // the parents of levels_
};

}  // namespace

Handler handlers(std::vector<Handler> all) {
  return [all = std::move(all)](const Descriptor& descriptor, const Context& context) -> Result<Visit> {
    std::vector<Descriptor> children;
    for (const Handler& handler : all) {
      auto visit = handler(descriptor, context);
      if (!visit || visit->flow == Visit::Flow::skip) return visit;
      if (visit->flow == Visit::Flow::stop) break;
      if (children.empty())
        children = std::move(visit->children);
      else
        std::ranges::move(visit->children, std::back_inserter(children));
    }
    return Visit::to(std::move(children));
  };
}

Status walk(std::span<const Descriptor> roots, const Handler& handler, const Context& context) {
  for (const Descriptor& root : roots)
    if (auto walked = Walker(handler, context).walk(root); !walked) return walked;
  return {};
}

Result<std::vector<Descriptor>> children_by(const Handler& handler, const Descriptor& descriptor,
                                            const Context& context) {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  auto visit = handler(descriptor, context);
  if (!visit) return fail(std::move(visit).error());
  switch (visit->flow) {
    case Visit::Flow::descend:
      return std::move(visit->children);
    case Visit::Flow::skip:
      return std::vector<Descriptor>();
    case Visit::Flow::stop:
      break;
  }
  return fail(Errc::failed_precondition,
              descriptor.digest.str() + ": the handler returned stop outside of handlers()");
}

Error leads_to_itself(const Descriptor& descriptor) {
  return Error(Errc::invalid_image, descriptor.digest.str() + ": reference cycle");
}

}  // namespace layoutfs
