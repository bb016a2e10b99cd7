// A refresh, which one thread does for all that ask: read_sources() reads the images of layouts that have
// changed. If there was a change, also one of what is known about layers, Assembly unites the images of all
// layouts: one record for each image and each layer, no name twice, and a file for each broken image.
#include "fs/tree/storage_catalog.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/engines/estimated_size.h"
#include "core/engines/storage_names.h"
#include "core/tar/tar_header.h"
#include "fs/tree/ref_names.h"
#include "layoutfs/log.h"

namespace layoutfs {
namespace {

// A broken image may be repaired without a change of the references.
constexpr std::chrono::seconds kBrokenChecked{1};
constexpr std::size_t kMaxFileName = 255;  // NAME_MAX

std::string file_name_of(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (c == '%' || c == '/' || c == '\0')
      name += percent_encoded(c);
    else
      name += c;
  }
  if (name == "." || name == "..") name = percent_encoded('.') + name.substr(1);
  name.resize(std::min(name.size(), kMaxFileName));
  return name;
}

// Returns a text that changes if one of the blobs is put again.
std::string status_of(const LayoutReader& reader, const LayerStack& stack) {
  std::string text;
  for (const Descriptor& layer : stack.layers) {
    const auto status = reader.blob_status(layer.digest);
    text += status && *status ? std::to_string((*status)->size) + " " + std::to_string((*status)->put_ns)
                              : "none";
    text += "\n";
  }
  return text;
}

StorageDocument document_of(std::string text) {
  StorageDocument document;
  document.lock = storage_lock(text);
  const ByteView bytes = as_bytes(text);
  document.text = std::make_shared<const Bytes>(bytes.begin(), bytes.end());
  return document;
}

}  // namespace

LayerStack StoragePlace::stack() const {
  const auto end = static_cast<std::ptrdiff_t>(count);
  return {.layers = {whole->layers.begin(), whole->layers.begin() + end},
          .diff_ids = {whole->diff_ids.begin(), whole->diff_ids.begin() + end}};
}

SlotRoot StorageCatalog::root_of(const StoragePlace& place, std::string_view layer_id) const {
  return mount_.slots.slot_of(place.layout, place.stack(), layer_id);
}

Answer<StorageSnapshotPtr> StorageCatalog::current(const Context& context) {
  auto snapshot = flights_.run(0, [&] { return refresh(context); }, context);
  if (snapshot) return std::move(*snapshot);
  if (snapshot.error().code() == Errc::cancelled) return std::unexpected(EINTR);
  return std::unexpected(snapshot.error().to_errno());
}

Result<bool> StorageCatalog::read_source(StorageSource source, const Context& context) {
  const auto found = std::ranges::find_if(
      known_, [&](const KnownSource& each) { return each.source.layout == source.layout; });
  const bool is_new = found == known_.end();
  const bool may_be_repaired =
      !is_new && !found->images.broken.empty() && Clock::now() - found->read_at > kBrokenChecked;
  if (!is_new && !may_be_repaired && source.stamp && source.stamp == found->source.stamp) return false;
  const auto catalog = source.layout->catalog()->current();
  if (!is_new && !may_be_repaired && catalog == found->catalog) {
    found->source.stamp = std::move(source.stamp);
    return false;
  }
  KnownSource known{.source = std::move(source), .catalog = catalog, .images = {}, .read_at = Clock::now()};
  if (catalog->references) {
    auto images = read_layout_images(known.source.layout->graph(), *catalog->references,
                                     known.source.repository, mount_.platform, context);
    if (!images) return fail(std::move(images).error());
    known.images = std::move(*images);
  }
  for (const std::string& problem : catalog->problems())
    known.images.broken.push_back({"index.json", problem});
  if (is_new)
    known_.push_back(std::move(known));
  else
    *found = std::move(known);
  return true;
}

Result<bool> StorageCatalog::read_sources(const Context& context) {
  auto sources = sources_();
  if (!sources) {
    log(LogLevel::warning, sources.error().message());
    return false;
  }
  bool has_changed = false;
  std::unordered_map<const LayoutContext*, std::size_t> order;
  for (StorageSource& source : *sources) {
    order.emplace(source.layout.get(), order.size());
    const auto is_changed = read_source(std::move(source), context);
    if (!is_changed) return is_changed;
    has_changed |= *is_changed;
  }
  has_changed |= std::erase_if(known_, [&](const KnownSource& each) {
                   return !order.contains(each.source.layout.get());
                 }) > 0;
  std::ranges::sort(known_, {}, [&](const KnownSource& each) { return order.at(each.source.layout.get()); });
  return has_changed;
}

const StorageCatalog::LayerFinding& StorageCatalog::finding_of(const LayoutContext& layout,
                                                               const Descriptor& layer,
                                                               const Digest& diff_id) {
  LayerFinding& finding = findings_[layer.digest.str() + " " + diff_id.str()];
  if (finding.is_final) return finding;
  if (const auto facts = layout.library->facts_if_known(layer)) {
    const auto checked = check_diff_id(*facts, diff_id);
    const std::uint64_t missing = facts->missing_blocks(diff_id).value_or(0);
    finding = {.size = {facts->compression, facts->stream_size + missing * kTarBlock},
               .is_final = true,
               .problem = checked ? "" : checked.error().message()};
  } else if (finding.size.diff_size == 0) {
    const auto blob = layout.reader().get_blob(layer.digest);
    if (blob) finding.size = estimated_size(**blob);
  }
  return finding;
}

// Forgets the failure if a blob has changed since.
std::optional<std::string> StorageCatalog::failure_of(const StoragePlace& place, std::string_view layer_id) {
  const SlotRoot root = root_of(place, layer_id);
  std::string why = mount_.slots.failure_of(root.slot);
  if (why.empty()) {
    failed_.erase(root.slot);
    return std::nullopt;
  }
  std::string status = status_of(place.layout->reader(), place.stack());
  const auto [known, is_new] = failed_.try_emplace(root.slot, status);
  if (is_new || known->second == status) return why;
  failed_.erase(known);
  mount_.slots.note_failure(root.slot, "");
  return std::nullopt;
}

// Unites the images of all layouts.
class StorageCatalog::Assembly {
 public:
  explicit Assembly(StorageCatalog& catalog) : catalog_(catalog) {}

  void add(const KnownSource& known) {
    for (const LayoutImage& image : known.images.images) add(known.source, image);
    for (const auto& [name, why] : known.images.broken) add_error(known.source, name, why);
  }
  StorageSnapshot finish() {
    snapshot_->images = document_of(storage_images_json(images_));
    snapshot_->layers = document_of(storage_layers_json(layers_));
    return std::move(*snapshot_);
  }

 private:
  void add(const StorageSource& source, const LayoutImage& image) {
    if (const auto problem = problem_of(source, image)) {
      add_error(source, image.entry, *problem);
      return;
    }
    add_layers(source, image);
    const auto [known, is_new] = positions_.try_emplace(image.record.id, images_.size());
    if (is_new) {
      images_.push_back(image.record);
      images_.back().names.clear();
      images_.back().items.clear();
    }
    StorageImage& record = images_[known->second];
    for (const std::string& name : image.record.names)
      if (names_.insert(name).second) record.names.push_back(name);
    auto& items = snapshot_->items[record.id];
    for (const StorageItem& item : image.record.items) {
      auto file = storage_item_file(item.key);
      if (file && items.try_emplace(std::move(*file), source.layout, item.digest, item.size).second)
        record.items.push_back(item);
    }
  }

  // Returns what makes the image unusable, as far as its layers were read.
  std::optional<std::string> problem_of(const StorageSource& source, const LayoutImage& image) {
    const LayerStack& stack = *image.stack;
    for (std::size_t i = 0; i < stack.layers.size(); ++i) {
      const auto& finding = catalog_.finding_of(*source.layout, stack.layers[i], stack.diff_ids[i]);
      if (!finding.problem.empty())
        return "layer " + std::to_string(i) + " (" + stack.layers[i].digest.str() + "): " + finding.problem;
    }
    if (catalog_.mount_.slots.failure_changes() == 0) return std::nullopt;
    for (std::size_t count = 1; count <= stack.layers.size(); ++count)
      if (auto why = catalog_.failure_of({source.layout, image.stack, count}, image.layer_ids[count - 1]))
        return why;
    return std::nullopt;
  }

  void add_layers(const StorageSource& source, const LayoutImage& image) {
    for (std::size_t i = 0; i < image.layer_ids.size(); ++i) {
      const std::string& id = image.layer_ids[i];
      auto& places = snapshot_->places[id];
      const Descriptor& layer = image.stack->layers[i];
      if (places.empty()) {
        const auto& finding = catalog_.finding_of(*source.layout, layer, image.stack->diff_ids[i]);
        layers_.push_back({.id = id,
                           .parent = i == 0 ? "" : image.layer_ids[i - 1],
                           .created = image.record.created,
                           .blob = layer.digest,
                           .blob_size = layer.size,
                           .compression = finding.size.compression,
                           .diff_id = image.stack->diff_ids[i],
                           .diff_size = finding.size.diff_size});
        snapshot_->layer_of_link.emplace(storage_link(id), id);
      }
      // A few suffice: a place is replaced only if its blobs are broken.
      constexpr std::size_t kMaxPlaces = 4;
      if (places.size() < kMaxPlaces) places.push_back({source.layout, image.stack, i + 1});
      auto& of_content = snapshot_->places_of_content[image.stack->diff_ids[i]];
      const auto has_blob = [&](const StoragePlace& known) {
        return known.layout == source.layout && known.layer().digest == layer.digest;
      };
      if (of_content.size() < kMaxPlaces && std::ranges::none_of(of_content, has_blob))
        of_content.push_back({source.layout, image.stack, i + 1});
    }
  }

  void add_error(const StorageSource& source, const std::string& name, const std::string& why) {
    std::string& text =
        snapshot_->errors[file_name_of(source.name.empty() ? name : source.name + ":" + name)];
    text += why + "\n";
  }

  StorageCatalog& catalog_;
  const std::shared_ptr<StorageSnapshot> snapshot_ = std::make_shared<StorageSnapshot>();
  std::vector<StorageImage> images_;
  std::vector<StorageLayer> layers_;
  std::unordered_map<std::string, std::size_t> positions_;  // of images, by ID
  std::set<std::string> names_;
};

Result<StorageSnapshotPtr> StorageCatalog::refresh(const Context& context) {
  if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
  Result<bool> has_changed = false;
  if (const auto now = Clock::now(); !latest_ || now - sources_read_at_ >= pause_) {
    sources_read_at_ = now;
    has_changed = read_sources(context);
  }
  if (!has_changed) return fail(std::move(has_changed).error());
  // Before the assembly: later changes are seen by the next refresh.
  const std::uint64_t failures = mount_.slots.failure_changes();
  std::uint64_t indexes = 0;
  if (!known_.empty()) {
    const LibraryStats stats = known_.front().source.layout->library->stats();
    indexes = stats.indexes_built + stats.indexes_loaded;
  }
  const bool may_be_repaired = !failed_.empty() && Clock::now() - assembled_at_ > kBrokenChecked;
  if (latest_ && !*has_changed && failures == seen_failures_ && indexes == seen_indexes_ && !may_be_repaired)
    return latest_;
  assembled_at_ = Clock::now();
  Assembly assembly(*this);
  for (const KnownSource& known : known_) assembly.add(known);
  auto snapshot = std::make_shared<StorageSnapshot>(assembly.finish());
  for (const KnownSource& known : known_)
    snapshot->mtime_ns = std::max(snapshot->mtime_ns, known.catalog->mtime_ns);
  if (latest_) {
    const bool is_same = latest_->images.lock == snapshot->images.lock &&
                         latest_->layers.lock == snapshot->layers.lock && latest_->errors == snapshot->errors;
    if (is_same || snapshot->mtime_ns <= latest_->mtime_ns)
      snapshot->mtime_ns = latest_->mtime_ns + (is_same ? 0 : 1);
  }
  // Layers that were removed from the layouts.
  if (findings_.size() > 4 * snapshot->places.size() + 1024) findings_.clear();
  seen_failures_ = failures;
  seen_indexes_ = indexes;
  latest_ = std::move(snapshot);
  return latest_;
}

}  // namespace layoutfs
