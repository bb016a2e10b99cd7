// Common code of the commands on repositories: their store and its errors.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/digest.h"
#include "layoutfs/registry.h"
#include "tools/cli/command.h"
#include "tools/cli/remote.h"

namespace layoutfs::tools {

// The operand and the options that select the store.
struct RegistryArguments {
  std::string store;               // STORE, or docker://HOST
  std::string default_repository;  // --default-repository
  bool follow_links = false;       // --follow-links
  RemoteArguments remote;          // of a registry over HTTP
  void add_options(Command command);
};

// References of a layout that belong to no repository.
struct OtherReferences {
  std::vector<std::string> names;
  std::string of_default;  // one of them that a default repository would have; empty if there is none
};

// A store of repositories. In a layout, the entries' names have the repositories; in any other directory,
// each repository is a layout. It may also be a registry over HTTP.
struct RegistryStore {
  std::string path;
  bool is_layout;
  bool is_remote;
  bool has_default_repository;
  bool follow_links;
  std::unique_ptr<Registry> registry;

  // Returns `error` with the store's path. If a name is unknown, and references of the layout have no
  // repository, adds the option that gives them one.
  Error explained(Error error) const;
  // Returns none if there is a default repository.
  OtherReferences other_references() const;
  // Returns the digest that `text` is or begins, in the layout of the repository; see find_digest.h. If there
  // is no such layout, a short digest is not found.
  Result<Digest> find_digest(const std::string& repository, std::string_view text) const;
};
// The operand TAG|DIGEST, or TAG@DIGEST.
struct RegistryObject {
  std::string tag;
  std::optional<Digest> digest;  // if there is no tag; a digest behind a tag is only checked

  bool is_tag() const noexcept { return !digest; }
};
// Parses the operand. A tag takes precedence over a short digest. Errc::not_found, with both digests, if the
// tag has another digest than the one behind it. Errors of find_digest() in core/cas/find_digest.h.
Result<RegistryObject> find_object(const RegistryStore& store, const std::string& repository,
                                   const std::string& text);
// Opens a store; creates nothing. `keeps_untagged` is RegistryOptions::keep_untagged. Errc::not_found;
// Errc::invalid_image if the path is not a directory, or is a layout without `oci-layout`;
// Errc::invalid_argument if the default repository is not valid, or the store is not a layout and one is
// given.
Result<RegistryStore> open_registry_store(const RegistryArguments& arguments,
                                          ForeignEntry foreign = ForeignEntry::skip_without_repository,
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

}  // namespace layoutfs::tools
