// A store of names: images that are known by name, of whatever layouts, as containerd's image store keeps
// them. The blobs stay where they are.
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

// An image by name, as containerd knows it (core/images): a name, labels, and the descriptor that it stands
// for.
struct NamedImage {
  std::string name;
  Annotations labels;
  Descriptor target;  // of a manifest or an index
  std::chrono::system_clock::time_point created_at{}, updated_at{};
  friend bool operator==(const NamedImage&, const NamedImage&) = default;
};
using NamedImages = std::map<std::string, NamedImage, std::less<>>;

// In bytes; a label's are those of its key and its value.
inline constexpr std::size_t kMaxImageNameLength = 4096;
inline constexpr std::size_t kMaxLabelLength = 4096;

// Errc::invalid_argument: empty, too long, not UTF-8, or with control characters.
Status check_image_name(std::string_view name);

struct ImageStoreOptions {
  // Whether a change is on disk when the call returns. Only tests can do without.
  bool is_durable = true;
  // Tells the times of images.
  std::chrono::system_clock::time_point (*now)() = std::chrono::system_clock::now;
};

// One namespace of names, the file NAMESPACE.json in a directory. Any number of threads and processes may use
// it at once: a change holds the directory's lock and reads the file again under it; whoever reads takes no
// lock and sees the names before a change or after it. Nothing is written before something changes.
//
// Errors of every method beside its own: Errc::invalid_image for a file that is broken, which is never
// overwritten; Errc::unsupported for one of another version or too large; Errc::io. What takes a Context
// waits for the directory's lock; once the context has ended, Errc::cancelled, and nothing has changed.
class ImageStore {
 public:
  ImageStore(ImageStore&&) noexcept;
  ImageStore& operator=(ImageStore&&) noexcept;
  ~ImageStore();

  // Errc::not_found.
  Result<NamedImage> get(std::string_view name) const;
  // What one of the filters (filter.h) fits, or everything, in byte order of the names.
  // Errc::invalid_argument for a filter that is none.
  Result<std::vector<NamedImage>> list(std::span<const std::string> filters = {}) const;

  // Adds an image and returns it as it is stored: labels without a value left out, both of its times now.
  // Errc::invalid_argument for a name that check_image_name() refuses, a label that is too long, a target
  // without a digest, a size or a media type, and for text that is not UTF-8; Errc::already_exists if there
  // is one of its name, which stays.
  Result<NamedImage> create(NamedImage image, const Context& context = {});
  // Changes the fields of the image of that name that `field_paths` name: `labels`, `labels.KEY`,
  // `annotations` and `annotations.KEY` (those of the target) and `target`; all of them if there are none. A
  // key that `image` does not have is removed; everything behind the first dot is the key. Returns the image
  // as it is stored; `updated_at` becomes now, in any case later than it was. Errc::invalid_argument for
  // another path, and as create(); Errc::not_found.
  Result<NamedImage> update(NamedImage image, std::span<const std::string> field_paths = {},
                            const Context& context = {});
  // Errc::not_found, also where a target is expected and the image stands for another one.
  Status remove(std::string_view name, const Digest& expected_target = {}, const Context& context = {});

 private:
  friend Result<ImageStore> open_image_store(std::string directory, std::string_view name_space,
                                             ImageStoreOptions options);
  struct State;
  explicit ImageStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The names of `name_space` in `directory`, which need not be there: it is made when the first image is
// created. A namespace is letters and digits with single characters of "._-" between them, 76 bytes at most.
// Errc::failed_precondition for none at all, Errc::invalid_argument for any other.
Result<ImageStore> open_image_store(std::string directory, std::string_view name_space,
                                    ImageStoreOptions options = {});

// Those that `directory` has a file for, sorted; none where it is missing.
Result<std::vector<std::string>> image_namespaces(const std::string& directory);

}  // namespace layoutfs
