// Common code of the commands on repositories.
#include "tools/cli/registry.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/cas/driver.h"
#include "core/cas/find_digest.h"
#include "core/cas/foreign_format.h"
#include "core/cas/layout_dir.h"
#include "core/oci/entry_names.h"
#include "core/oci/repository_names.h"
#include "core/oci/repository_tree.h"
#include "core/registry/repository_map.h"
#include "layoutfs/open.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

namespace fs = std::filesystem;

bool is_no_directory(const fs::path& path) {
  std::error_code failed;
  const auto status = fs::status(path, failed);
  return fs::exists(status) && !fs::is_directory(status);
}

// Returns the error for a path that is not a directory.
Error explain_no_directory(const std::string& path, const fs::file_status& status, std::error_code failed) {
  if (!fs::exists(status)) {
    if (auto error = explain_transport(path)) return *std::move(error);
    return Error::system(failed ? failed.value() : ENOENT, path);
  }
  if (!fs::is_regular_file(status)) return {Errc::invalid_image, path + ": not a directory"};
  if (const auto reader = builtin_drivers().open_reader(path); !reader) return reader.error();
  return Error(Errc::invalid_image, path + ": an archive cannot be a store of repositories")
      .with_hint("copy it to a layout with: layoutfs copy " + path + " DIR");
}

Result<RegistryStore> open_remote_store(const RegistryArguments& arguments) {
  const std::string& path = arguments.store;
  if (!arguments.default_repository.empty())
    return fail(Errc::invalid_argument, path + ": --default-repository is only for a layout");
  std::string host = path.substr(kRemotePrefix.size());
  if (host.ends_with('/')) host.pop_back();
  if (host != "localhost" && !is_registry_host(host))
    return fail(Errc::invalid_argument, path + ": expected docker://HOST, with a port or a dot in HOST");
  auto registry = open_remote_registry(host, arguments.remote, {});
  if (!registry) return fail(std::move(registry).error());
  return RegistryStore{path, false, true, false, false, *std::move(registry)};
}

}  // namespace

void RegistryArguments::add_options(Command command) {
  command
      .add_option("STORE", store,
                  "A layout with repositories in its references, a directory of layouts, or docker://HOST")
      .required();
  command
      .add_option("--default-repository", default_repository,
                  "Repository of references that are only a tag, or have no name")
      .type_name("REPOSITORY")
      .group(kImageGroup);
  remote.add_options(command);
  add_follow_links(command, follow_links);
}

OtherReferences RegistryStore::other_references() const {
  OtherReferences others;
  if (!is_layout || has_default_repository) return others;
  const auto reader = builtin_drivers({.follow_links = follow_links}).open_reader(path);
  if (!reader) return others;
  const auto references = (*reader)->references();
  if (!references) return others;
  const auto& entries = (*references)->entries;
  const EntryNames labels(entries);
  constexpr std::string_view kAny = "a";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entry_name_of(entries[i], "")) continue;
    others.names.push_back(labels.label(i));
    if (others.of_default.empty() && entry_name_of(entries[i], kAny)) others.of_default = others.names.back();
  }
  return others;
}

Error RegistryStore::explained(Error error) const {
  const RegistryCode code = registry_code(error);
  Error named = std::move(error).with(path);
  if (code != RegistryCode::name_unknown && code != RegistryCode::manifest_unknown) return named;
  const std::string name = other_references().of_default;
  if (name.empty()) return named;
  return std::move(named).with_hint("references without a repository, such as '" + name +
                                    "', need --default-repository");
}

Result<Digest> RegistryStore::find_digest(const std::string& repository, std::string_view text) const {
  auto whole = Digest::parse(text);
  if (whole || !is_short_digest(text)) return of_operand(std::move(whole));
  if (!is_repository_name(repository)) return fail(invalid_repository(repository));
  if (is_remote)
    return fail(Error(Errc::invalid_argument, std::string(text) + ": not a digest")
                    .with_hint("a registry knows only whole digests"));
  auto layout = is_layout ? Result<std::string>(path) : RepositoryTree(path).path_of(repository);
  if (!layout) return fail(std::move(layout).error());
  const auto reader = builtin_drivers({.follow_links = follow_links}).open_reader(*layout);
  if (!reader) return fail(Error(reader.error()));
  return of_operand(layoutfs::find_digest(**reader, text));
}

Result<RegistryObject> find_object(const RegistryStore& store, const std::string& repository,
                                   const std::string& text) {
  const auto at = text.find('@');
  const std::string tag = text.substr(0, at);
  // No tag has a colon.
  if (at == std::string::npos && tag.find(':') != std::string::npos) {
    auto digest = store.find_digest(repository, text);
    if (!digest) return fail(std::move(digest).error());
    return RegistryObject{{}, std::move(*digest)};
  }
  if (at == std::string::npos && !is_short_digest(tag)) return RegistryObject{tag, {}};
  const auto named = store.registry->resolve_tag(repository, tag);
  if (!named && (at != std::string::npos || named.error().code() != Errc::not_found))
    return fail(Error(named.error()));
  if (at == std::string::npos) {
    if (named) return RegistryObject{tag, {}};
    auto digest = store.find_digest(repository, tag);
    if (digest) return RegistryObject{{}, std::move(*digest)};
    return digest.error().code() == Errc::ambiguous ? fail(std::move(digest).error())
                                                    : Result<RegistryObject>(RegistryObject{tag, {}});
  }
  const std::string digest = text.substr(at + 1);
  if (!is_short_digest(digest)) return fail(of_operand(Digest::parse(digest)).error());
  if (begins_digest(digest, named->digest)) return RegistryObject{tag, {}};
  return fail(has_other_digest(repository + ":" + tag, {named->digest}, digest));
}

Result<RegistryStore> open_registry_store(const RegistryArguments& arguments, ForeignEntry foreign,
                                          bool keeps_untagged) {
  const std::string& path = arguments.store;
  if (path.empty()) return fail(Errc::invalid_argument, "the path of the store is empty");
  if (is_remote_name(path)) return open_remote_store(arguments);
  std::error_code failed;
  const auto status = fs::status(path, failed);
  if (!fs::is_directory(status)) return fail(explain_no_directory(path, status, failed));
  if (auto error = explain_image_directory(path); error && !is_no_directory(fs::path(path) / kMarkerFile))
    return fail(*std::move(error));

  RegistryOptions options;
  options.foreign = foreign;
  options.keep_untagged = keeps_untagged;
  options.default_repository = arguments.default_repository;
  options.follow_links = arguments.follow_links;
  // A repository may have the name of one of these files; then the name is a directory.
  const bool is_layout = is_no_directory(fs::path(path) / kMarkerFile);
  if (!is_layout && is_no_directory(fs::path(path) / kIndexFile))
    return fail(Errc::invalid_image,
                path + ": incomplete layout: it has " + kIndexFile + ", but no " + kMarkerFile);
  if (!is_layout && !options.default_repository.empty())
    return fail(Errc::invalid_argument,
                path + ": --default-repository is only for a layout, not for a directory of layouts");
  auto registry = is_layout ? open_registry(path, options) : open_repositories(path, options);
  if (!registry) return fail(std::move(registry).error(), path);
  return RegistryStore{path,
                       is_layout,
                       false,
                       !options.default_repository.empty(),
                       options.follow_links,
                       std::move(*registry)};
}

void PageArguments::add_options(Command command, const char* kind) {
  command.add_option("--after", after, std::string("List only names after ") + kind)
      .type_name(kind)
      .group(kOutputGroup);
  command.add_option("--limit", limit, "List at most N names").type_name("N").group(kOutputGroup);
}

Result<Page> parse_page(const PageArguments& arguments) {
  Page page{.start_after = arguments.after};
  if (arguments.limit.empty()) return page;
  const auto limit = parse_count("--limit", arguments.limit);
  if (!limit) return fail(Error(limit.error()));
  if (*limit == 0) return fail(Errc::invalid_argument, "--limit 0: expected 1 or more");
  page.limit = *limit;
  return page;
}

}  // namespace layoutfs::tools
