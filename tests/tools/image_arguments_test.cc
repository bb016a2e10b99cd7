// Names of images in messages.
#include "tools/cli/image_arguments.h"

#include <gtest/gtest.h>

namespace layoutfs::tools {
namespace {

TEST(ImageArguments, ImagesAreNamedLikeOperands) {
  const std::string digest = Digest::of(as_bytes("x")).str();
  EXPECT_EQ(name_of_image("img", ""), "img");
  EXPECT_EQ(name_of_image("img", "app:1.0"), "img:app:1.0");
  EXPECT_EQ(name_of_image("img", "1234567"), "img:1234567") << "it may be a tag";
  EXPECT_EQ(name_of_image("img", "@3"), "img:@3");
  EXPECT_EQ(name_of_image("img", digest), "img@" + digest);
  EXPECT_EQ(name_of_image("img", "@" + digest), "img@" + digest);
  EXPECT_EQ(name_of_image("img", "@sha256:1234567"), "img@sha256:1234567");
}

}  // namespace
}  // namespace layoutfs::tools
