// For tests of the registry: a registry over one layout, helpers for pushing, and for reading results.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layoutfs/open.h"
#include "layoutfs/registry.h"
#include "tests/support/documents.h"
#include "tests/support/results.h"
#include "tests/support/store.h"

namespace layoutfs::testing {

inline constexpr std::string_view kOctetType = "application/octet-stream";
inline constexpr std::string_view kEmptyType = "application/vnd.oci.empty.v1+json";

// Returns the content of a source, read in pieces of `piece` bytes, or a sentence with its error.
inline std::string text_of(ByteSource& source, std::size_t piece = 1000) {
  std::string text;
  Bytes buffer(piece);
  for (;;) {
    const auto got = source.read(buffer);
    if (!got) return "cannot be read: " + got.error().message();
    if (*got == 0) return text;
    text += as_text(ByteView(buffer).first(*got));
  }
}
inline std::string text_of(Result<BlobReader> reader) {
  return reader ? text_of(*reader) : "cannot be opened: " + reader.error().message();
}

// Content that must not be read.
class UnreadSource final : public ByteSource {
 public:
  Result<std::size_t> read(std::span<std::byte>) override {
    ADD_FAILURE() << "the content was read";
    return std::size_t{0};
  }
};

inline Result<Descriptor> try_push(Registry& registry, std::string_view repository,
                                   const Descriptor& descriptor, std::string_view text) {
  MemorySource content(as_bytes(text));
  return registry.push_blob(repository, descriptor, content);
}

inline Descriptor push_text(Registry& registry, std::string_view repository, std::string_view text,
                            std::string_view media_type = kOctetType) {
  return must(try_push(registry, repository, descriptor_of(text, media_type), text));
}

inline Result<Descriptor> try_push_manifest(Registry& registry, std::string_view repository,
                                            std::string_view text, std::string_view media_type,
                                            std::vector<std::string> tags = {}) {
  return registry.push_manifest(repository, as_bytes(text), media_type,
                                {.digest = {}, .tags = std::move(tags)});
}

inline Descriptor push_manifest(Registry& registry, std::string_view repository, std::string_view text,
                                std::string_view media_type, std::vector<std::string> tags = {}) {
  return must(try_push_manifest(registry, repository, text, media_type, std::move(tags)));
}

struct PushedImage {
  Descriptor config, layer, manifest;
  std::string text;  // of the manifest
};

// Pushes an image with one layer of content `what`.
inline PushedImage push_image(Registry& registry, std::string_view repository, std::string_view what,
                              std::vector<std::string> tags = {}) {
  PushedImage image;
  image.config = push_text(registry, repository, "{}", kConfigType);
  image.layer = push_text(registry, repository, what, kTarType);
  image.text = manifest_text(image.config, {image.layer});
  image.manifest = push_manifest(registry, repository, image.text, kManifestType, std::move(tags));
  return image;
}

// Adds members at the end of an object.
inline std::string with_members(std::string object, std::string_view members) {
  object.pop_back();
  return object + "," + std::string(members) + "}";
}

// The ref.names of the entries of a layout, in their order; "-" for one without.
inline std::vector<std::string> entry_names(const std::string& layout) {
  std::vector<std::string> names;
  const auto engine = must(open_dir(layout));
  const auto references = must(engine->references());
  for (const Descriptor& entry : references->entries) names.emplace_back(entry.ref_name().value_or("-"));
  return names;
}

// Returns the files in the folders of blobs, including uploads: "sha256/4f53...", sorted.
inline std::vector<std::string> files_of_blobs(const std::string& layout) {
  std::vector<std::string> files;
  const std::filesystem::path blobs = layout + "/blobs";
  if (!std::filesystem::exists(blobs)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(blobs))
    if (!entry.is_directory()) files.push_back(entry.path().lexically_relative(blobs).string());
  std::ranges::sort(files);
  return files;
}

// A registry over one layout that does not exist yet.
class OneLayout : public ::testing::Test {
 protected:
  std::unique_ptr<Registry> open(RegistryOptions options = {}) const {
    options.is_durable = false;
    return must(open_registry(path, options));
  }
  // For tests that do not depend on the repository's name.
  static constexpr std::string_view kApp = "example/app";

  TempDir directory;
  std::string path = directory / "layout";
  std::unique_ptr<Registry> registry = open();
};

}  // namespace layoutfs::testing
