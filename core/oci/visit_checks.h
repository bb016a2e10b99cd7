// Checks of each visit, shared by walk() and dispatch().
#pragma once

#include <vector>

#include "core/oci/walk.h"

namespace layoutfs {

// Returns the children of `descriptor` according to `handler`. Errors are those of walk().
Result<std::vector<Descriptor>> children_by(const Handler& handler, const Descriptor& descriptor,
                                            const Context& context);
Error leads_to_itself(const Descriptor& descriptor);

}  // namespace layoutfs
