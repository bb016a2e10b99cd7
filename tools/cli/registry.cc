// Common code of the commands on repositories.
#include "tools/cli/registry.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "core/cas/driver.h"
#include "core/cas/foreign_format.h"
#include "core/cas/layout_dir.h"
#include "core/oci/repository_names.h"
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

// Returns whether the entries would be valid with a default repository.
bool lacks_default_repository(const std::string& layout, bool follow_links) {
  const auto reader = builtin_drivers({.follow_links = follow_links}).open_reader(layout);
  if (!reader) return false;
  const auto references = (*reader)->references();
  if (!references) return false;
  constexpr std::string_view kAny = "a";
  return std::ranges::any_of((*references)->entries, [&](const Descriptor& entry) {
    return !entry_name_of(entry, "") && entry_name_of(entry, kAny);
  });
}

// Returns the error for a path that is not a directory.
Error explain_no_directory(const std::string& path, const fs::file_status& status, std::error_code failed) {
  if (!fs::exists(status)) {
    if (auto error = explain_transport(path)) return *std::move(error);
    return Error::system(failed ? failed.value() : ENOENT, path);
  }
  if (!fs::is_regular_file(status)) return {Errc::invalid_image, path + ": not a directory"};
  if (const auto reader = builtin_drivers().open_reader(path); !reader) return reader.error();
  return {Errc::invalid_image, path +
                                   ": repositories are kept in directories, and this is an archive; to make "
                                   "a layout of it: layoutfs copy " +
                                   path + " DIR"};
}

}  // namespace

void RegistryArguments::add_options(Command command) {
  command.add_option("STORE", store, "A layout with repositories in its references, or a directory of layouts")
      .required();
  command
      .add_option("--default-repository", default_repository,
                  "Repository of references that are only a tag, or have no name")
      .type_name("REPOSITORY")
      .group(kImageGroup);
  add_follow_links(command, follow_links);
}

Error RegistryStore::explained(Error error) const {
  Error named = std::move(error).with(path);
  if (named.code() != Errc::invalid_image || !is_layout || has_default_repository ||
      !lacks_default_repository(path, follow_links))
    return named;
  return {named.code(), named.message() + " (say with --default-repository which repository that is in)"};
}

Result<RegistryStore> open_registry_store(const RegistryArguments& arguments, ForeignEntry foreign,
                                          bool keeps_untagged) {
  const std::string& path = arguments.store;
  if (path.empty()) return fail(Errc::invalid_argument, "the path of the store is empty");
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
                path + ": " + kIndexFile + " without " + kMarkerFile + ", which makes a layout of it");
  if (!is_layout && !options.default_repository.empty())
    return fail(Errc::invalid_argument,
                path + ": no layout, so --default-repository has nothing to say of it");
  auto registry = is_layout ? open_registry(path, options) : open_repositories(path, options);
  if (!registry) return fail(std::move(registry).error(), path);
  return RegistryStore{path, is_layout, !options.default_repository.empty(), options.follow_links,
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
