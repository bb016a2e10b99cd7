// Errors, as seen by callers, the kernel and people.
#include "layoutfs/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace layoutfs {
namespace {

TEST(Error, ASystemCallThatFoundNothingIsNotFound) {
  const auto error = Error::system(ENOENT, "index.json");
  EXPECT_EQ(error.code(), Errc::not_found);
  EXPECT_EQ(error.sys(), ENOENT);
  EXPECT_EQ(error.message(), "index.json: No such file or directory");
  EXPECT_EQ(Error::system(EACCES, "x").code(), Errc::io);
}

TEST(Error, ContextGoesInFrontAndKeepsTheKind) {
  const auto error = Error::system(EACCES, "blob").with("layer 3").with("image");
  EXPECT_EQ(error.message(), "image: layer 3: blob: Permission denied");
  EXPECT_EQ(error.code(), Errc::io);
  EXPECT_EQ(error.sys(), EACCES);
}

TEST(Error, TheKernelNeverGetsZeroNorENOSYS) {
  for (int code = 0; code <= static_cast<int>(Errc::denied); ++code) {
    const int answer = Error(static_cast<Errc>(code), "x").to_errno();
    EXPECT_GT(answer, 0) << code;
    EXPECT_NE(answer, ENOSYS) << code;
  }
  EXPECT_EQ(Error::system(ENOSYS, "x").to_errno(), EIO);
  EXPECT_EQ(Error::system(ENOSPC, "x").to_errno(), ENOSPC);
}

}  // namespace
}  // namespace layoutfs
