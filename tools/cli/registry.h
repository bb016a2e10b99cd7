// What the commands on repositories share: the store that they are given, and what their errors say.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "layoutfs/registry.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

// How the commands are told where the repositories are.
struct RegistryArguments {
  std::string store;               // STORE
  std::string default_repository;  // --default-repository
  bool follow_links = false;       // --follow-links
  void add_options(Command command);
};

// A layout is a store of all the repositories that its entries name; any other directory is one of a layout
// for each repository.
struct RegistryStore {
  std::string path;
  bool is_layout;
  bool has_default_repository;
  bool follow_links;
  std::unique_ptr<Registry> registry;

  // `error` as one of this store. One about entries whose names say no repository tells how to say it.
  Error explained(Error error) const;
};
// `keeps_untagged` is RegistryOptions::keep_untagged. Makes nothing. Errc::not_found; Errc::invalid_image for
// what is no directory, or is a layout but for its `oci-layout`; Errc::invalid_argument where the default
// repository is none, or the store has no use for it.
Result<RegistryStore> open_registry_store(const RegistryArguments& arguments,
                                          ForeignEntry foreign = ForeignEntry::error,
                                          bool keeps_untagged = false);

// Which part of a listing.
struct PageArguments {
  std::string after;  // --after
  std::string limit;  // --limit
  // `kind` of what is listed: REPOSITORY, TAG.
  void add_options(Command command, const char* kind);
};
Result<Page> parse_page(const PageArguments& arguments);

// What stands in a usage for a manifest by its tag, or for anything by its digest; see
// tools/commands/complete.h.
inline constexpr const char* kObjectKind = "TAG|DIGEST";
// Whether `text` is such a digest: no tag has a colon.
inline bool is_digest_operand(std::string_view text) { return text.find(':') != std::string_view::npos; }

}  // namespace layoutfs::tools
