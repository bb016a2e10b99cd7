// What `tag rm` and `manifest rm` share: names in a repository, and their removal one after the other.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/cli/registry.h"

namespace layoutfs::tools {

struct RegistryRemoveArguments {
  RegistryArguments registry;
  std::string repository;  // REPOSITORY, or the first REPOSITORY:TAG or REPOSITORY@DIGEST
  std::vector<std::string> names;
  bool is_forced = false;  // a name that is unknown is no error
};

// A tag or a digest of a repository.
struct RegistryName {
  std::string repository;
  std::string object;
};

// The names that are meant. If `repository` is a whole name already, with a tag behind ':' or a digest behind
// '@', so are all others. Errc::invalid_argument if there is none.
Result<std::vector<RegistryName>> names_of(const RegistryRemoveArguments& arguments);

// Removes each of the names, and goes on after a failure; returns the exit code of the first.
int remove_names(const RegistryRemoveArguments& arguments, const RegistryStore& store,
                 const std::function<Status(const RegistryName&)>& remove);

// Adds the option --force, and the operands; those behind the repository are of the kind `kind`.
void add_remove_options(Command command, RegistryRemoveArguments& arguments, const char* kind,
                        const std::string& description);

}  // namespace layoutfs::tools
