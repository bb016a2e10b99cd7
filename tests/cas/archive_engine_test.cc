// Layouts inside of a tar.
#include "core/cas/archive_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>

#include "tests/support/store.h"
#include "tests/support/tar_writer.h"
#include "tests/support/temp_dir.h"

namespace layoutfs {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::read_text;
using testing::TarWriter;
using testing::TempDir;

const std::string kMarker = R"({"imageLayoutVersion":"1.0.0"})";
std::string blob_name(std::string_view content, Algorithm algorithm = Algorithm::sha256) {
  return Digest::of(as_bytes(content), algorithm).blob_path();
}
std::string index_of(std::string_view content) {
  return R"({"manifests":[{"digest":")" + Digest::of(as_bytes(content)).str() + R"(","size":)" +
         std::to_string(content.size()) +
         R"(,"mediaType":"m","annotations":{"org.opencontainers.image.ref.name":"app"}}]})";
}

class Archive : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Engine>> open(const TarWriter& tar) {
    testing::write_file(path, tar.text());
    return open_archive(path);
  }
  Error error_of(const TarWriter& tar) {
    auto engine = open(tar);
    return engine ? Error(Errc::io, "it opened") : engine.error();
  }
  // A good one, `prefix` in front of each name.
  static TarWriter good(const std::string& prefix = "") {
    TarWriter tar;
    tar.dir(prefix + "blobs").dir(prefix + "blobs/sha256");
    tar.file(prefix + blob_name("one"), "one").file(prefix + blob_name(kLong), kLong);
    tar.file(prefix + blob_name("512", Algorithm::sha512), "512");
    tar.file(prefix + "manifest.json", "[]").file(prefix + "index.json", index_of("one"));
    tar.file(prefix + "oci-layout", kMarker);
    return tar;
  }

  static inline const std::string kLong = std::string(100'000, 'l') + "end";
  TempDir directory;
  std::string path = directory / "image.tar";
};

TEST_F(Archive, IsALayoutLikeAnyOther) {
  for (const char* prefix : {"", "./", "/"}) {
    const auto engine = open(good(prefix)).value();
    EXPECT_EQ(as_text(engine->marker()), kMarker);
    EXPECT_EQ(as_text(engine->references().value()->document), index_of("one"));
    EXPECT_THAT(engine->list_references().value(), ElementsAre("app"));
    EXPECT_EQ(engine->get_reference("app")->digest, Digest::of(as_bytes("one")));
    EXPECT_EQ(engine->get_reference("none").error().code(), Errc::not_found);
    EXPECT_EQ(engine->list_blobs(Algorithm::sha256)->size(), 2u);
    EXPECT_EQ(engine->list_blobs(Algorithm::sha512)->size(), 1u);
    for (const std::string& content : {std::string("one"), kLong}) {
      const auto blob = engine->get_blob(Digest::of(as_bytes(content))).value();
      EXPECT_EQ(blob->size(), content.size());
      EXPECT_EQ(read_text(*blob), content);
      EXPECT_EQ(engine->blob_size(Digest::of(as_bytes(content))).value(), content.size());
    }
    EXPECT_EQ(engine->get_blob(Digest::of(as_bytes("none"))).error().code(), Errc::not_found);
    EXPECT_EQ(engine->exists(Digest::of(as_bytes("none"))), false);
  }
}

TEST_F(Archive, IsNotWrittenTo) {
  const auto engine = open(good()).value();
  const Digest digest = Digest::of(as_bytes("one"));
  EXPECT_EQ(testing::put_text(*engine, "one").error().sys(), EROFS);
  EXPECT_EQ(engine->delete_blob(digest).error().sys(), EROFS);
  EXPECT_EQ(engine->delete_reference("app").error().sys(), EROFS);
  EXPECT_EQ(engine->put_reference("new", testing::descriptor_of("one", "m")).error().sys(), EROFS);
  EXPECT_TRUE(engine->put_reference("app", testing::descriptor_of("one", "m")));
  EXPECT_EQ(engine->blob_path(digest).error().code(), Errc::unsupported);
  EXPECT_EQ(testing::file_text(path), good().text());
}

TEST_F(Archive, IsLikeADirectoryOnReadOnlyMedia) {
  const auto engine = open(good()).value();
  const Digest one = Digest::of(as_bytes("one")), none = Digest::of(as_bytes("none"));
  const auto references = engine->references().value();
  const std::int64_t put_ns = engine->blob_status(one).value()->put_ns;
  EXPECT_EQ(engine->delete_blob(none), false);
  EXPECT_EQ(engine->delete_reference("none"), false);
  EXPECT_TRUE(engine->clean());
  EXPECT_TRUE(engine->put_reference("app", references->entries.at(0)));
  const Descriptor other = testing::descriptor_of("other", "m");
  EXPECT_EQ(engine->put_reference("app", other).error().code(), Errc::clobber);
  EXPECT_EQ(engine->put_reference("app", other, PutMode::replace).error().sys(), EROFS);
  EXPECT_EQ(engine->sweep_blob(none, *references, 0), SweepResult::absent);
  EXPECT_EQ(engine->sweep_blob(one, *references, put_ns), SweepResult::young);
  EXPECT_EQ(engine->sweep_blob(one, References{}, put_ns + 1), SweepResult::references_changed);
  EXPECT_EQ(engine->sweep_blob(one, *references, put_ns + 1).error().sys(), EROFS);
}

TEST_F(Archive, SaysFirstWhatMakesNoSense) {
  const auto engine = open(good()).value();
  const Descriptor descriptor = testing::descriptor_of("one", "m");
  EXPECT_EQ(engine->delete_blob(Digest()).error().code(), Errc::invalid_argument);
  EXPECT_EQ(engine->sweep_blob(Digest(), References{}, 0).error().code(), Errc::invalid_argument);
  EXPECT_EQ(engine->put_reference("no name!", descriptor).error().code(), Errc::invalid_argument);
  EXPECT_EQ(engine->put_reference("app", Descriptor{}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(engine->delete_reference("no name!").error().code(), Errc::invalid_argument);
}

TEST_F(Archive, DoesNothingAfterClosing) {
  const auto engine = open(good()).value();
  const Digest digest = Digest::of(as_bytes("one"));
  EXPECT_TRUE(engine->close());
  EXPECT_TRUE(engine->close());
  EXPECT_EQ(engine->get_blob(digest).error().code(), Errc::closed);
  EXPECT_EQ(testing::put_text(*engine, "one").error().code(), Errc::closed);
  EXPECT_EQ(engine->delete_blob(digest).error().code(), Errc::closed);
  EXPECT_EQ(engine->sweep_blob(digest, References{}, 0).error().code(), Errc::closed);
  EXPECT_EQ(engine->put_reference("app", testing::descriptor_of("one", "m")).error().code(), Errc::closed);
  EXPECT_EQ(engine->delete_reference("app").error().code(), Errc::closed);
  EXPECT_EQ(engine->clean().error().code(), Errc::closed);
}

TEST_F(Archive, IsReadUpToItsEndOnly) {
  ASSERT_TRUE(open(good()));
  // A TiB of zeros would take minutes to read.
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(open_archive(path));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

TEST_F(Archive, TheLastEntryOfANameCounts) {
  TarWriter tar = good();
  const auto name = blob_name("one");
  tar.file(name, "changed").file("index.json", R"({"manifests":[]})");
  const auto engine = open(tar).value();
  EXPECT_EQ(read_text(*engine->get_blob(Digest::of(as_bytes("one"))).value()), "changed");
  EXPECT_TRUE(engine->references().value()->entries.empty());
  tar.symlink(name, "/etc/passwd");
  EXPECT_EQ(open(tar).value()->exists(Digest::of(as_bytes("one"))), false);
}

TEST_F(Archive, ASecondNameOfOneFileIsALink) {
  TarWriter tar = good();
  tar.hardlink(blob_name("linked"), "./" + blob_name("one"));
  tar.hardlink(blob_name("astray"), "manifest.json");
  const auto engine = open(tar).value();
  EXPECT_EQ(read_text(*engine->get_blob(Digest::of(as_bytes("linked"))).value()), "one");
  EXPECT_EQ(engine->exists(Digest::of(as_bytes("astray"))), false);
}

TEST_F(Archive, NeedsWhatALayoutNeeds) {
  EXPECT_THAT(error_of(TarWriter().file("index.json", R"({"manifests":[]})")).message(),
              HasSubstr("no oci-layout file in the archive"));
  EXPECT_THAT(error_of(TarWriter().file("oci-layout", kMarker)).message(),
              HasSubstr("index.json is missing"));
  EXPECT_THAT(error_of(TarWriter().file("oci-layout", "{}").file("index.json", "{}")).message(),
              HasSubstr("imageLayoutVersion"));
  EXPECT_EQ(error_of(TarWriter().file("oci-layout", kMarker).file("index.json", "{")).code(),
            Errc::invalid_image);
}

TEST_F(Archive, AnythingElseIsRefusedByName) {
  EXPECT_EQ(open_archive(directory / "none").error().code(), Errc::not_found);
  EXPECT_EQ(open_archive(directory.path()).error().code(), Errc::invalid_image);
  testing::write_file(path, "");
  EXPECT_THAT(open_archive(path).error().message(), HasSubstr("neither a directory nor a tar archive"));
  testing::write_file(path, "\x1f\x8b compressed");
  EXPECT_EQ(open_archive(path).error().code(), Errc::unsupported);
  EXPECT_FALSE(is_archive(path));
  EXPECT_FALSE(is_archive(directory.path()));
  EXPECT_FALSE(is_archive(directory / "none"));
  testing::write_file(path, good().text());
  EXPECT_TRUE(is_archive(path));
}

TEST_F(Archive, CutOffAnywhereIsAnErrorOrHasLostOnlyWhatFollows) {
  const std::string text = good().text();
  for (std::size_t size = 0; size < text.size(); size += 256) {
    testing::write_file(path, std::string_view(text).substr(0, size));
    const auto engine = open_archive(path);
    if (!engine) {
      EXPECT_THAT(engine.error().code(), AnyOf(Errc::corrupt, Errc::invalid_image)) << size;
      continue;
    }
    const auto digests = (*engine)->list_blobs(Algorithm::sha256).value();
    for (const Digest& digest : digests)
      EXPECT_EQ(Digest::of(as_bytes(read_text(*(*engine)->get_blob(digest).value()))), digest) << size;
  }
  testing::write_file(path, text);
  const auto engine = open_archive(path).value();
  const auto blob = engine->get_blob(Digest::of(as_bytes(kLong))).value();
  ASSERT_EQ(::truncate(path.c_str(), 8192), 0);
  Bytes buffer(kLong.size());
  EXPECT_EQ(blob->read_at(buffer, 0).error().code(), Errc::corrupt);
}

}  // namespace
}  // namespace layoutfs
