#include "core/transfer/copy.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <unordered_set>
#include <utility>

#include "core/base/guarded.h"
#include "core/base/list_text.h"
#include "core/oci/media_types.h"
#include "core/transfer/image_source.h"
#include "layoutfs/blob_batch.h"
#include "layoutfs/platform.h"

namespace layoutfs {
namespace {

// Blobs of up to this size share a wait for the disk; larger ones can be resumed.
constexpr std::uint64_t kSmallBlob = std::uint64_t{1} << 20;
// A batch is flushed at this size, which limits the work lost by an interruption.
constexpr std::uint64_t kBatchBlobs = 8192;
constexpr std::uint64_t kBatchBytes = std::uint64_t{64} << 20;
// Attempts in case garbage collection removes blobs that were to be reused.
constexpr int kAttempts = 3;

// The progress so far. Thread-safe.
class Counter {
 public:
  explicit Counter(const ImageCopyOptions& options) : options_(options) {}

  // Counts each digest once, for all its descriptors.
  void add_known(const Descriptor& descriptor) {
    if (known_.lock()->insert(descriptor.digest).second) known_bytes_ += descriptor.size;
  }
  void add_copied_bytes(std::uint64_t bytes) {
    copied_bytes_ += bytes;
    tell();
  }
  // Of a copy that is repeated.
  void take_back_bytes(std::uint64_t bytes) { copied_bytes_ -= bytes; }
  void add_copied_blob() { ++copied_blobs_; }
  void add_reused_bytes(std::uint64_t bytes) {
    reused_bytes_ += bytes;
    tell();
  }
  void add_reused_blob(std::uint64_t bytes) {
    ++reused_blobs_;
    add_reused_bytes(bytes);
  }
  void add_absent_layer() { ++absent_layers_; }
  void add_absent_child() { ++absent_children_; }
  CopyCounts counts() const {
    return {copied_blobs_, copied_bytes_, reused_blobs_, reused_bytes_, absent_layers_, absent_children_};
  }

 private:
  void tell() const {
    if (options_.on_progress) options_.on_progress({counts(), known_bytes_});
  }

  const ImageCopyOptions& options_;
  Guarded<std::unordered_set<Digest>> known_;
  std::atomic<std::uint64_t> copied_blobs_ = 0, copied_bytes_ = 0, reused_blobs_ = 0, reused_bytes_ = 0,
                             absent_layers_ = 0, absent_children_ = 0, known_bytes_ = 0;
};

// Counts the bytes that are read.
class CountedSource final : public ByteSource {
 public:
  CountedSource(ByteSource& source, Counter& counter) : source_(source), counter_(counter) {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    auto got = source_.read(out);
    if (got) counter_.add_copied_bytes(*got);
    if (got) bytes_ += *got;
    return got;
  }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  ByteSource& source_;
  Counter& counter_;
  std::uint64_t bytes_ = 0;
};

// Counts chunks of blobs. One accessor serves one blob.
class CountedAccessor final : public BlobChunkAccessor {
 public:
  CountedAccessor(BlobChunkAccessor& accessor, Counter& counter) : accessor_(accessor), counter_(counter) {}
  Result<std::unique_ptr<ChunkStream>> get_blob_at(const BlobInfo& info, std::span<const BlobChunk> chunks,
                                                   const Context& context) override {
    auto stream = accessor_.get_blob_at(info, chunks, context);
    if (!stream) return stream;
    return std::make_unique<Stream>(std::move(*stream), *this);
  }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  class Stream final : public ChunkStream {
   public:
    Stream(std::unique_ptr<ChunkStream> stream, CountedAccessor& owner)
        : stream_(std::move(stream)), owner_(owner) {}
    Result<ByteSource*> next() override {
      if (chunk_) owner_.bytes_ += chunk_->bytes();
      chunk_.reset();
      auto chunk = stream_->next();
      if (!chunk || *chunk == nullptr) return chunk;
      return &chunk_.emplace(**chunk, owner_.counter_);
    }

   private:
    std::unique_ptr<ChunkStream> stream_;
    CountedAccessor& owner_;
    std::optional<CountedSource> chunk_;
  };

  BlobChunkAccessor& accessor_;
  Counter& counter_;
  std::uint64_t bytes_ = 0;  // of completely read chunks
};

// Of a manifest that the source does not have.
Result<Visit> children_in(ByteView text) {
  auto manifest = Manifest::parse(text);
  if (!manifest) return fail(std::move(manifest).error());
  return Visit::to(children_of(std::move(*manifest)));
}

// Returns whether the content was wrong, and copying it again may put other bytes.
bool is_fetched_again(const Error& error, const Blob* blob) {
  const bool is_wrong = error.code() == Errc::digest_invalid || error.code() == Errc::corrupt;
  return is_wrong && blob != nullptr && blob->distrust(0, blob->size());
}

class Copier {
 public:
  Copier(const std::shared_ptr<const LayoutReader>& source, const std::shared_ptr<Engine>& destination,
         const ImageCopyOptions& options)
      : source_engine_(source),
        own_graph_(options.graph == nullptr ? std::make_unique<LayoutGraph>(*source, kCopyGraph) : nullptr),
        graph_(options.graph == nullptr ? *own_graph_ : *options.graph),
        engine_(destination),
        options_(options),
        counter_(options) {}

  Status copy_blobs(std::span<const NamedDescriptor> images);
  Status name(std::span<const NamedDescriptor> images);
  CopyCounts counts() const { return counter_.counts(); }

 private:
  Status open();
  Status leave_out(const Descriptor& index, const Descriptor& child);
  Result<Visit> copy_blob(const Descriptor& descriptor, const Context& context);
  Status put(const Descriptor& descriptor, const Context& context);
  DocumentPtr read_small_document(const Descriptor& descriptor, const Context& context) const;
  Result<bool> put_partially(const BlobInfo& info, const Context& context);
  Status put_whole(const BlobInfo& info, const Context& context);
  Status put_document(const BlobInfo& info, ByteView bytes, const Context& context);
  const ExtraDocuments& documents() const {
    static const ExtraDocuments kNone;
    return options_.documents == nullptr ? kNone : *options_.documents;
  }
  Status flush_if_full(std::uint64_t size, const Context& context);
  // Only layers have substitutes, whose locations are worth a record.
  BlobInfoCache* cache_for(const BlobInfo& info) const {
    return is_layer_type(info.media_type) ? options_.cache : nullptr;
  }

  const std::shared_ptr<const LayoutReader> source_engine_;
  const std::unique_ptr<const LayoutGraph> own_graph_;
  const LayoutGraph& graph_;  // of the source
  const std::shared_ptr<Engine> engine_;
  const ImageCopyOptions& options_;
  Counter counter_;
  std::unique_ptr<ImageSource> source_;
  std::shared_ptr<BlobBatch> batch_;
  std::unique_ptr<ImageDestination> small_, large_;  // through batch_, and immediately
  Guarded<std::unordered_set<Digest>> begun_;
  Guarded<std::vector<Digest>> reused_;
  Guarded<std::unordered_set<Digest>> absent_;                      // skipped children of indexes
  std::atomic<std::uint64_t> staged_blobs_ = 0, staged_bytes_ = 0;  // since the last flush, approximately
};

Status Copier::open() {
  source_ = open_whole_source(source_engine_, {.open_url = options_.open_url, .scope = {}});
  batch_ = engine_->start_batch();
  auto small = open_destination(engine_, "", {.blobs = batch_, .scope = options_.scope});
  if (!small) return fail(std::move(small).error());
  small_ = std::move(*small);
  auto large = open_destination(engine_, "", {.find_spans = options_.find_spans, .scope = options_.scope});
  if (!large) return fail(std::move(large).error());
  large_ = std::move(*large);
  return {};
}

Status Copier::copy_blobs(std::span<const NamedDescriptor> images) {
  if (auto opened = open(); !opened) return opened;
  std::vector<Descriptor> roots;
  // The last ones first: of more documents than the graph caches, the search for referrers has left those of
  // the last images.
  for (const NamedDescriptor& image : images) roots.push_back(image.descriptor);
  std::ranges::reverse(roots);
  const Handler copy = [this](const Descriptor& descriptor, const Context& context) -> Result<Visit> {
    // A blob may occur as several kinds of content, each with its own children; it is copied once.
    if (!begun_.lock()->insert(descriptor.digest).second) return Visit();
    return copy_blob(descriptor, context);
  };
  const Handler children_in_source = all_children_handler(
      graph_,
      {.on_problem = {},
       .on_unknown = options_.on_unknown,
       .on_absent = [this](const auto& index, const auto& child) { return leave_out(index, child); }});
  const Handler count = [this, &children_in_source](const Descriptor& descriptor,
                                                    const Context& context) -> Result<Visit> {
    const auto document = documents().find(descriptor.digest);
    auto visit = document == documents().end() ? children_in_source(descriptor, context)
                                               : children_in(document->second);
    if (visit)
      for (const Descriptor& child : visit->children) counter_.add_known(child);
    return visit;
  };
  for (const Descriptor& root : roots) counter_.add_known(root);
  const bool is_parallel = source_->has_thread_safe_get_blob() &&
                           small_->properties().has_thread_safe_put_blob &&
                           large_->properties().has_thread_safe_put_blob;
  auto copied = dispatch(roots, handlers({first_visits(), copy, count}),
                         is_parallel ? options_.max_concurrency : 1, options_.context);
  // Keep the blobs that were copied, also after an error.
  auto flushed = batch_->flush();
  return copied ? flushed : copied;
}

Status Copier::leave_out(const Descriptor& index, const Descriptor& child) {
  if (!options_.skips_absent_children) {
    auto children = index_children_of(graph_, std::span(&index, 1), options_.context);
    if (!children) return fail(std::move(children).error());
    // It is empty if no descriptor states that this is an index.
    if (children->absent.empty()) children->absent.push_back({index.digest, child});
    return fail(Errc::not_found, describe_absent(*children));
  }
  if (absent_.lock()->insert(child.digest).second) counter_.add_absent_child();
  return {};
}

Status Copier::name(std::span<const NamedDescriptor> images) {
  ReferenceBatch references(options_.replaced);
  for (const NamedDescriptor& image : images) references.add(image);
  return references.write(*engine_, *reused_.lock(), options_.context);
}

Result<Visit> Copier::copy_blob(const Descriptor& descriptor, const Context& context) {
  const BlobInfo info = blob_info_of(descriptor);
  const TryReusingBlobOptions reuse{.cache = cache_for(info), .verifies_all = options_.verifies_existing};
  const auto reused = small_->try_reusing_blob_with_options(info, reuse, context);
  if (!reused) return fail(Error(reused.error()));
  if (*reused) {
    counter_.add_reused_blob(descriptor.size);
    reused_.lock()->push_back(descriptor.digest);
    return Visit();
  }
  auto done = put(descriptor, context);
  if (done) {
    counter_.add_copied_blob();
    return Visit();
  }
  const bool is_gone =
      done.error().code() == Errc::not_found && !source_engine_->exists(descriptor.digest).value_or(true);
  const bool is_foreign = !descriptor.urls.empty() && large_->properties().accepts_foreign_layer_urls;
  if (!is_gone || !is_foreign || options_.open_url) return fail(std::move(done).error());
  counter_.add_absent_layer();
  return Visit();
}

Status Copier::put(const Descriptor& descriptor, const Context& context) {
  const BlobInfo info = blob_info_of(descriptor);
  if (const auto document = documents().find(info.digest); document != documents().end())
    return put_document(info, document->second, context);
  if (const auto document = read_small_document(descriptor, context))
    return put_document(info, document->text, context);
  if (descriptor.size > kSmallBlob) {
    const auto is_done = put_partially(info, context);
    if (!is_done) return fail(Error(is_done.error()));
    if (*is_done) return {};
  }
  return put_whole(info, context);
}

// Returns the document with its text if the graph reads it anyway and it matches its descriptor. Returns null
// for others, so that copying their content reports the error.
DocumentPtr Copier::read_small_document(const Descriptor& descriptor, const Context& context) const {
  if (descriptor.size > kSmallBlob && !is_document_type(descriptor.media_type)) return nullptr;
  auto document = graph_.read(descriptor, context);
  const bool has_text = document && descriptor.size > 0 && (*document)->text.size() == descriptor.size;
  return has_text ? std::move(*document) : nullptr;
}

// Returns whether it could be put in this way.
Result<bool> Copier::put_partially(const BlobInfo& info, const Context& context) {
  if (!source_->supports_get_blob_at() || !large_->supports_put_blob_partial()) return false;
  // The existing blob could not be reused, so only the whole blob can replace it.
  if (engine_->exists(info.digest).value_or(true)) return false;
  const auto local = source_engine_->get_blob(info.digest);
  // A blob that is longer than expected would have the right ranges, too: read all of it to notice. Cloning
  // is also better than skipping some reads.
  if (!local || (*local)->size() != info.size || engine_->can_clone(**local)) return false;
  CountedAccessor counted(*source_, counter_);
  const auto put = large_->put_blob_partial(counted, info, cache_for(info), context);
  if (!put && (put.error().code() == Errc::partial_fallback || put.error().code() == Errc::unsupported))
    return false;
  if (!put) return fail(Error(put.error()));
  counter_.add_reused_bytes(*info.size - std::min(*info.size, counted.bytes()));
  return true;
}

Status Copier::put_whole(const BlobInfo& info, const Context& context) {
  for (int rereads = Blob::kMostRereads;; --rereads) {
    auto blob = source_->get_blob(info, nullptr, context);
    if (!blob) return fail(std::move(blob).error(), "the source");
    const bool is_small = info.size && *info.size <= kSmallBlob;
    ImageDestination& destination = is_small ? *small_ : *large_;
    CountedSource content(*blob->content, counter_);
    const auto put = destination.put_blob_with_options(
        content, info, {.cache = cache_for(info), .local = blob->local}, context);
    if (put) {
      counter_.add_copied_bytes(*put->size - std::min(*put->size, content.bytes()));
      return is_small ? flush_if_full(*put->size, context) : Status();
    }
    if (rereads == 0 || !is_fetched_again(put.error(), blob->local.get())) return fail(Error(put.error()));
    counter_.take_back_bytes(content.bytes());
  }
}

Status Copier::put_document(const BlobInfo& info, ByteView bytes, const Context& context) {
  MemorySource memory(bytes);
  CountedSource content(memory, counter_);
  const auto put = small_->put_blob_with_options(content, info, {.cache = cache_for(info)}, context);
  return put ? flush_if_full(*put->size, context) : fail(Error(put.error()));
}

Status Copier::flush_if_full(std::uint64_t size, const Context& context) {
  const std::uint64_t blobs = ++staged_blobs_, bytes = staged_bytes_ += size;
  if (blobs < kBatchBlobs && bytes < kBatchBytes) return {};
  staged_blobs_ = 0;
  staged_bytes_ = 0;
  return batch_->flush(context);
}

}  // namespace

Result<CopyCounts> copy_images(const std::shared_ptr<const LayoutReader>& source,
                               const std::shared_ptr<Engine>& destination,
                               std::span<const NamedDescriptor> images, const ImageCopyOptions& options) {
  if (images.empty()) return CopyCounts();
  // Check the names first, so that nothing is copied in vain.
  if (auto checked = check_names(*destination, images, options.replaced); !checked)
    return fail(std::move(checked).error());
  for (int attempt = 1;; ++attempt) {
    Copier copier(source, destination, options);
    if (auto copied = copier.copy_blobs(images); !copied) return fail(std::move(copied).error());
    auto named = copier.name(images);
    if (named) return copier.counts();
    if (named.error().code() != Errc::not_found || attempt == kAttempts)
      return fail(std::move(named).error());
  }
}

Result<CopyCounts> copy_images(const std::shared_ptr<const LayoutReader>& source,
                               const std::shared_ptr<Engine>& destination,
                               std::span<const NamedDescriptor> images, const CopyOptions& options) {
  return copy_images(source, destination, images, ImageCopyOptions{options});
}

std::string describe_absent(const IndexChildren& children) {
  const auto names_of = [](const auto& entries, auto descriptor_of) {
    std::vector<std::string> names;
    for (const auto& entry : entries) {
      const Descriptor child = descriptor_of(entry);
      std::string name = is_attestation(child) ? "an attestation"
                         : child.platform      ? to_string(*child.platform)
                                               : child.digest.str();
      if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
    return list_of(names);
  };
  std::string text = children.absent.front().index.str() + ": manifests of the index are missing: " +
                     names_of(children.absent, [](const AbsentChild& absent) { return absent.child; });
  if (!children.present.empty())
    text += "; present: " + names_of(children.present, [](const Descriptor& child) { return child; });
  return text;
}

Result<std::vector<Descriptor>> referrers_of(const LayoutGraph& graph, std::span<const Descriptor> images,
                                             const Context& context) {
  const auto references = graph.reader().references(context);
  if (!references) return fail(Error(references.error()));
  const auto referrers = find_referrers(graph, (*references)->entries, context);
  if (!referrers) return fail(Error(referrers.error()));
  const auto& by_subject = referrers->by_subject;
  if (by_subject.empty()) return std::vector<Descriptor>();
  std::map<Digest, Descriptor> found;
  std::vector<Descriptor> next(images.begin(), images.end());
  const Handler note = [&](const Descriptor& descriptor, const Context&) -> Result<Visit> {
    const auto [first, last] = by_subject.equal_range(descriptor.digest);
    for (auto referrer = first; referrer != last; ++referrer) {
      const Descriptor& named = referrer->second.named;
      if (found.emplace(named.digest, named).second) next.push_back(named);
    }
    return Visit();
  };
  const Handler once = first_visits();
  const Handler children = all_children_handler(
      graph,
      {.on_problem = [](const auto&, const auto&) { return Status(); }, .on_unknown = {}, .on_absent = {}});
  // Each round of referrers starts its own walk: an index may lead to its own subject, which is not a cycle
  // of documents.
  while (!next.empty()) {
    const std::vector<Descriptor> roots = std::exchange(next, {});
    const auto walked = walk(roots, handlers({once, note, children}), context);
    if (!walked) return fail(Error(walked.error()));
  }
  for (const Descriptor& image : images) found.erase(image.digest);
  std::vector<Descriptor> all;
  for (auto& [digest, descriptor] : found) all.push_back(std::move(descriptor));
  return all;
}

}  // namespace layoutfs
