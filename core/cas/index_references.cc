// References as entries of `index.json`.
#include <algorithm>
#include <cerrno>

#include "core/base/check.h"
#include "core/base/guarded.h"
#include "core/base/json.h"
#include "core/cas/descriptor_json.h"
#include "core/cas/members.h"
#include "core/cas/named_entries.h"
#include "core/cas/reference_name.h"
#include "core/cas/reference_store.h"

namespace layoutfs {
namespace {

// Checks only the JSON: an entry that is invalid otherwise can still have a name, and be removed.
bool has_name(JsonValue entry, std::string_view name) {
  const auto annotations = entry.find("annotations");
  const auto found = annotations ? annotations->find(kRefName) : std::nullopt;
  return found && found->as_string() == name;
}

// `index.json` for changes: unchanged parts keep their text, including unknown fields.
class IndexEditor {
 public:
  // Errc::invalid_image if it is not an index.
  static Result<IndexEditor> open(ByteView text) {
    auto document = JsonDocument::parse(text, kIndexLimits);
    if (!document) return fail(std::move(document).error(), kIndexFile);
    if (!document->root().is_object())
      return fail(Errc::invalid_image, std::string(kIndexFile) + ": not an object");
    if (auto spelled = check_spelling(document->root(), members::kDocument); !spelled)
      return fail(std::move(spelled).error(), kIndexFile);
    const auto entries = document->root().find("manifests");
    if (!entries || (!entries->is_array() && !entries->is_null()))
      return fail(Errc::invalid_image, std::string(kIndexFile) + ": manifests is not an array");
    if (auto spelled = check_entries(*entries); !spelled) return fail(std::move(spelled).error(), kIndexFile);
    return IndexEditor(std::move(*document), *entries);
  }

  std::size_t size() const { return entries_.size(); }
  JsonValue at(std::size_t position) const { return entries_.at(position); }

  // Returns the positions of the entries with that name.
  std::vector<std::size_t> find(std::string_view name) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (has_name(entries_.at(i), name)) found.push_back(i);
    return found;
  }

  // Returns the document with these changes, which use the positions of the original.
  std::string rewritten(const ReferenceChanges& changes) const {
    JsonWriter writer(JsonWriter::Style::indented);
    writer.begin_object();
    const JsonValue root = document_.root();
    // Required by image-spec, but some writers omit it.
    if (!root.find("schemaVersion")) writer.key("schemaVersion").integer(2);
    for (std::size_t i = 0; i < root.size(); ++i) {
      const bool is_list = root.name_at(i) == "manifests";
      writer.key(root.name_at(i));
      is_list ? write_entries(writer, changes) : void(writer.value(root.at(i)));
    }
    return writer.end_object().str() + "\n";
  }

 private:
  IndexEditor(JsonDocument document, JsonValue entries) : document_(std::move(document)), entries_(entries) {}

  // Refuses entries that other readers may know by another name: they must not be removed or replaced.
  static Status check_entries(JsonValue entries) {
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (auto spelled = check_spelling(entries.at(i), members::kDescriptor); !spelled)
        return fail(std::move(spelled).error(), "entry " + std::to_string(i));
    return {};
  }

  void write_entries(JsonWriter& writer, const ReferenceChanges& changes) const {
    writer.begin_array();
    auto change = changes.changed.begin();
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (change == changes.changed.end() || change->position != i) {
        writer.value(entries_.at(i));
        continue;
      }
      if (change->replacement) write_descriptor(writer, *change->replacement);
      ++change;
    }
    for (const Descriptor& entry : changes.added) write_descriptor(writer, entry);
    writer.end_array();
  }

  JsonDocument document_;
  JsonValue entries_;  // of the document
};

// Returns the document positions of the `count` valid entries in DescriptorList.
std::vector<std::size_t> understood(const IndexEditor& editor, std::size_t count) {
  std::vector<std::size_t> places;
  places.reserve(count);
  for (std::size_t i = 0; i < editor.size(); ++i)
    if (count == editor.size() || parse_descriptor(editor.at(i))) places.push_back(i);
  return places;
}

class IndexReferences final : public ReferenceStore {
 public:
  IndexReferences(const LayoutDir& layout, Workspace& workspace) : layout_(layout), workspace_(workspace) {}

  Result<std::shared_ptr<const References>> all(const Context& context) const override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const auto found = status();
    if (!found) return fail(Error(found.error()));
    auto cache = cache_.lock();
    if (cache->state.is_still(*found)) return cache->references;
    return read(*cache);
  }

  Result<Descriptor> get(std::string_view name, const Context& context) const override {
    const auto references = all(context);
    if (!references) return fail(Error(references.error()));
    return find_named(**references, name);
  }

  Result<std::vector<std::string>> list(const Context& context) const override {
    const auto references = all(context);
    if (!references) return fail(Error(references.error()));
    return names_of(**references);
  }

  Status put(std::string_view name, const Descriptor& descriptor, PutMode mode,
             const Context& context) override {
    const auto wanted = index_entry(name, descriptor);
    if (!wanted) return fail(Error(wanted.error()));
    const auto lock = layout_.lock_exclusive(context);
    if (!lock) return fail(Error(lock.error()));
    const auto editor = edit();
    if (!editor) return fail(Error(editor.error()));
    std::vector<std::size_t> present = editor->find(name);
    const auto plan = plan_put(name, entries_at(*editor, present), *wanted, mode);
    if (!plan) return fail(Error(plan.error()));
    if (plan->is_there) return {};
    ReferenceChanges changes;
    for (const std::size_t i : plan->replaced) changes.changed.push_back({present[i], std::nullopt});
    if (changes.changed.empty())
      changes.added.push_back(*wanted);
    else
      changes.changed.front().replacement = *wanted;
    return write(editor->rewritten(changes));
  }

  Result<bool> erase(std::string_view name, const Context& context) override {
    const auto lock = layout_.lock_exclusive(context);
    if (!lock) return fail(Error(lock.error()));
    const auto editor = edit();
    if (!editor) return fail(Error(editor.error()));
    const auto present = editor->find(name);
    if (present.empty()) {
      // Names with another syntax, from other programs, can be removed. If the name does not exist, it may be
      // a typing error.
      if (!is_reference_name(name)) return fail(invalid_name(name));
      return false;
    }
    if (auto one = check_one_image(name, entries_at(*editor, present)); !one)
      return fail(std::move(one).error());
    if (auto written = write(editor->rewritten(without(present))); !written)
      return fail(std::move(written).error());
    return true;
  }

  Status update(const ReferenceUpdate& update, const Context& context) override {
    const auto lock = layout_.lock_exclusive(context);
    if (!lock) return fail(Error(lock.error()));
    const auto now = all(context);
    if (!now) return fail(Error(now.error()));
    auto changes = update(**now);
    if (!changes) return fail(std::move(changes).error());
    if (changes->changed.empty() && changes->added.empty()) return {};
    const auto text = rewritten_index(**now, std::move(*changes));
    if (!text) return fail(Error(text.error()));
    return write(*text);
  }

 private:
  struct Cache {
    std::shared_ptr<const References> references;
    FileState state;  // of index.json when it was read
  };

  // Of the file itself, or of the target if it is a symlink.
  Result<struct stat> status() const {
    struct stat found;
    if (::fstatat(layout_.fd(), kIndexFile, &found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return fail(Errc::invalid_image, std::string(kIndexFile) + " is missing");
      return fail(Error::system(errno, kIndexFile));
    }
    if (!S_ISLNK(found.st_mode)) return found;
    const auto file = open_required(layout_, kIndexFile, O_PATH);
    if (!file) return fail(Error(file.error()));
    return stat_of(file->get(), kIndexFile);
  }

  Result<std::shared_ptr<const References>> read(Cache& cache) const {
    auto fd = open_required(layout_, kIndexFile, kReadFlags);
    if (!fd) return fail(std::move(fd).error());
    // Before reading it: if it changes during the read, the next call reads it again.
    const auto found = stat_of(fd->get(), kIndexFile);
    if (!found) return fail(Error(found.error()));
    const FileState state(*found);
    auto text = read_all(fd->get(), kIndexFile, kIndexLimits.bytes);
    if (!text) return fail(std::move(text).error());
    const std::int64_t mtime_ns = to_ns(found->st_mtim);
    const bool is_same_still = cache.references != nullptr && cache.references->document == *text &&
                               cache.references->mtime_ns == mtime_ns;
    if (!is_same_still) {
      auto references = parse_references(std::move(*text), mtime_ns);
      if (!references) return references;
      cache.references = std::move(*references);
    }
    cache.state = state;
    return cache.references;
  }

  static ReferenceChanges without(const std::vector<std::size_t>& positions) {
    ReferenceChanges changes;
    for (const std::size_t position : positions) changes.changed.push_back({position, std::nullopt});
    return changes;
  }

  static std::vector<NamedEntry> entries_at(const IndexEditor& editor,
                                            const std::vector<std::size_t>& positions) {
    std::vector<NamedEntry> entries;
    for (const std::size_t position : positions) {
      auto entry = parse_descriptor(editor.at(position));
      entries.push_back(entry ? NamedEntry(std::move(*entry)) : std::nullopt);
    }
    return entries;
  }

  Result<IndexEditor> edit() const {
    const auto text = read_required(layout_, kIndexFile, kIndexLimits.bytes);
    if (!text) return fail(Error(text.error()));
    return IndexEditor::open(*text);
  }

  Status write(const std::string& text) {
    if (text.size() > kIndexLimits.bytes)
      return fail(Errc::unsupported, std::string(kIndexFile) + " would become larger than " +
                                         std::to_string(kIndexLimits.bytes) + " bytes");
    return replace_file(workspace_, layout_, layout_.fd(), kIndexFile, as_bytes(text));
  }

  const LayoutDir& layout_;
  Workspace& workspace_;
  mutable Guarded<Cache> cache_;
};

}  // namespace

Result<std::shared_ptr<const References>> parse_references(Bytes text, std::int64_t mtime_ns) {
  const auto document = JsonDocument::parse(text, kIndexLimits);
  if (!document) return fail(Error(document.error()), kIndexFile);
  if (!document->root().is_object())
    return fail(Errc::invalid_image, std::string(kIndexFile) + ": not an object");
  if (auto spelled = check_spelling(document->root(), members::kDocument); !spelled)
    return fail(std::move(spelled).error(), kIndexFile);
  auto list = DescriptorList::from_member(document->root(), "manifests");
  if (!list) return fail(std::move(list).error(), kIndexFile);
  return std::make_shared<const References>(
      References{std::move(list->entries), std::move(list->problems), std::move(text), mtime_ns});
}

Result<std::string> rewritten_index(const References& now, ReferenceChanges changes) {
  const auto editor = IndexEditor::open(now.document);
  if (!editor) return fail(Error(editor.error()));
  const std::vector<std::size_t> places = understood(*editor, now.entries.size());
  for (ReferenceChanges::Change& change : changes.changed) {
    check(change.position < places.size(), "a change names an entry");
    change.position = places[change.position];
  }
  return editor->rewritten(changes);
}

std::vector<std::size_t> positions_of(const References& references, std::string_view name) {
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < references.entries.size(); ++i)
    if (references.entries[i].ref_name() == name) positions.push_back(i);
  return positions;
}

Result<Descriptor> find_named(const References& references, std::string_view name) {
  std::vector<NamedEntry> entries;
  for (const std::size_t position : positions_of(references, name))
    entries.emplace_back(references.entries[position]);
  if (entries.empty()) return fail(Errc::not_found, "no reference '" + std::string(name) + "'");
  if (auto one = check_one_image(name, entries); !one) return fail(std::move(one).error());
  return unnamed(*std::move(entries.front()));
}

Result<ReferenceChanges> changes_to_put(const References& now, std::string_view name,
                                        const Descriptor& descriptor, PutMode mode) {
  const auto wanted = index_entry(name, descriptor);
  if (!wanted) return fail(Error(wanted.error()));
  const auto positions = positions_of(now, name);
  std::vector<NamedEntry> entries;
  for (const std::size_t position : positions) entries.emplace_back(now.entries[position]);
  const auto plan = plan_put(name, entries, *wanted, mode);
  if (!plan) return fail(Error(plan.error()));
  ReferenceChanges changes;
  if (plan->is_there) return changes;
  for (const std::size_t i : plan->replaced) changes.changed.push_back({positions[i], std::nullopt});
  if (changes.changed.empty())
    changes.added.push_back(*wanted);
  else
    changes.changed.front().replacement = *wanted;
  return changes;
}

Result<ReferenceChanges> changes_to_erase(const References& now, std::string_view name) {
  ReferenceChanges changes;
  const auto found = find_named(now, name);
  if (!found && found.error().code() == Errc::ambiguous) return fail(Error(found.error()));
  if (!found && !is_reference_name(name)) return fail(invalid_name(name));
  for (const std::size_t position : positions_of(now, name))
    changes.changed.push_back({position, std::nullopt});
  return changes;
}

Result<Descriptor> index_entry(std::string_view name, const Descriptor& descriptor) {
  if (!is_reference_name(name)) return fail(invalid_name(name));
  if (descriptor.digest.empty())
    return fail(Errc::invalid_argument, "the descriptor of the reference has no digest");
  Descriptor entry = descriptor;
  entry.annotations.insert_or_assign(std::string(kRefName), std::string(name));
  return entry;
}

Error invalid_name(std::string_view name) {
  return Error(Errc::invalid_argument, "invalid reference name '" + std::string(name) + "'");
}

Error name_taken(std::string_view name) {
  return Error(Errc::clobber, "reference '" + std::string(name) + "' already exists with another target");
}

bool is_same(const References& a, const References& b) {
  return a.document == b.document && a.entries == b.entries && a.problems == b.problems;
}

Descriptor unnamed(Descriptor descriptor) {
  if (descriptor.annotations.erase(std::string(kRefName)) == 0) return descriptor;
  JsonWriter writer;
  write_descriptor(writer, descriptor);
  descriptor.json = writer.str();
  return descriptor;
}

std::vector<std::string> names_of(const References& references) {
  std::vector<std::string> names;
  for (const Descriptor& entry : references.entries)
    if (const auto name = entry.ref_name()) names.emplace_back(*name);
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

std::string empty_index() {
  JsonWriter writer(JsonWriter::Style::indented);
  writer.begin_object().key("schemaVersion").integer(2);
  writer.key("mediaType").string("application/vnd.oci.image.index.v1+json");
  return writer.key("manifests").begin_array().end_array().end_object().str() + "\n";
}

std::unique_ptr<ReferenceStore> index_references(const LayoutDir& layout, Workspace& workspace) {
  return std::make_unique<IndexReferences>(layout, workspace);
}

}  // namespace layoutfs
