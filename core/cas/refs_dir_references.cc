// References as files in `refs/`.
#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/base/guarded.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/cas/descriptor_json.h"
#include "core/cas/named_entries.h"
#include "core/cas/reference_name.h"
#include "core/cas/reference_store.h"

namespace layoutfs {
namespace {

// Go programs also write default-constructed descriptors.
bool is_zero_descriptor(JsonValue value) {
  const auto digest = value.find("digest");
  return digest && digest->as_string() == "";
}

Result<Descriptor> parse_reference(ByteView text) {
  const auto document = JsonDocument::parse(text);
  if (!document) return fail(Error(document.error()));
  if (is_zero_descriptor(document->root())) return Descriptor{};
  return parse_descriptor(document->root());
}

// The limit of index.json applies to the bytes of names and contents and to the number of files.
constexpr std::size_t kMaxBytes = kIndexLimits.bytes;
constexpr std::size_t kMaxFiles = 1'000'000;

std::string path_of(std::string_view name) { return std::string(kRefsFolder) + "/" + std::string(name); }

// Returns a message for a file that looks like a reference; its name may have arbitrary bytes.
std::string not_a_reference(std::string_view name) { return path_of(printable(name)) + ": not a reference"; }

// Some programs write only the tag as the name, for images with different full names.
bool is_of_another_image(const Descriptor& present, const Descriptor& wanted) {
  return full_name(present) && full_name(wanted) && full_name(present) != full_name(wanted);
}

Error is_one_file(std::string_view name, const Descriptor& present, const Descriptor& wanted) {
  return {Errc::clobber, path_of(name) + " is " + std::string(*full_name(present)) + ", so " +
                             std::string(*full_name(wanted)) +
                             " needs another name: refs/ has one image per name"};
}

class RefsDirReferences final : public ReferenceStore {
 public:
  RefsDirReferences(const LayoutDir& layout, Workspace& workspace) : layout_(layout), workspace_(workspace) {}

  // The directory's times change when a file is added, removed or replaced by rename; programs change
  // references in no other way.
  Result<std::shared_ptr<const References>> all(const Context& context) const override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    auto folder = open_refs();
    if (!folder) return fail(std::move(folder).error());
    const auto found = stat_of(folder->get(), kRefsFolder);
    if (!found) return fail(Error(found.error()));
    auto cache = cache_.lock();
    if (cache->state.is_still(*found)) return cache->references;
    const FileState state(*found);
    const auto listing = list_entries(std::move(*folder), context);
    if (!listing) return fail(Error(listing.error()));
    auto references = read_all_of(*listing, to_ns(found->st_mtim), context);
    if (!references) return fail(std::move(references).error());
    const bool is_same_still = cache->references != nullptr && is_same(*cache->references, *references) &&
                               cache->references->mtime_ns == references->mtime_ns;
    if (!is_same_still) cache->references = std::make_shared<const References>(std::move(*references));
    // The target of a symlink may change without changing the directory.
    cache->state = listing->has_links ? FileState() : state;
    return cache->references;
  }

  Result<Descriptor> get(std::string_view name, const Context& context) const override {
    if (auto valid = check_name(name); !valid) return fail(std::move(valid).error());
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    if (const auto folder = open_refs(); !folder) return fail(Error(folder.error()));
    auto found = read(std::string(name));
    if (found) return unnamed(std::move(*found));
    if (found.error().sys() == ENOENT)
      return fail(Errc::not_found, "no reference '" + std::string(name) + "'");
    return found;
  }

  Result<std::vector<std::string>> list(const Context& context) const override {
    auto folder = open_refs();
    if (!folder) return fail(std::move(folder).error());
    auto listing = list_entries(std::move(*folder), context);
    if (!listing) return fail(std::move(listing).error());
    std::vector<std::string> names;
    for (auto& [name, type] : listing->entries)
      if ((type == DT_REG || type == DT_LNK) && is_reference_file_name(name))
        names.push_back(std::move(name));
    return names;
  }

  Status put(std::string_view name, const Descriptor& descriptor, PutMode mode,
             const Context& context) override {
    if (auto valid = check_name(name); !valid) return valid;
    const auto lock = layout_.lock_exclusive(context);
    if (!lock) return fail(Error(lock.error()));
    const auto folder = open_refs();
    if (!folder) return fail(Error(folder.error()));
    const Descriptor wanted = unnamed(descriptor);
    const auto present = read(std::string(name));
    if (present && unnamed(*present) == wanted) return {};
    // An unreadable reference is unknown; an invalid one counts as having another target.
    if (!present && present.error().code() == Errc::io) return fail(Error(present.error()));
    const bool is_there = present || present.error().sys() != ENOENT;
    if (is_there && mode == PutMode::no_clobber) return fail(name_taken(name));
    if (present && is_of_another_image(*present, wanted)) return fail(is_one_file(name, *present, wanted));
    JsonWriter writer;
    write_descriptor(writer, wanted);
    return replace_file(workspace_, layout_, folder->get(), std::string(name), as_bytes(writer.str() + "\n"));
  }

  Status update(const ReferenceUpdate&, const Context&) override {
    return fail(Errc::unsupported, "references in refs/ cannot be changed together");
  }
  Result<bool> erase(std::string_view name, const Context& context) override {
    if (auto valid = check_name(name); !valid) return fail(std::move(valid).error());
    const auto lock = layout_.lock_exclusive(context);
    if (!lock) return fail(Error(lock.error()));
    const auto folder = layout_.open_own(kRefsFolder, kFolderFlags);
    if (!folder) return fail(Error(folder.error()));
    auto removed = remove_file(folder->get(), std::string(name));
    if (!removed || !*removed) return removed;
    if (auto synced = layout_.sync_names(folder->get(), kRefsFolder); !synced)
      return fail(std::move(synced).error());
    return true;
  }

 private:
  struct Cache {
    std::shared_ptr<const References> references;
    FileState state;  // of the directory when it was read
  };

  static Status check_name(std::string_view name) {
    if (is_reference_file_name(name)) return {};
    return fail(invalid_name(name));
  }

  Result<UniqueFd> open_refs() const { return open_required(layout_, kRefsFolder, kFolderFlags); }

  Result<Bytes> read_text(const std::string& name) const {
    const std::string what = path_of(name);
    auto fd = layout_.open(what, kReadFlags);
    if (!fd && is_wrong_type(fd.error())) return fail(wrong_type(what));
    if (!fd) return fail(std::move(fd).error());
    return read_all(fd->get(), what, JsonLimits{}.bytes);
  }

  Result<Descriptor> read(const std::string& name) const {
    const auto text = read_text(name);
    if (!text) return fail(Error(text.error()));
    auto descriptor = parse_reference(*text);
    if (!descriptor) return fail(std::move(descriptor).error(), path_of(name));
    return descriptor;
  }

  struct Listing {
    std::vector<std::pair<std::string, unsigned char>> entries;  // names and types (DT_REG, ...), sorted
    std::size_t bytes = 0;                                       // of all names
    bool has_links = false;
  };

  static Result<Listing> list_entries(UniqueFd folder, const Context& context) {
    Listing listing;
    const auto visit = [&](const char* name, unsigned char type) -> Status {
      listing.entries.emplace_back(name, type);
      listing.bytes += listing.entries.back().first.size();
      listing.has_links |= type == DT_LNK;
      if (listing.entries.size() <= kMaxFiles && listing.bytes <= kMaxBytes) return {};
      return fail(Errc::unsupported, std::string(kRefsFolder) + ": too many references");
    };
    auto listed = for_each_entry(std::move(folder), kRefsFolder, visit, context);
    if (!listed) return fail(std::move(listed).error());
    std::ranges::sort(listing.entries);
    return listing;
  }

  // An invalid reference is a problem, not ignored: its blobs must not become garbage.
  Result<References> read_all_of(const Listing& listing, std::int64_t mtime_ns,
                                 const Context& context) const {
    References references{{}, {}, {}, mtime_ns};
    const auto add_problem = [&](std::string problem) {
      if (references.problems.size() < kMaxProblems) references.problems.push_back(std::move(problem));
    };
    std::size_t bytes = listing.bytes;
    for (const auto& [name, type] : listing.entries) {
      if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
      if (!is_reference_file_name(name)) {
        add_problem(not_a_reference(name));
        continue;
      }
      const auto text = read_text(name);
      if (!text && text.error().sys() == ENOENT) continue;  // deleted after the listing
      if (!text) {
        add_problem(text.error().message());
        continue;
      }
      bytes += text->size();
      if (bytes > kMaxBytes)
        return fail(Errc::unsupported, std::string(kRefsFolder) + ": the references exceed " +
                                           std::to_string(kMaxBytes) + " bytes");
      auto entry = parse_reference(*text);
      if (entry && !entry->digest.empty()) {
        entry->annotations.insert_or_assign(std::string(kRefName), name);
        references.entries.push_back(std::move(*entry));
      } else {
        add_problem(path_of(name) + ": " + (entry ? "names no blob" : entry.error().message()));
      }
    }
    return references;
  }

  const LayoutDir& layout_;
  Workspace& workspace_;
  mutable Guarded<Cache> cache_;
};

}  // namespace

std::unique_ptr<ReferenceStore> refs_dir_references(const LayoutDir& layout, Workspace& workspace) {
  return std::make_unique<RefsDirReferences>(layout, workspace);
}

}  // namespace layoutfs
