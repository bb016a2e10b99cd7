// Layouts inside of a tar.
#include "core/cas/archive_reader.h"

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
  Result<std::unique_ptr<LayoutReader>> open(const TarWriter& tar) {
    testing::write_file(path, tar.text());
    return open_archive(path);
  }
  Error error_of(const TarWriter& tar) {
    auto reader = open(tar);
    return reader ? Error(Errc::io, "it opened") : reader.error();
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
    const auto reader = open(good(prefix)).value();
    EXPECT_EQ(as_text(reader->marker().value()), kMarker);
    EXPECT_EQ(as_text(reader->references().value()->document), index_of("one"));
    EXPECT_THAT(reader->list_references().value(), ElementsAre("app"));
    EXPECT_EQ(reader->get_reference("app")->digest, Digest::of(as_bytes("one")));
    EXPECT_EQ(reader->get_reference("none").error().code(), Errc::not_found);
    EXPECT_EQ(reader->list_blobs(Algorithm::sha256)->size(), 2u);
    EXPECT_EQ(reader->list_blobs(Algorithm::sha512)->size(), 1u);
    for (const std::string& content : {std::string("one"), kLong}) {
      const auto blob = reader->get_blob(Digest::of(as_bytes(content))).value();
      EXPECT_EQ(blob->size(), content.size());
      EXPECT_EQ(read_text(*blob), content);
      EXPECT_EQ(reader->blob_size(Digest::of(as_bytes(content))).value(), content.size());
    }
    EXPECT_EQ(reader->get_blob(Digest::of(as_bytes("none"))).error().code(), Errc::not_found);
    EXPECT_EQ(reader->exists(Digest::of(as_bytes("none"))), false);
  }
}

TEST_F(Archive, SaysFirstWhatMakesNoSense) {
  const auto reader = open(good()).value();
  EXPECT_EQ(reader->get_blob(Digest()).error().code(), Errc::digest_invalid);
  EXPECT_EQ(reader->blob_status(Digest()).error().code(), Errc::digest_invalid);
  EXPECT_EQ(reader->blob_path(Digest()).error().code(), Errc::digest_invalid);
  EXPECT_EQ(reader->blob_path(Digest::of(as_bytes("one"))).error().code(), Errc::unsupported);
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
  const auto reader = open(tar).value();
  EXPECT_EQ(read_text(*reader->get_blob(Digest::of(as_bytes("one"))).value()), "changed");
  EXPECT_TRUE(reader->references().value()->entries.empty());
  tar.symlink(name, "/etc/passwd");
  EXPECT_EQ(open(tar).value()->exists(Digest::of(as_bytes("one"))).error().code(), Errc::invalid_image);
  tar.dir(name);
  EXPECT_EQ(open(tar).value()->exists(Digest::of(as_bytes("one"))), false);
}

TEST_F(Archive, ASecondNameOfOneFileIsALink) {
  TarWriter tar = good();
  tar.hardlink(blob_name("linked"), "./" + blob_name("one"));
  tar.hardlink(blob_name("other"), "manifest.json").hardlink(blob_name("astray"), "none");
  const auto reader = open(tar).value();
  EXPECT_EQ(read_text(*reader->get_blob(Digest::of(as_bytes("linked"))).value()), "one");
  EXPECT_EQ(read_text(*reader->get_blob(Digest::of(as_bytes("other"))).value()), "[]");
  EXPECT_EQ(reader->exists(Digest::of(as_bytes("astray"))), false);
}

TEST_F(Archive, LinksToFilesOfTheArchiveAreFollowed) {
  TarWriter tar;
  // As docker save writes a repeated layer, as Bazel links blobs, and with a link for the folder itself.
  tar.file("layers/a/layer.tar", "layer").symlink("layers/b/layer.tar", "../a/layer.tar");
  tar.symlink("store/" + Digest::of(as_bytes("layer")).hex(), "../layers/b/layer.tar");
  tar.symlink("blobs/sha256", "../store/");
  tar.file("store/" + Digest::of(as_bytes("one")).hex(), "one");
  tar.file("late/" + Digest::of(as_bytes("later"), Algorithm::sha512).hex(), "later");
  tar.symlink("blobs/sha512", "./x/../../late");
  tar.symlink("index.json", "meta/index").file("meta/index", index_of("one"));
  tar.hardlink("oci-layout", "meta/marker").file("meta/marker", kMarker);
  EXPECT_THAT(error_of(tar).message(), HasSubstr("no oci-layout file"));  // a hard link precedes its file
  tar.hardlink("oci-layout", "meta/marker");
  const auto reader = open(tar).value();
  for (const std::string content : {"one", "layer"})
    EXPECT_EQ(read_text(*reader->get_blob(Digest::of(as_bytes(content))).value()), content);
  EXPECT_EQ(reader->list_blobs(Algorithm::sha256)->size(), 2u);
  EXPECT_EQ(reader->list_blobs(Algorithm::sha512)->size(), 1u);
  EXPECT_EQ(reader->get_reference("app")->digest, Digest::of(as_bytes("one")));
}

TEST_F(Archive, EntriesBehindALinkedFolderAreInIt) {
  TarWriter tar = good();
  tar.dir("elsewhere")
      .symlink("again", "elsewhere/../blobs")
      .file("again/" + blob_name("two").substr(6), "two");
  tar.hardlink(blob_name("three"), "again/" + blob_name("two").substr(6));
  const auto reader = open(tar).value();
  EXPECT_EQ(read_text(*reader->get_blob(Digest::of(as_bytes("two"))).value()), "two");
  EXPECT_EQ(read_text(*reader->get_blob(Digest::of(as_bytes("three"))).value()), "two");
}

TEST_F(Archive, LinksThatLeadToNoFileOfTheArchiveAreNamed) {
  const Digest digest = Digest::of(as_bytes("one"));
  const auto error_behind = [&](const std::string& target) {
    TarWriter tar = good();
    tar.symlink(blob_name("one"), target);
    const auto reader = open(tar).value();
    EXPECT_TRUE(reader->blob_status(digest).value()->is_dead_link) << target;
    EXPECT_EQ(reader->list_blobs(Algorithm::sha256)->size(), 2u) << target;
    return reader->get_blob(digest).error();
  };
  const std::string link = digest.str() + ": " + blob_name("one") + " is a symlink to ";
  for (const std::string target : {"/etc/passwd", "../../../x", "../../.."}) {
    EXPECT_EQ(error_behind(target).message(), link + target + ", which leaves the archive");
    EXPECT_EQ(error_behind(target).code(), Errc::invalid_image);
  }
  for (const std::string target : {"none", "..", ""}) {
    EXPECT_EQ(error_behind(target).message(), link + target + ", which does not exist");
    EXPECT_EQ(error_behind(target).code(), Errc::not_found);
  }
  EXPECT_THAT(error_behind(digest.hex()).message(), HasSubstr("a symlink loop"));
  EXPECT_THAT(error_of(TarWriter(good()).symlink("blobs", "../blobs")).message(),
              HasSubstr("blobs is a symlink to ../blobs, which leaves the archive"));
  EXPECT_THAT(error_of(TarWriter(good()).symlink("index.json", "../index.json")).message(),
              HasSubstr("index.json is a symlink to ../index.json, which leaves the archive"));
  EXPECT_THAT(error_of(TarWriter(good()).symlink("oci-layout", "none")).message(),
              HasSubstr("oci-layout is a symlink to none, which does not exist"));
}

TEST_F(Archive, ManyLongWaysThroughLinksAreRefused) {
  TarWriter tar = good();
  std::string way;
  for (int i = 0; i < 400; ++i) way += "blobs/../";
  std::string last = "oci-layout";
  for (int i = 0; i < 39; ++i) {
    const std::string name = "link" + std::to_string(i);
    tar.symlink(name, way + last);
    last = name;
  }
  for (int i = 0; i < 3000; ++i) tar.symlink(blob_name(std::to_string(i)), "../../" + last);
  EXPECT_THAT(error_of(tar).message(), HasSubstr("too many symlinks"));
}

// "offset size" of each stored piece, as a map of PAX 1.0 in front of the data.
std::string sparse_text_map(const std::vector<std::pair<std::size_t, std::size_t>>& pieces) {
  std::string map = std::to_string(pieces.size()) + "\n";
  for (const auto& [offset, size] : pieces)
    map += std::to_string(offset) + "\n" + std::to_string(size) + "\n";
  return testing::padded(map);
}

TEST_F(Archive, SparseFilesAreReadThroughTheirMaps) {
  // Zeros, data, zeros, data up to the end.
  std::string content(200'000, '\0');
  content.replace(5000, 3000, std::string(3000, 'a'));
  content.replace(150'000, 50'000, std::string(50'000, 'b'));
  std::string index = index_of("one");
  const std::string map = sparse_text_map({{5000, 3000}, {150'000, 50'000}});
  TarWriter tar = good();
  const auto add = [&](const std::string& name, const std::string& whole, const std::string& stored) {
    tar.file("GNUSparseFile.0/x", stored,
             {.pax = {{"GNU.sparse.major", "1"},
                      {"GNU.sparse.minor", "0"},
                      {"GNU.sparse.name", name},
                      {"GNU.sparse.realsize", std::to_string(whole.size())}}});
  };
  add(blob_name(content), content, map + content.substr(5000, 3000) + content.substr(150'000));
  index += std::string(5000, ' ');
  add("index.json", index, sparse_text_map({{0, 100}, {100, index.size() - 100}}) + index);
  tar.hardlink(blob_name("second"), blob_name(content))
      .symlink(blob_name("third"), Digest::of(as_bytes(content)).hex());
  const auto reader = open(tar).value();
  EXPECT_EQ(as_text(reader->references().value()->document), index);
  for (const std::string& name : {content, std::string("second"), std::string("third")}) {
    const auto blob = reader->get_blob(Digest::of(as_bytes(name))).value();
    EXPECT_EQ(blob->size(), content.size());
    EXPECT_EQ(reader->blob_size(Digest::of(as_bytes(name))).value(), content.size());
    EXPECT_EQ(read_text(*blob), content);
    EXPECT_FALSE(blob->extent());
    for (const std::size_t offset : {0u, 4999u, 5000u, 7999u, 8000u, 149'999u, 150'000u, 199'999u, 200'000u})
      for (const std::size_t size : {0u, 1u, 2u, 4000u, 300'000u}) {
        Bytes out(size, std::byte{'x'});
        const auto got = blob->read_at(out, offset).value();
        EXPECT_EQ(as_text(ByteView(out).first(got)), content.substr(offset, size)) << offset << " " << size;
      }
    EXPECT_EQ(blob->read_at(std::span<std::byte>(), UINT64_MAX).value(), 0u);
    blob->will_read(0, UINT64_MAX);
  }
  const auto blob = reader->get_blob(Digest::of(as_bytes(content))).value();
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100'000);
  Bytes out(content.size());
  EXPECT_EQ(blob->read_at(out, 0).error().code(), Errc::corrupt);
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
    const auto reader = open_archive(path);
    if (!reader) {
      EXPECT_THAT(reader.error().code(), AnyOf(Errc::corrupt, Errc::invalid_image)) << size;
      continue;
    }
    const auto digests = (*reader)->list_blobs(Algorithm::sha256).value();
    for (const Digest& digest : digests)
      EXPECT_EQ(Digest::of(as_bytes(read_text(*(*reader)->get_blob(digest).value()))), digest) << size;
  }
  testing::write_file(path, text);
  const auto reader = open_archive(path).value();
  const auto blob = reader->get_blob(Digest::of(as_bytes(kLong))).value();
  ASSERT_EQ(::truncate(path.c_str(), 8192), 0);
  Bytes buffer(kLong.size());
  EXPECT_EQ(blob->read_at(buffer, 0).error().code(), Errc::corrupt);
}

}  // namespace
}  // namespace layoutfs
