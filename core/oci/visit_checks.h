// What walk() and dispatch() hold against every visit.
#pragma once

#include <vector>

#include "core/oci/walk.h"

namespace layoutfs {

// What `descriptor` leads to by `handler`. Errors are those of walk().
Result<std::vector<Descriptor>> children_by(const Handler& handler, const Descriptor& descriptor,
                                            const Context& context);
Error leads_to_itself(const Descriptor& descriptor);

}  // namespace layoutfs
