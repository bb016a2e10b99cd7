// For tests of copying: layouts, images in them, and helpers for checking the results.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/transfer/image_destination.h"
#include "core/transfer/image_source.h"
#include "layoutfs/documents.h"
#include "layoutfs/open.h"
#include "tests/support/documents.h"
#include "tests/support/results.h"
#include "tests/support/store.h"
#include "tests/transfer/text_accessor.h"

namespace layoutfs::testing {

inline std::shared_ptr<Engine> new_layout(const std::string& path) {
  return must(open_dir(path, {.create_if_missing = true, .is_durable = false}));
}

// The names of the entries of a layout, in their order; "-" for one without.
inline std::vector<std::string> entry_names(const LayoutReader& engine) {
  std::vector<std::string> names;
  const auto references = must(engine.references());
  for (const Descriptor& entry : references->entries) names.emplace_back(entry.ref_name().value_or("-"));
  return names;
}

// Every file below the folder of blobs: blobs, and uploads.
inline std::vector<std::string> files_of_blobs(const std::string& layout) {
  std::vector<std::string> files;
  if (!std::filesystem::exists(layout + "/blobs")) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(layout + "/blobs"))
    if (!entry.is_directory()) files.push_back(entry.path().lexically_relative(layout + "/blobs").string());
  std::ranges::sort(files);
  return files;
}

inline Result<BlobInfo> put(ImageDestination& destination, std::string_view text, const BlobInfo& info,
                            const PutBlobOptions& options = {}, const Context& context = {}) {
  MemorySource content(as_bytes(text));
  return destination.put_blob_with_options(content, info, options, context);
}
inline BlobInfo info_of(std::string_view text) {
  return {.digest = Digest::of(as_bytes(text)), .size = text.size()};
}

// Returns the content of a blob's source.
inline std::string text_of(Result<SourceBlob> blob) {
  if (!blob) return "cannot be opened: " + blob.error().message();
  std::string text;
  for (Bytes buffer(1000);;) {
    const auto got = blob->content->read(buffer);
    if (!got) return "cannot be read: " + got.error().message();
    if (*got == 0) return text;
    text += as_text(ByteView(buffer).first(*got));
  }
}

// Copies one manifest, and all it names.
inline Status copy_manifest(ImageSource& source, ImageDestination& destination, const Digest& instance) {
  const auto raw = source.get_manifest(instance);
  if (!raw) return fail(Error(raw.error()));
  std::vector<Descriptor> blobs, manifests;
  if (document_kind(raw->descriptor.media_type) == DocumentKind::index) {
    manifests = must(Index::parse(raw->bytes)).manifests;
  } else {
    const Manifest manifest = must(Manifest::parse(raw->bytes));
    blobs = manifest.layers;
    blobs.push_back(manifest.config);
  }
  for (const Descriptor& blob : blobs) {
    const auto reused = destination.try_reusing_blob_with_options(blob_info_of(blob));
    if (!reused) return fail(Error(reused.error()));
    if (*reused) continue;
    auto opened = source.get_blob(blob_info_of(blob));
    if (!opened) return fail(std::move(opened).error());
    const PutBlobOptions options{.local = opened->local};
    if (auto put = destination.put_blob_with_options(*opened->content, blob_info_of(blob), options); !put)
      return fail(std::move(put).error());
  }
  for (const Descriptor& manifest : manifests)
    if (auto copied = copy_manifest(source, destination, manifest.digest); !copied) return copied;
  return destination.put_manifest(raw->bytes,
                                  {.descriptor = raw->descriptor, .is_instance = !instance.empty()});
}

inline Status copy_image(ImageSource& source, ImageDestination& destination) {
  if (auto copied = copy_manifest(source, destination, {}); !copied) return copied;
  const auto signatures = source.get_signatures();
  if (!signatures) return fail(Error(signatures.error()));
  if (auto put = destination.put_signatures(*signatures); !put) return put;
  return destination.commit();
}

}  // namespace layoutfs::testing
