// Where a layout keeps its references: two formats, one interface.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/cas/layout_dir.h"
#include "core/cas/workspace.h"
#include "layoutfs/engine.h"

namespace layoutfs {

// Thread-safe. The methods are those of Engine. Those that change something hold the layout's exclusive lock
// and read again under it, so that no change of another process is lost.
class ReferenceStore {
 public:
  virtual ~ReferenceStore() = default;
  virtual Result<std::shared_ptr<const References>> all(const Context& context = {}) const = 0;
  virtual Result<Descriptor> get(std::string_view name, const Context& context) const = 0;
  virtual Result<std::vector<std::string>> list(const Context& context) const = 0;
  virtual Status put(std::string_view name, const Descriptor& descriptor, PutMode mode,
                     const Context& context) = 0;
  virtual Result<bool> erase(std::string_view name, const Context& context) = 0;
  virtual Status update(const ReferenceUpdate& update, const Context& context) = 0;
};

// Entries of `index.json` (image-spec 1.0). Both arguments must outlive the store.
std::unique_ptr<ReferenceStore> index_references(const LayoutDir& layout, Workspace& workspace);
// A file each in `refs/` (image-spec 1.0.0-rc4 and before): a descriptor as JSON. Errc::unsupported where all
// of them together are larger than an index.json may be.
std::unique_ptr<ReferenceStore> refs_dir_references(const LayoutDir& layout, Workspace& workspace);

// Parses `index.json`, whose bytes are `text`. Errc::invalid_image.
Result<std::shared_ptr<const References>> parse_references(Bytes text, std::int64_t mtime_ns);
// The text of `index.json` after these changes. What they do not name stays as it stands there.
Result<std::string> rewritten_index(const References& now, ReferenceChanges changes);
// Layouts of ten thousands of images have entries of some hundred bytes each.
inline constexpr JsonLimits kIndexLimits{
    .bytes = std::size_t{64} << 20, .depth = 128, .values = std::size_t{4} << 20};
// Where the entries of that name stand in `references`.
std::vector<std::size_t> positions_of(const References& references, std::string_view name);
// The entry of that name, without its kRefName annotation. Errc::not_found; Errc::ambiguous if entries of
// several images have the name.
Result<Descriptor> find_named(const References& references, std::string_view name);
// What Engine::put_reference changes where references are entries of index.json. Its errors.
Result<ReferenceChanges> changes_to_put(const References& now, std::string_view name,
                                        const Descriptor& descriptor, PutMode mode);
// What Engine::delete_reference changes; nothing if there is no such name. Its errors.
Result<ReferenceChanges> changes_to_erase(const References& now, std::string_view name);
// `descriptor` as the entry of that name. Errc::invalid_argument as Engine::put_reference gives it.
Result<Descriptor> index_entry(std::string_view name, const Descriptor& descriptor);
// Errc::invalid_argument
Error invalid_name(std::string_view name);
// Errc::clobber
Error name_taken(std::string_view name);
// Whether both say the same, whenever they were read.
bool is_same(const References& a, const References& b);
// `descriptor` without its kRefName annotation.
Descriptor unnamed(Descriptor descriptor);
// The names of the entries, each once, in byte order.
std::vector<std::string> names_of(const References& references);
// The text of an `index.json` without entries.
std::string empty_index();

}  // namespace layoutfs
