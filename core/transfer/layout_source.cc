// Images of a layout as sources.
#include <utility>

#include "core/oci/entry_names.h"
#include "core/oci/reference.h"
#include "core/transfer/store_source.h"
#include "layoutfs/documents.h"

namespace layoutfs {
namespace {

class LayoutSource final : public StoreSource {
 public:
  LayoutSource(std::shared_ptr<const LayoutReader> reader, Descriptor primary, std::string reference,
               SourceOptions options)
      : StoreSource(std::move(reference), std::move(options)),
        reader_(std::move(reader)),
        primary_(std::move(primary)) {}

  Result<RawManifest> get_manifest(const Digest& instance, const Context& context) override {
    if (auto go_on = context.check(); !go_on) return fail(std::move(go_on).error());
    const bool is_primary = instance.empty() || instance == primary_.digest;
    auto descriptor = is_primary ? Result<Descriptor>(primary_) : descriptor_of(instance);
    if (!descriptor) return fail(std::move(descriptor).error());
    auto bytes = read_document(*reader_, *descriptor);
    if (!bytes) return fail(std::move(bytes).error());
    if (descriptor->media_type.empty()) descriptor->media_type = document_type_of(*bytes);
    return RawManifest{std::move(*bytes), std::move(*descriptor)};
  }

 private:
  Result<BlobPtr> open_blob(const Digest& digest) const override { return reader_->get_blob(digest); }
  std::string_view transport() const noexcept override { return kLayoutTransport; }
  std::string_view location() const noexcept override { return {}; }

  Result<Descriptor> descriptor_of(const Digest& digest) const {
    const auto size = reader_->blob_size(digest);
    if (!size) return fail(Error(size.error()));
    if (!*size) return fail(Errc::not_found, digest.str() + ": no such manifest in the layout");
    return Descriptor{.media_type = {}, .digest = digest, .size = **size};
  }

  std::shared_ptr<const LayoutReader> reader_;
  Descriptor primary_;
};

}  // namespace

Result<std::unique_ptr<ImageSource>> open_source(std::shared_ptr<const LayoutReader> reader,
                                                 std::string_view reference, SourceOptions options) {
  auto found = find_reference(*reader, reference, options.platform);
  if (found && found->media_type.empty()) found = with_media_type(*reader, std::move(*found));
  if (!found) return fail(std::move(found).error());
  if (!can_be_image(found->media_type))
    return fail(Errc::unsupported, "'" + std::string(reference) + "' has the media type '" +
                                       found->media_type + "', neither a manifest nor an index");
  std::string name = reference.empty() ? found->digest.str() : std::string(reference);
  return std::make_unique<LayoutSource>(std::move(reader), std::move(*found), std::move(name),
                                        std::move(options));
}

std::unique_ptr<ImageSource> open_whole_source(std::shared_ptr<const LayoutReader> reader,
                                               WholeSourceOptions options) {
  SourceOptions all{.open_url = std::move(options.open_url), .scope = std::move(options.scope)};
  return std::make_unique<LayoutSource>(std::move(reader), Descriptor(), "", std::move(all));
}

Result<std::vector<ListedImage>> list_images(const LayoutReader& reader, const Context& context) {
  const auto references = reader.references(context);
  if (!references) return fail(Error(references.error()));
  const auto& entries = (*references)->entries;
  const EntryNames names(entries);
  // A name may look like a position or a digest.
  const auto can_be_asked_for = [](std::string_view name) {
    const auto colon = name.find(':');
    return !name.starts_with('@') &&
           (colon == std::string_view::npos || !find_algorithm(name.substr(0, colon)));
  };
  std::vector<ListedImage> images;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!can_be_image(entries[i].media_type)) continue;
    std::string name = names.label(i);
    if (!can_be_asked_for(name)) name = "@" + std::to_string(i);
    images.push_back({std::move(name), entries[i]});
  }
  return images;
}

}  // namespace layoutfs
