#include "tools/cli/name_store.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "core/base/environment.h"
#include "core/base/user_namespace.h"

namespace layoutfs::tools {
namespace {

// Uses the same rules as the cache of indexes (index_cache.h), with the data directory of the XDG Base
// Directory Specification.
std::string default_directory() {
  if (std::string directory = environment_variable("LAYOUTFS_STORE"); !directory.empty()) return directory;
  if (::geteuid() == 0 && is_first_user_namespace()) return "/var/lib/layoutfs";
  const std::string base = xdg_directory("XDG_DATA_HOME", ".local/share");
  return base.empty() ? "" : base + "/layoutfs";
}

// Returns whether a label means the layout at `real_path`, even if the label's path has symlinks by now.
bool leads_to(const std::string& label, const std::string& real_path) {
  if (label == real_path) return true;
  const auto path = real_path_of(label);
  return path && *path == real_path;
}

}  // namespace

void NameStoreArguments::add_options(Command command) {
  command.add_option("--store", directory, "Directory of the image names")
      .type_name("DIR")
      .group(kStoreGroup);
  command.add_option("--namespace", name_space, "Namespace of the names (default: default)")
      .type_name("NAMESPACE")
      .group(kStoreGroup);
}

std::string directory_of(const NameStoreArguments& arguments) {
  return arguments.directory.empty() ? default_directory() : arguments.directory;
}

Result<ImageStore> open_name_store(const NameStoreArguments& arguments) {
  std::string directory = directory_of(arguments);
  if (directory.empty())
    return fail(Errc::failed_precondition, "no directory for image names; use --store DIR");
  std::string name_space = arguments.name_space;
  if (name_space.empty()) name_space = environment_variable("LAYOUTFS_NAMESPACE");
  return open_image_store(std::move(directory), name_space.empty() ? "default" : name_space);
}

Result<std::optional<ImageName>> find_image_name(std::string_view name) {
  if (directory_of({}).empty()) return std::nullopt;
  const auto store = open_name_store({});
  if (!store) return fail(Error(store.error()));
  const auto image = store->get(name);
  if (!image && image.error().code() == Errc::not_found) return std::nullopt;
  if (!image) return fail(Error(image.error()));
  const auto layout = image->labels.find(kLayoutLabel);
  if (layout == image->labels.end())
    return fail(
        Error(Errc::not_found, "image '" + image->name + "' has no label " + std::string(kLayoutLabel))
            .with_hint("set the path of its layout with: layoutfs image label " + image->name + " " +
                       std::string(kLayoutLabel) + "=PATH"));
  return ImageName{layout->second, image->target.digest.str()};
}

Result<std::vector<Descriptor>> TargetsInLayout::operator()() {
  std::vector<Descriptor> targets;
  if (directory_.empty()) return targets;
  const auto real_path = real_path_of(path_);
  if (!real_path) return fail(Error(real_path.error()));
  const auto namespaces = image_namespaces(directory_);
  if (!namespaces) return fail(Error(namespaces.error()));
  for (const std::string& each : *namespaces) {
    auto store = stores_.find(each);
    if (store == stores_.end()) {
      auto opened = open_image_store(directory_, each);
      if (!opened) return fail(std::move(opened).error());
      store = stores_.emplace(each, std::move(*opened)).first;
    }
    const auto images = store->second.list();
    if (!images) return fail(Error(images.error()));
    for (const NamedImage& image : *images) {
      const auto layout = image.labels.find(kLayoutLabel);
      if (layout != image.labels.end() && leads_to(layout->second, *real_path))
        targets.push_back(image.target);
    }
  }
  return targets;
}

Result<std::string> real_path_of(const std::string& path) {
  std::error_code failed;
  const auto real = std::filesystem::canonical(path, failed);
  if (failed) return fail(Error::system(failed.value(), path));
  return real.string();
}

}  // namespace layoutfs::tools
