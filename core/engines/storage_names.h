// The names in a store of containers-storage: of layers, links, files and images. Containers store them, so
// they must never change.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"

namespace layoutfs {

// Returns the IDs of an image's layers, from the base to the top, as containers/image computes them
// (storage/storage_dest.go): engines then recognize the layers when they pull an image. The first one is the
// hex part of the diffID, each other one the SHA-256 of "PARENT+DIFFID". Precondition: the digests are
// SHA-256.
std::vector<std::string> storage_layer_ids(std::span<const Digest> diff_ids);

// Returns the short name of a layer for the overlay driver, which puts many of them into one mount option: 26
// characters of base32 (drivers/overlay/overlay.go). Equal IDs have equal links.
std::string storage_link(std::string_view layer_id);

// Returns the name of the file with this item of an image: the key itself if it has only lower-case letters,
// digits and dots, otherwise "=" and its base64 (containers/storage, images.go, makeBigDataBaseName). nullopt
// if that is not the name of a file.
std::optional<std::string> storage_item_file(std::string_view key);

// Returns the key of a manifest or an index, which can be looked up by its digest.
std::string storage_manifest_key(const Digest& digest);

// Returns the repository for the tags of a layout in the directory or archive `path`: "localhost/" and the
// name of that, in lower case, with other characters replaced by '-'; "localhost/layout" if nothing is left.
std::string storage_repository_of_path(std::string_view path);
// Returns the same for a repository in a directory of layouts: its name if it begins with a registry,
// otherwise "localhost/" and the name.
std::string storage_repository_of_name(std::string_view repository);

// Returns the name of an entry of index.json, with registry and tag; "" if it has none that engines accept.
// Its ref.name or full name (io.containerd.image.name) if one of them has a registry. Otherwise, of the
// ref.name: a tag belongs to `repository`, and REPOSITORY[:TAG] to the registry "localhost". The tag defaults
// to "latest".
std::string storage_image_name(const Descriptor& entry, std::string_view repository);

}  // namespace layoutfs
