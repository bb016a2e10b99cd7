// A store of image names, like containerd's image store. It maps names to images of any layouts; the blobs
// stay in their layouts.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/context.h"
#include "layoutfs/descriptor.h"
#include "layoutfs/digest.h"
#include "layoutfs/error.h"

namespace layoutfs {

// A named image, as in containerd (core/images): a name, labels, and a target descriptor.
struct NamedImage {
  std::string name;
  Annotations labels;
  Descriptor target;  // a manifest or an index
  std::chrono::system_clock::time_point created_at{}, updated_at{};
  friend bool operator==(const NamedImage&, const NamedImage&) = default;
};
using NamedImages = std::map<std::string, NamedImage, std::less<>>;

// In bytes. The length of a label is that of its key and its value together.
inline constexpr std::size_t kMaxImageNameLength = 4096;
inline constexpr std::size_t kMaxLabelLength = 4096;

// Errc::invalid_argument if the name is empty, too long, not UTF-8, or contains control characters.
Status check_image_name(std::string_view name);

// Options for tests; the defaults are right for programs.
struct ImageStoreOptions {
  // Wait for the disk before returning. Only tests turn it off.
  bool is_durable = true;
  // The clock for the times of images.
  std::chrono::system_clock::time_point (*now)() = std::chrono::system_clock::now;
};

// One namespace of names, stored as NAMESPACE.json in a directory. Any number of threads and processes may
// use it at the same time. A writer holds the lock of the directory and reads the file again under it.
// Readers take no lock; they see the names before or after a change. Reading creates no files. Cost of each
// call: reads the file if it has changed; changes rewrite it.
//
// Errors of every method: Errc::invalid_image if the file is invalid; it is then never overwritten.
// Errc::unsupported if it has another version or is too large. Errc::io. Methods with a Context wait for the
// lock, and fail with Errc::cancelled, without a change, if the context ends.
class ImageStore {
 public:
  ImageStore(ImageStore&&) noexcept;
  ImageStore& operator=(ImageStore&&) noexcept;
  ~ImageStore();

  // Errc::not_found if there is no such image.
  Result<NamedImage> get(std::string_view name) const;
  // Returns the images that match at least one filter (filter.h), all if there are none, in byte order of
  // their names. Errc::invalid_argument if a filter is invalid.
  Result<std::vector<NamedImage>> list(std::span<const std::string> filters = {}) const;

  // Adds an image and returns it as stored: without empty labels, and with the current time as both times.
  // Errc::invalid_argument if the name is invalid (check_image_name), if a label is too long, if the target
  // has no digest, size or media type, or if text is not UTF-8. Errc::already_exists if the name exists.
  Result<NamedImage> create(NamedImage image, const Context& context = {});
  // Updates the fields in `field_paths`, or all fields if it is empty. Paths are `labels`, `labels.KEY`,
  // `annotations` and `annotations.KEY` (of the target), and `target`; KEY is everything after the first dot.
  // A key that `image` lacks is removed. Returns the image as stored, with a later `updated_at` than before.
  // Errc::invalid_argument if a path is unknown, or as in create(). Errc::not_found if there is no such
  // image.
  Result<NamedImage> update(NamedImage image, std::span<const std::string> field_paths = {},
                            const Context& context = {});
  // Errc::not_found if there is no such image, or if it has another target than a non-empty
  // `expected_target`.
  Status remove(std::string_view name, const Digest& expected_target = {}, const Context& context = {});

 private:
  friend Result<ImageStore> open_image_store(std::string directory, std::string_view name_space,
                                             ImageStoreOptions options);
  struct State;
  explicit ImageStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Opens the names of `name_space` in `directory`, which is created with the first image. A namespace consists
// of letters and digits, separated by single characters of "._-", at most 76 bytes. Errc::failed_precondition
// if it is empty, Errc::invalid_argument if it is invalid otherwise.
Result<ImageStore> open_image_store(std::string directory, std::string_view name_space,
                                    ImageStoreOptions options = {});

// Returns the namespaces that have a file in `directory`, sorted; none if the directory does not exist.
Result<std::vector<std::string>> image_namespaces(const std::string& directory);

}  // namespace layoutfs
