// Shared by the tests of the store of names.
#pragma once

#include <gmock/gmock.h>

#include "layoutfs/image_store.h"
#include "tests/support/store.h"
#include "tests/support/temp_dir.h"

namespace layoutfs::testing {

template <class T>
Errc code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result.error().code();
}

inline Descriptor target_of(std::string_view content, std::uint64_t size = 10,
                            std::string_view media_type = "application/vnd.oci.blab",
                            Annotations annotations = {}) {
  Descriptor target = descriptor_of(content, media_type);
  target.size = size;
  target.annotations = std::move(annotations);
  return target;
}

inline std::vector<std::string> names_of(const std::vector<NamedImage>& images) {
  std::vector<std::string> names;
  for (const NamedImage& image : images) names.push_back(image.name);
  return names;
}

class ImageStoreTest : public ::testing::Test {
 protected:
  std::vector<std::string> listed(const std::vector<std::string>& filters = {}) const {
    return names_of(store_.list(filters).value());
  }
  std::string file() const { return path_ + "/default.json"; }
  NamedImage create(std::string name, Annotations labels = {}) {
    return store_.create({.name = name, .labels = std::move(labels), .target = target_of(name)}).value();
  }
  // Returns the error for a file of this content. Checks that no use changes the file.
  Errc refused(std::string_view content) {
    write_file(file(), content);
    const auto before = state_of_tree(path_);
    const auto listed = store_.list();
    EXPECT_FALSE(listed.has_value()) << content;
    if (listed) return Errc::io;
    EXPECT_THAT(listed.error().message(), ::testing::HasSubstr(file()));
    const Errc code = listed.error().code();
    EXPECT_EQ(code_of(store_.get("a")), code);
    EXPECT_EQ(code_of(store_.create({.name = "a", .labels = {}, .target = target_of("a")})), code);
    EXPECT_EQ(code_of(store_.update({.name = "a", .labels = {}, .target = target_of("a")})), code);
    EXPECT_EQ(code_of(store_.remove("a")), code);
    EXPECT_EQ(state_of_tree(path_), before);
    return code;
  }

  TempDir directory_;
  const std::string path_ = directory_ / "names";
  ImageStore store_ = open_image_store(path_, "default").value();
};

}  // namespace layoutfs::testing
