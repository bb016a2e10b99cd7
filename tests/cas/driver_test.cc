// The choice of the engine for a path.
#include "core/cas/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/cas/archive_reader.h"
#include "core/cas/dir_engine.h"
#include "tests/support/layout_writer.h"
#include "tests/support/other_user.h"
#include "tests/support/store.h"

namespace layoutfs {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;

// Supports URIs that start with its name; its errors contain the name.
class NamedDriver final : public Driver {
 public:
  NamedDriver(std::string prefix, std::string name) : prefix_(std::move(prefix)), name_(std::move(name)) {}
  const LayoutKind& kind() const noexcept override { return kind_; }
  bool is_layout(const std::string& path) const override { return path == prefix_ + "layout"; }
  bool supported(const std::string& uri) const override { return uri.starts_with(prefix_); }
  Result<std::unique_ptr<LayoutReader>> open_reader(const std::string&) const override {
    return fail(Errc::invalid_image, name_ + " opened it");
  }
  Result<std::unique_ptr<Engine>> open_engine(const std::string&) const override {
    return fail(Errc::invalid_image, name_ + " opened it to write");
  }
  Status create(const std::string&) const override { return fail(Errc::io, name_ + " created it"); }

 private:
  std::string prefix_, name_;
  LayoutKind kind_{.name = name_, .prefixes = {name_ + ":"}};
};

TEST(Drivers, TheFirstThatSupportsAUriIsTakenAndItsErrorIsFinal) {
  DriverRegistry drivers;
  drivers.add(std::make_shared<const NamedDriver>("a", "first"));
  drivers.add(std::make_shared<const NamedDriver>("a", "never"));
  drivers.add(std::make_shared<const NamedDriver>("", "last"));
  EXPECT_EQ(drivers.open_reader("abc").error().message(), "first opened it");
  EXPECT_EQ(drivers.open_engine("abc").error().message(), "first opened it to write");
  EXPECT_EQ(drivers.create("abc").error().message(), "first created it");
  EXPECT_EQ(drivers.open_reader("b").error().message(), "last opened it");
}

TEST(Drivers, AUriThatNobodySupportsIsNamed) {
  DriverRegistry drivers;
  EXPECT_THAT(drivers.open_reader("some:uri").error().message(), HasSubstr("some:uri"));
  drivers.add(std::make_shared<const NamedDriver>("x", "x"));
  EXPECT_EQ(drivers.open_reader("some:uri").error().code(), Errc::unsupported);
  EXPECT_EQ(drivers.create("some:uri").error().code(), Errc::unsupported);
}

TEST(Drivers, SayWhichKindsOfLayoutThereAre) {
  DriverRegistry drivers;
  EXPECT_FALSE(drivers.is_layout("alayout"));
  EXPECT_EQ(drivers.prefix_of("first:path"), "");
  drivers.add(std::make_shared<const NamedDriver>("a", "first"));
  drivers.add(std::make_shared<const NamedDriver>("b", "second"));
  EXPECT_TRUE(drivers.is_layout("alayout"));
  EXPECT_TRUE(drivers.is_layout("blayout"));
  EXPECT_FALSE(drivers.is_layout("a"));
  EXPECT_TRUE(drivers.supported("a"));
  EXPECT_FALSE(drivers.supported("c"));
  EXPECT_EQ(drivers.prefix_of("second:path"), "second:");
  EXPECT_EQ(drivers.prefix_of("path"), "");
  EXPECT_THAT(drivers.open_reader("c").error().message(), HasSubstr("first or second"));
}

TEST(Drivers, DirectoriesAndMissingPathsAreTheDirDrivers) {
  TempDir directory;
  testing::write_file(directory / "file", "x");
  const auto dir = dir_driver();
  EXPECT_TRUE(dir->supported(directory.path()));
  EXPECT_TRUE(dir->supported(directory / "missing"));
  EXPECT_FALSE(dir->supported(directory / "file"));
  EXPECT_FALSE(dir->supported(directory / "file/below"));
  const auto archive = archive_driver();
  EXPECT_TRUE(archive->supported(directory / "file"));
  EXPECT_FALSE(archive->supported(directory.path()));
  EXPECT_FALSE(archive->supported(directory / "missing"));
}

TEST(Drivers, APathThatMayNotBeLookedAtIsTheDirDriversWhichSaysSo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TempDir directory;
  ASSERT_TRUE(create_dir(directory / "layout"));
  const testing::AsNobody as_nobody;
  const auto drivers = builtin_drivers();
  EXPECT_EQ(drivers.open_reader(directory / "layout").error().sys(), EACCES);
  EXPECT_EQ(drivers.create(directory / "new").error().sys(), EACCES);
}

TEST(Drivers, TheBuiltInOnesMakeAndOpenLayouts) {
  TempDir directory;
  const auto drivers = builtin_drivers();
  ASSERT_TRUE(drivers.create(directory / "layout"));
  EXPECT_EQ(drivers.create(directory / "layout").error().code(), Errc::already_exists);
  EXPECT_TRUE(drivers.open_reader(directory / "layout"));
  EXPECT_EQ(drivers.open_reader(directory / "missing").error().code(), Errc::not_found);
  testing::write_file(directory / "file", "x");
  EXPECT_EQ(drivers.open_reader(directory / "file").error().code(), Errc::invalid_image);
}

TEST(Drivers, ALayoutThatWasOpenedToWriteTakesBlobs) {
  TempDir directory;
  const auto drivers = builtin_drivers();
  ASSERT_TRUE(drivers.create(directory / "layout"));
  const auto engine = drivers.open_engine(directory / "layout").value();
  MemorySource content(as_bytes("content"));
  const auto put = engine->put_blob(content).value();
  EXPECT_EQ(drivers.open_reader(directory / "layout").value()->exists(put.digest), true);
}

TEST(Drivers, AnArchiveIsOpenedToReadOnly) {
  TempDir directory;
  testing::LayoutWriter(directory / "layout").write_index({});
  const std::string archive = directory / "archive.tar";
  ASSERT_EQ(std::system(("tar -C " + (directory / "layout") + " -cf " + archive + " .").c_str()), 0);
  const std::string before = testing::file_text(archive);
  const auto drivers = builtin_drivers();
  EXPECT_TRUE(drivers.open_reader(archive));
  const auto engine = drivers.open_engine(archive);
  ASSERT_FALSE(engine);
  EXPECT_EQ(engine.error().sys(), EROFS);
  EXPECT_EQ(engine.error().code(), Errc::io);
  EXPECT_THAT(engine.error().message(), HasSubstr(archive + ": existing archives cannot be changed"));
  testing::write_file(directory / "file", "x");
  EXPECT_EQ(drivers.open_engine(directory / "file").error().code(), Errc::invalid_image);
  EXPECT_EQ(testing::file_text(archive), before);
}

}  // namespace
}  // namespace layoutfs
