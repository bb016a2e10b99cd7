// Common code of the commands on repositories: their store and its errors.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "layoutfs/registry.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

// The operand and the options that select the store.
struct RegistryArguments {
  std::string store;               // STORE
  std::string default_repository;  // --default-repository
  bool follow_links = false;       // --follow-links
  void add_options(Command command);
};

// A store of repositories. In a layout, the entries' names have the repositories; in any other directory,
// each repository is a layout.
struct RegistryStore {
  std::string path;
  bool is_layout;
  bool has_default_repository;
  bool follow_links;
  std::unique_ptr<Registry> registry;

  // Returns `error` with the store's path. If entries have names without a repository, adds the option that
  // gives them one.
  Error explained(Error error) const;
};
// Opens a store; creates nothing. `keeps_untagged` is RegistryOptions::keep_untagged. Errc::not_found;
// Errc::invalid_image if the path is not a directory, or is a layout without `oci-layout`;
// Errc::invalid_argument if the default repository is not valid, or the store is not a layout and one is
// given.
Result<RegistryStore> open_registry_store(const RegistryArguments& arguments,
                                          ForeignEntry foreign = ForeignEntry::error,
                                          bool keeps_untagged = false);

// The range of a listing.
struct PageArguments {
  std::string after;  // --after
  std::string limit;  // --limit
  // `kind` is the kind of the listed names: REPOSITORY, TAG.
  void add_options(Command command, const char* kind);
};
// Errc::invalid_argument if --limit is not a number from 1.
Result<Page> parse_page(const PageArguments& arguments);

// The kind of an operand that is a tag or a digest (tools/commands/complete.h).
inline constexpr const char* kObjectKind = "TAG|DIGEST";
// Returns whether `text` is a digest. Tags have no colon.
inline bool is_digest_operand(std::string_view text) { return text.find(':') != std::string_view::npos; }

}  // namespace layoutfs::tools
