// The storage of a layout's references: one interface, two formats.
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

// Thread-safe. The methods are those of Engine. Changes hold the layout's exclusive lock and read the
// references again under it, so that changes of other processes are not lost.
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
// One file each in `refs/` (image-spec 1.0.0-rc4 and before): a descriptor as JSON. Errc::unsupported if all
// of them together exceed the limit of an index.json.
std::unique_ptr<ReferenceStore> refs_dir_references(const LayoutDir& layout, Workspace& workspace);

// Parses `index.json` from `text`. Errc::invalid_image if it is malformed.
Result<std::shared_ptr<const References>> parse_references(Bytes text, std::int64_t mtime_ns);
// Returns the text of `index.json` after these changes. Unchanged entries keep their text.
Result<std::string> rewritten_index(const References& now, ReferenceChanges changes);
// Layouts with tens of thousands of images have entries of some hundred bytes each.
inline constexpr JsonLimits kIndexLimits{
    .bytes = std::size_t{64} << 20, .depth = 128, .values = std::size_t{4} << 20};
// Returns the positions of the entries with that name in `references`.
std::vector<std::size_t> positions_of(const References& references, std::string_view name);
// Returns the entry with that name, without its kRefName annotation. Errc::not_found if there is none.
// Errc::ambiguous if entries of several images have the name.
Result<Descriptor> find_named(const References& references, std::string_view name);
// Returns the changes of Engine::put_reference in index.json, or its errors.
Result<ReferenceChanges> changes_to_put(const References& now, std::string_view name,
                                        const Descriptor& descriptor, PutMode mode);
// Returns the changes of Engine::delete_reference; none if the name does not exist. Its errors.
Result<ReferenceChanges> changes_to_erase(const References& now, std::string_view name);
// Returns `descriptor` as an entry with that name. Errc::invalid_argument as in Engine::put_reference.
Result<Descriptor> index_entry(std::string_view name, const Descriptor& descriptor);
// Errc::invalid_argument
Error invalid_name(std::string_view name);
// Errc::clobber
Error name_taken(std::string_view name);
// Returns whether both have the same content, even if they were read at different times.
bool is_same(const References& a, const References& b);
// Returns `descriptor` without its kRefName annotation.
Descriptor unnamed(Descriptor descriptor);
// Returns the names of the entries without duplicates, in byte order.
std::vector<std::string> names_of(const References& references);
// Returns the text of an `index.json` without entries.
std::string empty_index();

}  // namespace layoutfs
