// Lists of a registry, which arrive in pages (distribution specification, "Content Discovery").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/remote/registry_session.h"
#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"
#include "layoutfs/registry.h"

namespace layoutfs {

// Returns the names of `page` in byte order, without duplicates. `path` is that of the list, `member` the
// member of its document. Cost: a request for each page of the registry; the whole list is read, because
// registries differ in the order of names. Errc::io if the document is no such list, or if its pages have no
// end. Errc::unsupported if it has more than a million names.
Result<std::vector<std::string>> list_remote_names(RegistrySession& session, const std::string& path,
                                                   const std::string& member, const Page& page,
                                                   const Context& context);

// Returns the documents with the subject `digest` that the registry lists; nullopt if it has no such lists.
Result<std::optional<std::vector<Descriptor>>> list_own_referrers(RegistrySession& session,
                                                                  const Digest& digest,
                                                                  const Context& context);
// Returns the documents with the subject `digest`, from the list of the registry or, if it has none, from the
// index that replaces it ("Referrers Tag Schema").
Result<std::vector<Descriptor>> list_remote_referrers(RegistrySession& session, const Digest& digest,
                                                      const Context& context);

}  // namespace layoutfs
