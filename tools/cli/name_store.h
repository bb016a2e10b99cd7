// The store of names for the commands: images by name, in layouts at any place.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/oci/reference.h"
#include "layoutfs/image_store.h"
#include "tools/cli/command.h"

namespace layoutfs::tools {

// The label with the path of an image's layout, which is absolute.
inline constexpr std::string_view kLayoutLabel = "layoutfs.layout";
// The kind of an operand that is a name in the store.
inline constexpr const char* kImageNameKind = "IMAGE";

// The options that select a store and a namespace in it.
struct NameStoreArguments {
  std::string directory;   // --store; empty: $LAYOUTFS_STORE, else /var/lib/layoutfs or the user's own
  std::string name_space;  // --namespace; empty: $LAYOUTFS_NAMESPACE, else "default"
  void add_options(Command command);
};

// Returns the directory of the store, or an empty string if neither the arguments nor the environment name
// one.
std::string directory_of(const NameStoreArguments& arguments);
// Errc::failed_precondition if there is no directory for the store; other errors as for open_image_store().
Result<ImageStore> open_name_store(const NameStoreArguments& arguments);

// Returns the layout and the digest of a named image, in the form of parse_image_name(); nullopt if the name
// does not exist. Errc::not_found if the image has no kLayoutLabel.
Result<std::optional<ImageName>> find_image_name(std::string_view name);

// Returns the current targets of the images of one layout, from all namespaces. The layout is a directory or
// an archive.
class TargetsInLayout {
 public:
  // `directory` is the store's; empty if there is no store.
  TargetsInLayout(std::string directory, std::string path)
      : directory_(std::move(directory)), path_(std::move(path)) {}
  Result<std::vector<Descriptor>> operator()();

 private:
  std::string directory_;
  std::string path_;
  std::map<std::string, ImageStore> stores_;  // by namespace; each reloads its file after a change
};

// Returns the path of a layout as kLayoutLabel stores it: absolute and without symlinks. Errc::io.
Result<std::string> real_path_of(const std::string& path);

}  // namespace layoutfs::tools
