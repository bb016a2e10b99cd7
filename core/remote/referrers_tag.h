// The index that replaces the list of referrers in registries without one (distribution specification,
// "Referrers Tag Schema"): a tag with the digest of the subject, which clients keep up to date.
#pragma once

#include <optional>
#include <vector>

#include "core/oci/graph.h"
#include "core/remote/registry_session.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// Returns the referrers of `subject`; none if there is no such tag. Errc::io if it is not an index.
Result<std::vector<Descriptor>> read_referrers_tag(RegistrySession& session, const Digest& subject,
                                                   const Context& context);

// Adds a referrer to the index, unless it is there. The registry has no way to do this in one step: of two
// clients that add at the same time, one may lose its referrer, so the caller lets its own threads take
// turns. Errors of read_referrers_tag(), and Errc::io if the index has entries that cannot be kept.
Status add_to_referrers_tag(RegistrySession& session, const Referrer& referrer, const Context& context);

// Removes a referrer from the index ("Deleting Manifests with Subject"). The tag is deleted if no other one
// is left; if the registry does not delete tags, it stays with an index without entries. Returns false
// if the index does not list the referrer. Turns and errors as for add_to_referrers_tag().
Result<bool> remove_from_referrers_tag(RegistrySession& session, const Digest& subject,
                                       const Digest& referrer, const Context& context);

}  // namespace layoutfs
