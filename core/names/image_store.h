// A store of names: images that are known by name, of whatever layouts, as containerd's image store keeps
// them. The blobs stay where they are.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/context.h"
#include "core/base/digest.h"
#include "core/names/named_image.h"

namespace layoutfs {

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

  // Adds an image and returns it as it is kept; both of its times are now. Errc::invalid_argument as
  // checked() gives it; Errc::already_exists where there is one of its name, which stays.
  Result<NamedImage> create(NamedImage image, const Context& context = {});
  // Changes the image of that name as merged() does, and returns it as it is kept; `updated_at` becomes now,
  // in any case later than it was. Errc::invalid_argument as merged() gives it; Errc::not_found.
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
