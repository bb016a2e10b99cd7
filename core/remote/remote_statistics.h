// The amount of data that was fetched from a registry, for people and programs.
#pragma once

#include <string>

#include "core/base/json.h"
#include "core/remote/remote_registry.h"

namespace layoutfs {

// Writes the member "registry" of the current object: requests and retries; bytes fetched and read from the
// cache; and these bytes, with the number of requests, for each blob.
void write_statistics(JsonWriter& json, const RemoteRegistry& registry);

}  // namespace layoutfs
